# The functions of claude-proxy for fish 3.4 or newer. `claude-proxy init fish` prints this file after a definition of
# `_claude_proxy`, which runs the program, and of `_claude_proxy_names`, the variables that it may set.
# They hold no logic: they evaluate the statements that the program prints.

# Run the program, and name the variables that are not exported, are universal, or are lists, so that it can restore them.
function _claude_proxy_ask
    set -lx CLAUDE_PROXY_UNEXPORTED
    set -lx CLAUDE_PROXY_UNIVERSAL
    set -lx CLAUDE_PROXY_LISTS
    for name in $_claude_proxy_names
        if set -qg $name
            if test (count $$name) -ne 1
                set -a CLAUDE_PROXY_LISTS "$name=$(string escape --style=url -- $$name | string join ,)"
            end
            if not set -qgx $name
                set -a CLAUDE_PROXY_UNEXPORTED $name
                set -fx $name "$$name"
            end
        else if set -qU $name
            set -a CLAUDE_PROXY_UNIVERSAL $name
        end
    end
    _claude_proxy $argv
end

# Evaluate what the program prints; its messages come on standard error.
function _claude_proxy_evaluate
    _claude_proxy_ask $argv | source
    set -l codes $pipestatus
    test $codes[1] -eq 0; or return $codes[1]
    return $codes[2]
end

function claude-fb --description "Send this terminal's claude through the proxy, with failover"
    _claude_proxy_evaluate fallback --shell fish $argv
end

function claude-switch --description "Send this terminal's claude to one provider alone"
    _claude_proxy_evaluate switch --shell fish $argv
end

function claude-reset --description "Turn the proxy off in this terminal, and stop it"
    _claude_proxy_evaluate reset --shell fish $argv
end

function claude-status --description "Show this terminal's mode, the proxy and its providers"
    _claude_proxy status $argv
end

complete -c claude-fb -f -s h -l help
complete -c claude-switch -f -a "(_claude_proxy switch --shell fish --list 2>/dev/null)"
complete -c claude-switch -f -s h -l help
complete -c claude-switch -x -l provider -a "(_claude_proxy switch --shell fish --list 2>/dev/null)"
complete -c claude-reset -f -s h -l help
complete -c claude-reset -f -l force -d "Cut the requests in flight"
complete -c claude-reset -f -l keep-proxy -d "Leave the proxy running"
complete -c claude-status -f -s h -l help
complete -c claude-status -f -l json -d "For programs"
