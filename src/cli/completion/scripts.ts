// The shells' scripts: each hands the words over to `reactor __complete` and offers what that prints, else files.

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

const BASH = `# Completion of reactor for bash. For this shell:  source <(reactor completion bash)
# For every shell:  reactor completion bash > ~/.local/share/bash-completion/completions/reactor
# (with the package bash-completion; without it, put the line above into ~/.bashrc)
_reactor() {
  local program=\${COMP_WORDS[0]/#\\~/$HOME} value
  COMPREPLY=()
  while IFS=$'\\t' read -r value _; do
    COMPREPLY+=("$value")
  done < <("$program" __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _reactor reactor
`

const ZSH = `#compdef reactor
# Completion of reactor for zsh. For this shell:  source <(reactor completion zsh)
# For every shell:  reactor completion zsh > "\${fpath[1]}/_reactor"  (a folder of fpath that you may write), then a new shell
_reactor() {
  local program=\${words[1]/#\\~/$HOME} line value
  local -a found
  for line in "\${(@f)$("$program" __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] || continue
    value=\${line%%$'\\t'*}
    if [[ $line == *$'\\t'* ]]; then
      found+=("\${value//:/\\\\:}:\${line#*$'\\t'}")
    else
      found+=("\${value//:/\\\\:}")
    fi
  done
  if (( \${#found} )); then
    _describe -V reactor found
  else
    _files
  fi
}
if [[ \${funcstack[1]} == _reactor ]]; then
  _reactor "$@"
else
  compdef _reactor reactor
fi
`

const FISH = `# Completion of reactor for fish. For this shell:  reactor completion fish | source
# For every shell:  reactor completion fish > ~/.config/fish/completions/reactor.fish
function __reactor_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l found (command $words[1] __complete $words[2..-1] "$current" 2>/dev/null)
    if test (count $found) -gt 0
        string join \\n -- $found
    else
        __fish_complete_path "$current"
    end
end
complete -c reactor -f -k -a '(__reactor_complete)'
`

export const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH }
