"""The commands of claude-proxy, each in the file of its name.

main           finds the command, shows its errors, gives the exit code

start, stop, restart, serve, status, dashboard, top, explain, rules, usage, logs   the proxy
run, env, init, fallback, switch, reset                     terminals; the last three are for the shell functions
check, doctor, providers/, demo/                            the setup
statusline, version, help

output/        how commands speak: console, exit codes, how this user calls the program
live_view/     what `top` shows
background/    the background process: found, started, asked, stopped
shell/         shell integration: functions, profiles, the variables of a terminal's mode
claude_code/   Claude Code's own settings, its status line, its custom headers
user_config/   config.json, .env and keys, as commands read and change them
probing/       tiny requests that test a provider
checks/        what `doctor` checks
usage_output/  what `usage` shows
"""
