#!/bin/sh
# The steps of .github/workflows/release.yml on this machine, as far as one machine goes: for its architecture, without
# the tests (.ci/run), and with nothing published, attested or tagged.
#
#   dist/dry-run.sh [--source] [DIRECTORY]      DIRECTORY as of dist/build.sh; --source: the source distribution is built, too
#
# PYFAST_DIST_PROGRAM is what it is to dist/build.sh, too. Images are made where a container engine answers; DEBIAN names
# another base than the Dockerfiles do.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd -P)
# Paths are the caller's, who may be elsewhere.
absolute() { case $1 in '' | /*) printf %s "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }

say() { echo "dry-run: $*" >&2; }
die() { say "$*"; exit 1; }

source=
[ "${1:-}" != --source ] || { source=yes; shift; }
out=$(absolute "${1:-$here/target/dist}")
PYFAST_DIST_PROGRAM=$(absolute "${PYFAST_DIST_PROGRAM:-}")
PYFAST_DIST_TOOLS=$(absolute "${PYFAST_DIST_TOOLS:-$here/target/dist-tools}")
export PYFAST_DIST_PROGRAM PYFAST_DIST_TOOLS
cd "$here"
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-dry-run.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "notes"
dist/notes.sh "v$version" >"$work/notes.md" || say "the tag v$version would be refused now"

say "build"
dist/build.sh "$out"
(cd "$out" && sha256sum --check --quiet SHA256SUMS)
set -- "$out"/pyfast_tool-"$version"-*.whl
wheel=$1

say "the same again is the same"
tar -C "$work" -xf "$out/pyfast-$version-$(uname -m)-linux.tar.gz"
PYFAST_DIST_PROGRAM=$(echo "$work"/pyfast-*-linux/pyfast) \
    dist/build.sh "$work/again" 2>/dev/null
cmp "$out/SHA256SUMS" "$work/again/SHA256SUMS" || die "the same program is packed in two ways"

say "what the program says it was built from"
# Compressed JSON in a section of its own. A program that cargo built alone has none.
objcopy -O binary --only-section=.dep-v0 "$work"/pyfast-*-linux/pyfast "$work/parts"
if [ -s "$work/parts" ]; then
    python3 -c 'if True:
        import json, re, sys, zlib
        parts = json.loads(zlib.decompress(open(sys.argv[1], "rb").read()))["packages"]
        locked = set(re.findall("name = \"(.*)\"\nversion = \"(.*)\"", open("Cargo.lock").read()))
        strange = {(one["name"], one["version"]) for one in parts} - locked
        sys.exit("not in Cargo.lock: %s" % strange if strange or len(parts) < 100 else None)' "$work/parts" ||
        die "the program carries another list than Cargo.lock is"
else
    [ -n "$PYFAST_DIST_PROGRAM" ] || die "the program carries no list of what it was built from"
fi

say "gather"
# The part of another architecture is this one's under other names, with the same source distribution.
mkdir "$work/other"
for file in "$out"/pyfast*; do
    name=$(basename "$file" | sed "s/$(uname -m)/other/g")
    cp "$file" "$work/other/$name"
done
(cd "$work/other" && sha256sum -- pyfast* >SHA256SUMS)
dist/gather.sh "$work/release" "$out" "$work/other"
(cd "$work/release" && sha256sum --check --quiet SHA256SUMS && [ "$(ls | wc -l)" -eq 6 ]) || die "the parts do not become a release"

installs() { # FILE
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet --disable-pip-version-check "$1"
    [ "$("$work/venv/bin/pyfast" --version)" = "pyfast $version" ] || die "$1 brings something else"
}
say "wheel"
installs "$wheel"
[ -z "$source" ] || { say "source distribution"; installs "$out/pyfast_tool-$version.tar.gz"; }

docker version >/dev/null 2>&1 || { say "no container engine answers: the images are left out"; exit 0; }
made() { # IMAGE
    [ "$(docker run --rm "$1" --version)" = "pyfast $version" ] || die "$1 has something else"
    say "$1: $(docker image inspect --format '{{.Size}}' "$1") bytes"
}
say "images"
set -- ${DEBIAN:+--build-arg "DEBIAN=$DEBIAN"}
docker build -q --network host "$@" -f docker/Dockerfile.built -t pyfast:dry-run "$out" >/dev/null
made pyfast:dry-run
docker build -q --network host "$@" --build-arg PYFAST=pyfast:dry-run -f docker/Dockerfile.container -t pyfast:dry-run-container docker >/dev/null
made pyfast:dry-run-container
