"""The commands of claude-proxy.

main         the group: finds the command, shows its errors, gives the exit code
exits        the exit codes, and the error that a user is told
lifecycle    finding and starting the one proxy of a home
control      asking the running proxy over HTTP
glance       the line for Claude Code's status line, without any of these
checkup      what `doctor` looks at
settings_files, statusline_settings      Claude Code's own settings, read, and our line in them
processes, port_owner, waiting, settings, console      what these stand on
leading, needs, quoting      the variables of a terminal's mode, as values; what providers need; statements for shells
terminal     what the commands for terminals share
shell_code, powershell_module, profile      the functions for a shell, and the line that loads them
start, stop, restart, status, serve, run, logs, check, demo, doctor, statusline, version      one file a command
init, env, fallback, switch, reset      the same, for shells
"""
