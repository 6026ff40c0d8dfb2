#compdef pyfast
# What may come next after `pyfast`, for zsh: asks pyfast itself.
_pyfast() {
    local line own
    local -a lines words_with_meaning
    lines=("${(@f)$(command ${(Q)words[1]} complete zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    own=$lines[1]
    for line in "${(@)lines[2,-1]}"; do
        [[ -n $line ]] || continue
        words_with_meaning+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    (( $#words_with_meaning )) && _describe -V pyfast words_with_meaning
    case $own in
        files) _files ;;
        directories) _files -/ ;;
        programs) _command_names -e ;;
    esac
}
if [[ $funcstack[1] == _pyfast ]]; then
    _pyfast "$@"
else
    compdef _pyfast pyfast
fi
