#!/bin/sh
# Brings Compose 2 where this machine has Compose 1 alone, as a stable Debian does:
#
#   docker/compose.sh DIRECTORY     has the program in DIRECTORY afterwards, as docker-compose
#
# It comes as the package of the next Debian, from the archive that this machine's apt is set up with, by apt with lists of
# its own: nothing is installed, and apt's configuration is as it was. What is in DIRECTORY already is kept. Needs a
# Debian machine, no root.
set -eu

suite=trixie
into=$1
say() { echo "compose: $*" >&2; }
die() { say "$*"; exit 1; }

[ ! -x "$into/docker-compose" ] || exit 0

archive=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
    awk '$2 == "Debian" && $3 == "main" && $4 == "Debian" { print $1; exit }')
[ -n "$archive" ] || die "apt's configuration names no Debian archive"

place=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-compose.XXXXXX")
trap 'rm -rf "$place"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$place/state/lists/partial" "$place/cache/archives/partial" "$into"
echo "deb $archive $suite main" >"$place/sources"
apt() {
    apt-get -q -o "Dir::State=$place/state" -o "Dir::Cache=$place/cache" -o Dir::State::status=/dev/null \
        -o "Dir::Etc::SourceList=$place/sources" -o Dir::Etc::SourceParts=/dev/null -o Acquire::Languages=none \
        -o APT::Sandbox::User=root \
        -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::CNF::DefaultEnabled=false "$@" >&2
}
say "bringing Compose 2 of $suite"
apt update || die "the lists of $suite could not be had"
(cd "$place" && apt download docker-compose) || die "the package could not be had"
dpkg-deb -x "$place"/docker-compose_*.deb "$place/unpacked"
cp "$place/unpacked/usr/libexec/docker/cli-plugins/docker-compose" "$into/.docker-compose.$$"
mv "$into/.docker-compose.$$" "$into/docker-compose"
