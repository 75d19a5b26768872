"""Configuration: the user's `config.json` and `.env`, checked and completed from the catalogue.

problem.py      Problem, ConfigError, Findings: what is wrong, and how it is said without showing a secret
comments.py     `//` and `/* */` in config.json
document.py     bytes of config.json → raw JSON: encoding, syntax with line and column, keys that are written twice
layout.py       a list in config.json as it is written: elements, comments, gaps
editing.py      config.json's text with a provider added, removed, or in another place
assignment.py   .env's text with a variable set
settings.py     the settings as types; everything that is known about a key stands there
check.py        raw JSON → Settings, with every fault that the types can tell
variables.py    `.env` and the environment → keys
address.py      base URLs and proxy URLs
catalogue.py    catalogue.json, dated facts about known providers
providers.py    Settings + catalogue + keys → the core's Provider
egress.py       `proxy_url`, HTTPS_PROXY and NO_PROXY → the core's Egress
load.py         START HERE: `load`, all of the above in order
schema.py       settings.py → config.schema.json, for editors

It imports the core and nothing else of this project.
"""
