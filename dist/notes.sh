#!/bin/sh
# Prints what CHANGELOG.md says of a release:
#
#   dist/notes.sh vVERSION
#
# Fails, with 1, where the tag is not `v` and the version of Cargo.toml, where the changelog has no section with a date for
# that version, and where something is still below `Unreleased`.
set -eu
cd "$(dirname "$0")/.."

die() { echo "notes: $*" >&2; exit 1; }

case ${1:-} in v?*) ;; *) echo "usage: dist/notes.sh vVERSION" >&2; exit 2 ;; esac
tag=${1#v}
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
[ "$tag" = "$version" ] || die "the tag is v$tag, and the version of Cargo.toml is $version"

section() { # PATTERN: the lines below the heading, without blank ones before them
    awk -v heading="$1" '/^## /{ on = $0 ~ heading; next } on' CHANGELOG.md | sed '/./,$!d'
}

dots=$(echo "$version" | sed 's/[.+]/[&]/g')
grep -qE "^## \[?$dots\]? - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
    die "CHANGELOG.md has no section \`## $version - YEAR-MONTH-DAY\`"
[ -z "$(section '^## \[?Unreleased\]?$')" ] || die "CHANGELOG.md has something below Unreleased: move it below $version"
notes=$(section "^## \\\\[?$dots\\\\]? - ")
[ -n "$notes" ] || die "CHANGELOG.md says nothing of $version"
printf '%s\n' "$notes"
