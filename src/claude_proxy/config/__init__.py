"""Configuration: the user's `config.json` and `.env`, checked and completed from the catalogue.

    load.py               START HERE: `load`, all of the below in order

    document.py           bytes of config.json → raw JSON: encoding, syntax with line and column, repeated keys
    comments.py           `//` and `/* */` in config.json
    problem.py            Problem, ConfigError, Findings: what is wrong, in words that show no secret

    settings.py           the settings as types; provider_settings.py and fact_settings.py hold those of a provider
    kinds.py              the types of single values: limits, and what a message says about a wrong one
    overrides.py          settings over the core's values of the same fields
    validation.py         raw JSON → Settings, with every fault that the types can find
    schema.py             settings.py → config.schema.json, for editors

    variables.py          `.env` and the environment → keys
    metrics_token.py      the token that opens `/metrics`
    pasted_key.py         a key as it was pasted → the key, or why it is none
    keys.py               which header and which variable a provider's key has
    address.py            base URLs and proxy URLs
    header_fields.py      the user's own header fields
    catalogue.py          catalogue.json, dated facts about known providers
    prices.py             prices.json, what models cost, and the user's own prices
    providers.py          Settings + catalogue + keys → the core's Provider
    routes.py             the user's own orders → the core's Routes
    budgets.py            the user's budgets → the core's Budget
    event_command.py      the user's command for events, if config.json is only the user's own
    egress.py             `proxy_url`, HTTPS_PROXY, NO_PROXY and trust.py → the core's Egress
    trust.py              the user's own certificates: NODE_EXTRA_CA_CERTS, SSL_CERT_FILE

    json_text.py          edits the members of an object in a JSON text; json_list.py the elements of a list
    provider_list.py      edits the list of providers in config.json
    assignment.py         sets a variable in .env

It imports the core, and of other packages only how files are read.
"""
