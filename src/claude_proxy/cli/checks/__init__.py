"""What `claude-proxy doctor` looks at, a file for each part of the set-up.

finding        what is found: fine, worth knowing, or wrong, with the way to mend it
surroundings   where is looked: the home, the environment, the folder, the time
python         the Python that runs this
private        who else may read the keys; access   how Windows tells and changes that
configuration  config.json, .env and the keys
service        the port, the running proxy, its token
terminal       this terminal's mode and its shell functions
overrules      Claude Code's own settings
clock          this machine's time
live           the providers themselves
"""
