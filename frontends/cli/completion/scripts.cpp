#include "frontends/cli/completion/scripts.hpp"

namespace agent_dispatch::completion {

namespace {

constexpr std::string_view bash_script =
    R"script(# Completion of agent-dispatch for bash. In ~/.bashrc: source <(agent-dispatch completion bash)
_agent_dispatch() {
  local program=${COMP_WORDS[0]} line
  [[ $program == '~/'* ]] && program=$HOME/${program#'~/'}
  COMPREPLY=()
  while IFS= read -r line; do
    if [[ $line == :directories ]]; then
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "${COMP_WORDS[COMP_CWORD]}")
      return
    fi
    COMPREPLY+=("${line%%$'\t'*}")
  done < <("$program" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o nosort -F _agent_dispatch agent-dispatch 2>/dev/null || complete -F _agent_dispatch agent-dispatch
)script";

constexpr std::string_view zsh_script = R"script(#compdef agent-dispatch
# Completion of agent-dispatch for zsh. In ~/.zshrc, behind compinit: source <(agent-dispatch completion zsh)
_agent_dispatch() {
  local program=${(Q)words[1]/#\~\//$HOME/} line
  local -a candidates
  for line in "${(@f)$("$program" __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :directories ]]; then
      _files -/
      return
    fi
    if [[ $line == *$'\t'?* ]]; then
      candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    elif [[ -n $line ]]; then
      candidates+=("${${line%$'\t'}//:/\\:}")
    fi
  done
  (( $#candidates )) && _describe -V agent-dispatch candidates
}
if [[ ${funcstack[1]} == _agent_dispatch ]]; then
  _agent_dispatch "$@"
else
  compdef _agent_dispatch agent-dispatch
fi
)script";

constexpr std::string_view fish_script =
    R"script(# Completion of agent-dispatch for fish: agent-dispatch completion fish > ~/.config/fish/completions/agent-dispatch.fish
function __agent_dispatch_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l program $words[1]
    command -q -- $program; or return
    set -e words[1]
    for line in ($program __complete $words "$current" 2>/dev/null)
        if test "$line" = :directories
            __fish_complete_directories "$current" ''
        else
            printf '%s\n' $line
        end
    end
end
complete -c agent-dispatch -e
complete -c agent-dispatch -k -f -a '(__agent_dispatch_complete)'
)script";

} // namespace

std::optional<std::string_view> script_for(std::string_view shell) {
  if (shell == "bash")
    return bash_script;
  if (shell == "zsh")
    return zsh_script;
  if (shell == "fish")
    return fish_script;
  return std::nullopt;
}

} // namespace agent_dispatch::completion
