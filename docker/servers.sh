#!/bin/sh
# Brings servers that others wrote, against which tests try what is pushed and shared:
#
#   docker/servers.sh DIRECTORY     has them in DIRECTORY afterwards
#
# Debian's registry (usr/bin/docker-registry), unpacked and not installed, so that no service is started; and moto, which
# answers as S3 does (moto/bin/moto_server), in a virtual environment, from the index that this machine's pip is set up with.
# What is in DIRECTORY already is kept. Needs a Debian machine, no root.
set -eu
cd "$(dirname "$0")/.."

into=$1
say() { echo "servers: $*" >&2; }
die() { say "$*"; exit 1; }

mkdir -p "$into"
if [ ! -x "$into/usr/bin/docker-registry" ]; then
    say "bringing docker-registry"
    place=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-servers.XXXXXX")
    trap 'rm -rf "$place"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    get() { (cd "$place" && apt-get -q -o APT::Sandbox::User=root download docker-registry >&2); }
    # The lists of packages may be missing, or older than what the archive has.
    get || { apt-get update -q >&2 && get; } || die "the package docker-registry could not be had"
    dpkg-deb -x "$place"/docker-registry_*.deb "$place/unpacked"
    mkdir -p "$into/usr/bin"
    cp "$place/unpacked/usr/bin/docker-registry" "$into/usr/bin/.new.$$"
    mv "$into/usr/bin/.new.$$" "$into/usr/bin/docker-registry"
fi
if ! cmp -s tests/data/moto.txt "$into/moto/requirements.txt"; then
    say "bringing moto"
    python3 -m venv --clear "$into/moto"
    "$into/moto/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: -r tests/data/moto.txt >&2 ||
        die "moto could not be had"
    cp tests/data/moto.txt "$into/moto/requirements.txt"
fi
