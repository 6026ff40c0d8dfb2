#!/bin/sh
# Makes what is published of this commit:
#
#   dist/build.sh [--arch ARCH] [DIRECTORY]      else target/dist, for another machine target/dist-ARCH
#
# ARCH is what it is for, x86_64 or aarch64, else this machine's. On x86-64 docker/cross.sh builds for ARM, which takes root.
#
#   pyfast_tool-VERSION-py3-none-PLATFORMS.whl   the program as a wheel, with an SBOM
#   pyfast_tool-VERSION.tar.gz                   the source distribution
#   pyfast-VERSION-ARCH-linux.tar.gz             the program as it is
#   SHA256SUMS                                   of all of them
#
# PLATFORMS are manylinux2014_ARCH (what pip from 19.3 on knows), manylinux_2_17_ARCH (the same by its newer name) and
# musllinux_1_1_ARCH.
#
# The program is built once and is the same file in all of them. PYFAST_DIST_PROGRAM names one that was built already.
# PYFAST_DIST_LEVEL is how hard the archive is compressed (1 to 9): tests, which publish nothing, take 1.
# PYFAST_DIST_PROFILE=dev builds quickly and does not optimise.
#
# The program carries the list of what it was built from (cargo auditable), which `cargo audit bin` and scanners of images
# read. What is made depends on nothing but the commit and the compiler: times are the commit's, no path of this machine
# and no name of a registry is in it (dist/reproduce.sh shows it).
#
# Needs Rust 1.95 (rustup has it, a stable Debian's packages do not), a C compiler, Python 3.10 or newer with venv, an index,
# from which dist/tools.txt comes, and cargo's registry.
set -eu

arch=$(uname -m)
[ "${1:-}" != --arch ] || { arch=${2:?--arch names an architecture}; shift 2; }
case ${1:-} in -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2 ;; esac
here=$(cd "$(dirname "$0")/.." && pwd -P)
# What is made for another machine has a place of its own: what was made before is removed.
usual=target/dist
[ "$arch" = "$(uname -m)" ] || usual=target/dist-$arch
out=${1:-$here/$usual}
mkdir -p "$out"
out=$(cd "$out" && pwd -P)
# Paths are the caller's, who may be elsewhere.
absolute() { case $1 in '' | /*) printf %s "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac; }
program=$(absolute "${PYFAST_DIST_PROGRAM:-}")
tools=$(absolute "${PYFAST_DIST_TOOLS:-$here/target/dist-tools}")
target=$(absolute "${CARGO_TARGET_DIR:-$here/target}")
cd "$here"
. dist/paths.sh

say() { echo "dist: $*" >&2; }
die() { say "$*"; exit 1; }

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
[ -n "$version" ] || die "Cargo.toml names no version"
case $arch in
x86_64) machine='3e 00' ;;
aarch64) machine='b7 00' ;;
*) die "pyfast is for x86_64 and aarch64, not for $arch" ;;
esac
cargo=${CARGO:-cargo}
profile=${PYFAST_DIST_PROFILE:-release}
# Times in archives are those of the commit, or of the source distribution that this is.
[ -n "${SOURCE_DATE_EPOCH:-}" ] || SOURCE_DATE_EPOCH=$(git log -1 --format=%ct 2>/dev/null || stat -c %Y Cargo.toml)
export SOURCE_DATE_EPOCH

# Two that begin at once share the tools: one installs them, the other waits.
mkdir -p "$(dirname "$tools")"
(
    flock 9
    ! cmp -s dist/tools.txt "$tools/tools.txt" || exit 0
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r dist/tools.txt
    cp dist/tools.txt "$tools/tools.txt"
) 9>"$tools.lock"

work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-dist.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

auditable() { # installs what writes the list into the program
    marker="cargo-auditable 0.7.7"
    (
        flock 9
        [ "$(cat "$tools/auditable.txt" 2>/dev/null)" != "$marker" ] || exit 0
        say "building $marker"
        CARGO_TARGET_DIR=$work/auditable "$cargo" install --quiet --locked --force --root "$tools" \
            "${marker% *}" --version "=${marker#* }" >&2
        echo "$marker" >"$tools/auditable.txt"
    ) 9>"$tools.lock"
}

built() { # builds the program for this machine
    # Where no Python is at hand, as in a container, nobody could tell the default index: the program has pip's own.
    PYFAST_DEFAULT_INDEX=$("$tools/bin/python" -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')
    export PYFAST_DEFAULT_INDEX
    triple=$arch-unknown-linux-gnu
    # These would be in the place of what .cargo/config.toml and Cargo.toml say: it would not be static, or other bytes.
    unset RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_RUSTFLAGS
    for variable in $(env | sed -n 's/^\(CARGO_PROFILE_[A-Z0-9_]*\)=.*/\1/p'); do unset "$variable"; done
    # What the registry has lies where the settings say once it was fetched.
    "$cargo" fetch --locked --quiet --target "$triple" >&2
    quick=
    [ "$profile" != dev ] || quick='--config=profile.dev.package."*".opt-level=0'
    CARGO_TARGET_DIR=$target CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=false PATH=$tools/bin:$PATH \
        "$cargo" auditable build --locked --bin pyfast --target "$triple" --profile "$profile" $quick \
        --config "$(remap "$triple" "$here" "$target" "${CARGO_HOME:-$HOME/.cargo}")" >&2
    directory=$profile
    [ "$profile" != dev ] || directory=debug
    program=$target/$triple/$directory/pyfast
}

if [ -z "$program" ]; then
    auditable
    say "building the program"
    if [ "$arch" = "$(uname -m)" ]; then
        built
    else
        dev=
        [ "$profile" != dev ] || dev=--dev
        PYFAST_CARGO_AUDITABLE=$tools/bin/cargo-auditable docker/cross.sh $dev "$work/cross"
        program=$work/cross/pyfast-linux-$arch
    fi
fi
# Another machine's program cannot be run: it is told by its header, and by what all builds of a version have in them.
[ "$(od -An -tx1 -j18 -N2 "$program" | xargs)" = "$machine" ] || die "$program is not for $arch"
grep -qaxF "in containers of pyfast $version" "$program" || die "$program is of another version than $version"

say "packing the wheel"
mkdir "$work/made" "$work/wheel" "$work/done"
# What it says is of interest where it fails.
maturin() { "$tools/bin/maturin" "$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; die "maturin failed"; }; }
# maturin asks cargo for the program, and gets it under the name that it is to have. `wheel pack` compresses what it packs.
install -m 0755 "$program" "$work/pyfast"
CARGO=$here/dist/built.sh PYFAST_DIST_CARGO=$cargo PYFAST_DIST_PROGRAM=$work/pyfast \
    maturin build --target "$arch-unknown-linux-gnu" --compatibility manylinux_2_17 \
    --compression-method stored --out "$work/made"
"$tools/bin/wheel" unpack --dest "$work/wheel" "$work"/made/*.whl >/dev/null
facts=$(echo "$work"/wheel/*/*.dist-info)
# A static program needs neither C library: one file is for both.
sed -i '/^Tag: /d' "$facts/WHEEL"
for platform in manylinux2014 manylinux_2_17 musllinux_1_1; do echo "Tag: py3-none-${platform}_$arch"; done >>"$facts/WHEEL"
sed -i '/^$/d' "$facts/WHEEL"
"$tools/bin/python" dist/sbom.py "$here" "$facts"/sboms/*.json
"$tools/bin/wheel" pack --dest-dir "$work/done" "$work"/wheel/* >/dev/null

say "packing the source distribution"
maturin sdist --out "$work/done"

say "packing the archive"
name=pyfast-$version-$arch-linux
mkdir "$work/$name"
install -m 0755 "$program" "$work/$name/pyfast"
install -m 0644 README.md CHANGELOG.md LICENSE-APACHE LICENSE-MIT "$work/$name"
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf "$work/$name.tar" "$name"
gzip "-${PYFAST_DIST_LEVEL:-6}" -n <"$work/$name.tar" >"$work/done/$name.tar.gz"

(cd "$work/done" && sha256sum -- * >"$work/SHA256SUMS")
rm -f "$out"/pyfast_tool-* "$out"/pyfast-*-linux.tar.gz "$out/SHA256SUMS"
mv "$work"/done/* "$work/SHA256SUMS" "$out"
(cd "$out" && ls -l | tail -n +2 >&2)
