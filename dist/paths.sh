# What keeps the paths of the machine that builds out of the program; it is read with `.`.

remap() { # TRIPLE SOURCE TARGET HOME [FOUND]: the setting of cargo that names places by what they are
    # HOME is cargo's, as the compiler sees it, and FOUND where it is seen from here. What a registry has is below a
    # directory that is named after how it is reached. Of prefixes that fit the compiler takes the last: each place comes
    # before those that may be in it.
    set -- "$1" "$2" "$3" "$4" "${5:-$4}"
    flags="\"--remap-path-prefix=$2=/pyfast\", \"--remap-path-prefix=$3=/target\", \"--remap-path-prefix=$4=/cargo\""
    for registry in "$5"/registry/src/*; do
        [ ! -d "$registry" ] || flags="$flags, \"--remap-path-prefix=$4/registry/src/${registry##*/}=/registry\""
    done
    printf 'target.%s.rustflags=[%s]' "$1" "$flags"
}
