#!/bin/sh
# Builds pyfast for ARM (aarch64-unknown-linux-gnu) on an x86-64 machine, static as it is everywhere, and tries it there:
#
#   docker/cross.sh [--dev] [DIRECTORY]    builds; DIRECTORY/pyfast-linux-aarch64, else target/cross/pyfast-linux-aarch64
#   docker/cross.sh --try [PROGRAM]        runs such a program in an ARM Debian, on this machine's processor
#
# With --dev it is built quickly and not optimised. Needs root and Linux on x86-64. Neither a container engine nor Rust is
# needed: the compiler, ARM's standard library and C library, and the emulator are installed with debootstrap into a root of
# their own, from the archive that this machine's apt is set up with, and kept as one file (three minutes, 2 GB) in
# PYFAST_IMAGE_CACHE, else ~/.cache/pyfast-images; so is the ARM Debian (four minutes, 150 MB). PYFAST_CROSS_SUITE names
# another suite than forky, whose Rust is new enough. Of this machine debootstrap alone may be installed.
#
# Dependencies are those of Cargo.lock, from the registry that cargo is set up with: CARGO_HOME, else ~/.cargo, is mounted
# into the root, and keeps what is downloaded. What the compiler makes is kept in target/cross.
# PYFAST_CARGO_AUDITABLE names a cargo-auditable, static, which puts the list of what it was built from into the program;
# dist/build.sh does.
#
# To try a program takes a kernel that lets a namespace have its own interpreters of programs (6.7 and newer): nothing is
# registered for the rest of the machine. Everything runs in namespaces that end with it.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
source=$(dirname "$here")
suite=${PYFAST_CROSS_SUITE:-forky}
cache=${PYFAST_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyfast-images}
target=aarch64-unknown-linux-gnu
# What is installed: the compilers of this machine (for build scripts) and of the other, pip, which knows the default
# index, and what runs programs of the other. The standard library of the other is a package of its architecture.
packages='ca-certificates cargo rustc gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross libstd-rust-dev:arm64 rust-src
    python3-pip qemu-user'
arm_suite=bookworm
arm_packages=python3-minimal,libpython3-stdlib,ca-certificates
# Other packages are another file.
digest() { echo $* | sha256sum | cut -c -12; }
tools=$cache/cross-$suite-$(digest $packages).tar
arm=$cache/arm64-$arm_suite-$(digest $arm_packages).tar

say() { echo "cross: $*" >&2; }
die() { say "$*"; exit 1; }
. "$here/debian.sh"
. "$source/dist/paths.sh"

## Namespaces

# Namespaces of its own, which end with this process.
apart() { # COMMAND...
    setpriv --pdeathsig KILL unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$@" &
    running=$!
    code=0; wait "$running" || code=$?
    running=
    return "$code"
}

running=
clean() {
    [ -z "$running" ] || { kill -KILL "$running" 2>/dev/null || true; wait "$running" 2>/dev/null || true; }
    rm -rf --one-file-system "$work"
}

# Runs a command in a root of the other architecture. A user's namespace may have interpreters of its own; all ids are in it,
# since packages and archives have owners. Who made it has no rights in it until its ids are known.
emulated() { # EMULATOR ROOT COMMAND...: EMULATOR is the root that has it
    unshare --user sh -c 'n=0
        until [ "$(id -u)" = 0 ]; do n=$((n + 1)); [ $n -lt 100 ] || exit 1; sleep 0.05; done
        exec "$@"' ids unshare --mount --propagation private --pid --fork --kill-child \
        sh "$here/cross.sh" --emulated-within "$@" &
    running=$!
    while [ "$(readlink "/proc/$running/ns/user")" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done
    for ids in gid uid; do
        echo "0 0 4294967295" >"/proc/$running/${ids}_map" || die "this machine lets root make no namespace of users"
    done
    code=0; wait "$running" || code=$?
    running=
    return "$code"
}

emulated_within() { # EMULATOR ROOT COMMAND...
    root=$2
    mount -t binfmt_misc binfmt "$1/proc" 2>/dev/null ||
        die "this kernel lets no namespace have its own interpreters of programs; Linux 6.7 and newer does"
    # The header of a program of 64 bits, little-endian, of machine 183. P keeps the name that a program was called by, F
    # opens the emulator now, which the root does not have.
    printf '%s' ':pyfast-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:'"$1/usr/bin/qemu-aarch64:PF" \
        >"$1/proc/register"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    shift 2
    exec chroot "$root" env -i PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

## The roots

prepare() { # what installing anything takes
    have_debootstrap
    mkdir -p "$cache"
}

pack() { # ROOT TAR
    tar -C "$1" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./proc/*' --exclude='./sys/*' \
        --exclude='./dev/*' --exclude='./tmp/*' --one-file-system -cf "$2.part.$(basename "$(dirname "$1")")" .
    mv "$2.part.$(basename "$(dirname "$1")")" "$2"
}

install_tools() { # ROOT: in a mount namespace of its own
    # An older debootstrap does not know the suite by name; it is done as the newest is.
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$1" "$(mirror)" /usr/share/debootstrap/scripts/sid
    reach_archive "$1"
    mount -t proc proc "$1/proc"
    mount --bind /dev "$1/dev"
    chroot "$1" dpkg --add-architecture arm64
    chroot "$1" apt-get update -q
    # One word a package.
    DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$1" apt-get install -y -q --no-install-recommends $packages
    umount "$1/dev" "$1/proc"
    pack "$1" "$tools"
}

# The half that no program of the other architecture is needed for; its own programs do the other half.
install_arm() { # ROOT EMULATOR
    debootstrap --foreign --arch=arm64 --variant=minbase --include="$arm_packages" "$arm_suite" "$1" "$(mirror)"
    # In a user's namespace there are no devices to be made; debootstrap knows that of this kind of container.
    emulated "$2" "$1" env container=lxc /debootstrap/debootstrap --second-stage
    pack "$1" "$arm"
}

need() { # TAR WHAT HOW: makes what is not kept
    [ ! -s "$1" ] || return 0
    prepare
    say "installing $2 (some minutes)"
    apart sh "$here/cross.sh" "$3" "$work/made" "$work/tools" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "$2 could not be installed"; }
    rm -rf --one-file-system "$work/made"
}

## Building

oldest_rust() { sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$source/Cargo.toml"; }

build_within() { # ROOT PROFILE OUT: in a mount namespace of its own
    root=$1 profile=$2
    home=${CARGO_HOME:-$HOME/.cargo}
    mkdir -p "$root/source" "$root/target" "$root/cargo" "$home"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --bind "$source" "$root/source"
    mount -o remount,bind,ro "$root/source"
    mount --bind "$3" "$root/target"
    mount --bind "$home" "$root/cargo"
    found=$(chroot "$root" rustc --version | cut -d' ' -f2)
    printf '%s\n%s\n' "$(oldest_rust)" "$found" | sort -VC ||
        die "the Rust of $suite is $found, $(oldest_rust) is needed: PYFAST_CROSS_SUITE names a newer suite"
    index=${PYFAST_DEFAULT_INDEX:-$(chroot "$root" python3 -c 'from pip._internal.models.index import PyPI; print(PyPI.simple_url)')}
    # Dependencies that tests feel are optimised in builds of this machine, which are not made anew each time.
    [ "$profile" != dev ] && quick= || quick='--config=profile.dev.package."*".opt-level=0'
    # How cargo reaches its registry is the caller's; the rest of the environment is not.
    reached=$(env | sed -nE 's/^((CARGO_(REGISTRY|REGISTRIES|NET|HTTP|SOURCE)[A-Z0-9_]*|(https?|all|no)_proxy|(HTTPS?|ALL|NO)_PROXY)=[^[:space:]]*)$/\1/p')
    in_root() { # ARGUMENTS...: of cargo
        chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=/nonexistent CARGO_HOME=/cargo CARGO_TARGET_DIR=/target \
            CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=false CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc \
            "PYFAST_DEFAULT_INDEX=$index" TERM="${TERM:-dumb}" $reached sh -c 'cd /source && exec cargo "$@"' cargo "$@"
    }
    auditable=${PYFAST_CARGO_AUDITABLE:-}
    [ -z "$auditable" ] || install -m 0755 "$auditable" "$root/usr/local/bin/"
    in_root fetch --locked --quiet --target "$target"
    in_root ${auditable:+auditable} build --locked --bin pyfast --target "$target" --profile "$profile" $quick \
        --config "$(remap "$target" /source /target /cargo "$home")"
}

build() { # PROFILE DIRECTORY
    need "$tools" "the compilers of $suite" --install-tools
    kept=$source/target/cross
    mkdir -p "$kept" "$2" "$work/root"
    tar -C "$work/root" -xf "$tools"
    apart sh "$here/cross.sh" --build-within "$work/root" "$1" "$kept" ||
        die "the program could not be built"
    directory=$1
    [ "$1" != dev ] || directory=debug
    made=$2/pyfast-linux-aarch64
    install -m 0755 "$kept/$target/$directory/pyfast" "$made.part"
    mv "$made.part" "$made"
    say "built $made"
}

## Trying

try() { # PROGRAM
    [ -x "$1" ] || die "there is no program $1: docker/cross.sh builds it"
    need "$tools" "the compilers of $suite" --install-tools
    emulator=$work/tools
    mkdir -p "$emulator" "$work/root"
    tar -C "$emulator" -xf "$tools"
    need "$arm" "an ARM Debian" --install-arm
    tar -C "$work/root" -xf "$arm"
    install -D -m 0755 "$1" "$work/root/usr/local/bin/pyfast"
    install -D -m 0644 "$here/cross-try.py" "$work/root/try/try.py"
    # A library that the wheels of both architectures have, each its own.
    echo 'int answer(void) { return 42; }' >"$work/answer.c"
    for machine in aarch64 x86_64; do
        cp "$work/answer.c" "$emulator/answer.c"
        chroot "$emulator" "$machine-linux-gnu-gcc" -shared -fPIC -nostdlib -o "/answer-$machine.so" /answer.c
        mv "$emulator/answer-$machine.so" "$work/root/try/"
    done
    emulated "$emulator" "$work/root" python3 /try/try.py || die "$1 does not do on ARM what it does here"
    say "$1 did everything on ARM"
}

## What is asked for

main() {
    act=build profile=release given=
    for argument in "$@"; do
        case $argument in
        --dev) profile=dev ;;
        --try) act=try ;;
        -*) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; exit 2 ;;
        *) [ -z "$given" ] || die "one argument too many: $argument"; given=$argument ;;
        esac
    done
    [ "$(uname -sm)" = "Linux x86_64" ] || die "this is for Linux on x86-64; on ARM cargo builds for ARM"
    [ "$(id -u)" = 0 ] || die "roots of their own (debootstrap, chroot, mount) need root"
    work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-cross.XXXXXX")
    trap clean EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    case $act in
    build) build "$profile" "${given:-$source/target/cross}" ;;
    try) try "${given:-$source/target/cross/pyfast-linux-aarch64}" ;;
    esac
}

case ${1:-} in
--install-tools) install_tools "$2" ;;
--install-arm) install_arm "$2" "$3" ;;
--build-within) build_within "$2" "$3" "$4" ;;
--emulated-within) shift; emulated_within "$@" ;;
*) main "$@" ;;
esac
