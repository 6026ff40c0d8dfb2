# What may come next after `pyfast`, for bash: asks pyfast itself.
_pyfast() {
    local IFS=$'\n' own='' line
    COMPREPLY=()
    {
        read -r own
        while IFS= read -r line; do
            line=${line%%$'\t'*}
            # Where bash breaks words at `=`, it replaces what comes behind alone.
            [[ $line == --*=* && $2 != --* && $COMP_WORDBREAKS == *=* ]] && line=${line#--*=}
            COMPREPLY+=("$(printf '%q' "$line")")
        done
    } < <(command "$1" complete bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
    case $own in
        files)
            compopt -o filenames
            COMPREPLY+=($(compgen -f -- "$2"))
            ;;
        directories)
            compopt -o filenames
            COMPREPLY+=($(compgen -d -- "$2"))
            ;;
        programs) COMPREPLY+=($(compgen -c -- "$2")) ;;
    esac
}
complete -o nosort -F _pyfast pyfast
