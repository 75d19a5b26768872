# Completion of claude-proxy's functions in zsh, printed after claude-proxy.sh. It needs compinit, as all completion
# does; the functions work without it.

_claude_proxy_complete() {
  local -a options
  case $words[1] in
    claude-switch) options=(${(f)"$(_claude_proxy switch --shell zsh --list 2>/dev/null)"} --provider --help) ;;
    claude-reset) options=(--force --keep-proxy --help) ;;
    claude-status) options=(--json --help) ;;
    *) options=(--help) ;;
  esac
  compadd -- $options
}
if whence compdef >/dev/null; then
  compdef _claude_proxy_complete claude-fb claude-switch claude-reset claude-status
fi
