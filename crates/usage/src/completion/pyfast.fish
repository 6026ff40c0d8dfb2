# What may come next after `pyfast`, for fish: asks pyfast itself.
function __pyfast_next
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    set -l lines (command $typed[1] complete fish -- $typed[2..] "$current" 2>/dev/null)
    set -q lines[1]; or return
    printf '%s\n' $lines[2..]
    switch $lines[1]
        case files
            __fish_complete_path "$current"
        case directories
            __fish_complete_directories "$current"
        case programs
            complete -C "$current"
    end
end
complete -c pyfast -e
complete -c pyfast -f -a '(__pyfast_next)'
