# Completion of claude-proxy's functions in bash, printed after claude-proxy.sh.
# shellcheck shell=bash

_claude_proxy_complete() {
  local IFS=$' \n' option options word="${COMP_WORDS[COMP_CWORD]}"
  case "${COMP_WORDS[0]}" in
    claude-switch) options="$(_claude_proxy switch --shell bash --list 2>/dev/null) --provider --help" ;;
    claude-reset) options="--force --keep-proxy --help" ;;
    claude-status) options="--json --help" ;;
    *) options="--help" ;;
  esac
  COMPREPLY=()
  while IFS= read -r option; do COMPREPLY+=("$option"); done < <(compgen -W "$options" -- "$word")
}
complete -F _claude_proxy_complete claude-fb claude-switch claude-reset claude-status
