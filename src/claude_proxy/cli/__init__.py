"""The commands of claude-proxy.

main         the group: finds the command, shows its errors, gives the exit code
exits        the exit codes, and the error that a user is told
lifecycle    finding and starting the one proxy of a home
control      asking the running proxy over HTTP
processes, port_owner, waiting, settings, console      what these stand on
start, stop, restart, status, serve, run, logs, check, demo, version      one file a command
"""
