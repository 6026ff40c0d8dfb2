#!/bin/sh
# Gathers what dist/build.sh made on each architecture into what is published:
#
#   dist/gather.sh DIRECTORY PART...      DIRECTORY is made, or empty; each PART is a directory of dist/build.sh
#
# Refused are parts whose checksums do not hold, and two files of one name that differ: the source distribution is made on
# each architecture, and has to be the same. The checksums are written anew, of all that is published.
set -eu

die() { echo "gather: $*" >&2; exit 1; }

case ${1:-} in '' | -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;; esac
[ $# -ge 2 ] || die "no parts are named"
out=$1
shift
mkdir -p "$out"
[ -z "$(ls -A "$out")" ] || die "$out is not empty"

for part in "$@"; do
    (cd "$part" && sha256sum --check --quiet --strict SHA256SUMS) || die "$part is not what was built: its checksums do not hold"
    for file in "$part"/*; do
        name=${file##*/}
        [ "$name" != SHA256SUMS ] || continue
        awk -v name="$name" '$2 == name { found = 1 } END { exit !found }' "$part/SHA256SUMS" ||
            die "$part: $name has no checksum"
        if [ -e "$out/$name" ]; then
            cmp -s "$file" "$out/$name" || die "$name differs between the parts: $part has another than those before"
        else
            cp "$file" "$out/$name"
        fi
    done
done
set -- "$out"/pyfast_tool-*.tar.gz
[ $# -eq 1 ] && [ -e "$1" ] || die "the parts are not of one version: $*"
(cd "$out" && sha256sum -- pyfast*) >"$out/SHA256SUMS"
