"""Claude Code's own settings, its status line and its custom headers.

settings_files.py        the settings files that Claude Code reads, and the variables that they set
effective_settings.py    the environment that they leave it in the end
saved_models.py          the models with a provider in their name that they keep
statusline_settings.py   the entry for our status line: added, shown, removed
statusline_text.py       the line itself, which has to be quick; where this terminal's Claude Code is sent
program.py               where its installers put it
custom_headers.py        the headers that a terminal's variables add to each request
"""
