#!/bin/sh
# Shows that what is published depends on nothing but the commit and the compiler: makes it twice, of two checkouts at
# other paths, with another target directory and another home of cargo, and compares every file.
#
#   dist/reproduce.sh [--dev]
#
# With --dev the program is built quickly and not optimised. What is not committed is left out. Needs what dist/build.sh
# does, and time for two whole builds. Where they differ, both are kept, and it is said where.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd -P)
case ${1:-} in
'') ;;
--dev) PYFAST_DIST_PROFILE=dev; export PYFAST_DIST_PROFILE ;;
*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
esac
unset PYFAST_DIST_PROGRAM SOURCE_DATE_EPOCH

say() { echo "reproduce: $*" >&2; }

commit=$(git -C "$here" rev-parse HEAD)
home=${CARGO_HOME:-$HOME/.cargo}
PYFAST_DIST_TOOLS=${PYFAST_DIST_TOOLS:-$here/target/dist-tools}
export PYFAST_DIST_TOOLS
# What rustup keeps is found by this once cargo's home is another.
RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
export RUSTUP_HOME
work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-reproduce.XXXXXX")
kept=
trap '[ -n "$kept" ] || rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

made() { # NAME CHECKOUT: what is published, in the directory NAME
    git clone --quiet --no-checkout "$here" "$2"
    git -C "$2" checkout --quiet --detach "$commit"
    say "building in $2"
    CARGO_TARGET_DIR=$work/target-of-$1 "$2/dist/build.sh" "$work/$1"
    rm -rf "$work/target-of-$1"
}

made one "$work/checkout"
# How the registry is reached, which may be a secret, and what was fetched from it, but not where the sources are.
mkdir -p "$work/elsewhere/cargo/registry"
for part in config.toml credentials.toml registry/cache registry/index; do
    [ ! -e "$home/$part" ] || ln -s "$home/$part" "$work/elsewhere/cargo/$part"
done
CARGO_HOME=$work/elsewhere/cargo made two "$work/elsewhere/a checkout with a longer name"

if cmp "$work/one/SHA256SUMS" "$work/two/SHA256SUMS"; then
    say "both builds are equal, byte by byte:"
    cat "$work/one/SHA256SUMS"
    exit
fi
kept=$work
say "the builds differ: $work/one, $work/two"
exit 1
