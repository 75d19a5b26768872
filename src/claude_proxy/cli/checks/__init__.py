"""What `claude-proxy doctor` checks, a file for each part of the setup.

finding              what a check finds: fine, worth knowing, or wrong, and how to fix it
context              where the checks look: the home, the environment, the folder, the time
python               the Python that runs this program
private              which other users may read the keys
windows_access       how Windows says and changes that
configuration        config.json, .env and the keys
service              the port, the running proxy, its token
shell_setup          this terminal's mode and its shell functions
settings_conflicts   Claude Code's own settings
background_sessions  the supervisor of Claude Code's background sessions
events               the user's command and desktop, which are told of events
clock                this machine's time
metrics_token        what opens `/metrics`
live                 the providers themselves
"""
