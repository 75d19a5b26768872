# The functions of claude-proxy for bash and zsh. `claude-proxy init` prints this file after a definition of
# `_claude_proxy`, which runs the program, and of `_claude_proxy_names`, the variables that it may set.
# They hold no logic: they evaluate the statements that the program prints.
# shellcheck shell=bash

# Run the program with the variables that this shell has not exported too, so that it can restore them, and name those
# that cannot be changed.
_claude_proxy_ask() {
  local name declared
  export CLAUDE_PROXY_UNEXPORTED='' CLAUDE_PROXY_READONLY=''
  # shellcheck disable=SC2154 # defined before this file
  for name in "${_claude_proxy_names[@]}"; do
    declared="$(declare -p "$name" 2>/dev/null)" || continue # it is not set
    declared="${declared%%"$name"*}" # `declare -rx `, `typeset -r `, `export `
    case "$declared" in
      *-*r*) CLAUDE_PROXY_READONLY="$CLAUDE_PROXY_READONLY $name" ;;
      *) ;;
    esac
    case "$declared" in
      *x*) ;; # exported: `declare -x`, `export`
      *) export "${name?}" && CLAUDE_PROXY_UNEXPORTED="$CLAUDE_PROXY_UNEXPORTED $name" ;;
    esac
  done
  _claude_proxy "$@"
}

# Evaluate what the program prints; its messages come on standard error.
_claude_proxy_evaluate() {
  local statements code=0
  statements="$(_claude_proxy_ask "$@")" || code=$?
  eval "$statements" || code=$?
  return "$code"
}

# `function`: in zsh the other form fails if there is an alias of the same name.
function claude-fb { _claude_proxy_evaluate fallback --shell "$CLAUDE_PROXY_SHELL" "$@"; }
function claude-switch { _claude_proxy_evaluate switch --shell "$CLAUDE_PROXY_SHELL" "$@"; }
function claude-reset { _claude_proxy_evaluate reset --shell "$CLAUDE_PROXY_SHELL" "$@"; }
function claude-status { _claude_proxy status "$@"; }
