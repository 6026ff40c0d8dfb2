#!/bin/sh
# Builds the four images of the Docker tests and imports them where they are missing:
#
#   pyfast-test/slim:bookworm   Debian with python3-minimal, its standard library and CA certificates
#   pyfast-test/fresh:bookworm  Debian as a newcomer has it who wants to build: git, a C compiler, Python with venv, no pip
#   pyfast-test/none:latest     one text file: an image without Python, shell or C library
#   pyfast-test/tools:trixie    the next Debian with what docker/Dockerfile.container installs, to build that on
#
#   docker/slim-base.sh [CACHE_DIR]            else PYFAST_IMAGE_CACHE, else ~/.cache/pyfast-images
#
# PYFAST_TEST_IMAGES names some of them (slim fresh none tools); without it all are made.
#
# No registry is asked. The packages come from the mirror that this machine's apt is set up with.
set -eu

slim=pyfast-test/slim:bookworm
fresh=pyfast-test/fresh:bookworm
none=pyfast-test/none:latest
tools=pyfast-test/tools:trixie
here=$(cd "$(dirname "$0")" && pwd -P)
cache=${1:-${PYFAST_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyfast-images}}

say() { echo "slim-base: $*" >&2; }
die() { say "$*"; exit 1; }
. "$here/debian.sh"
present() { docker image inspect "$1" >/dev/null 2>&1; }

bootstrap() { # TAR PACKAGES SUITE
    [ "$(id -u)" = 0 ] || die "building the images needs root"
    have_debootstrap
    work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-slim.XXXXXX")
    trap 'umount -l "$work"/root/proc "$work"/root/sys 2>/dev/null || true; rm -rf "$work"' EXIT
    say "bootstrapping $3 with $2 (a minute or two)"
    debootstrap --variant=minbase --include="$2" "$3" "$work/root" "$(mirror)" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "debootstrap failed"; }
    tar -C "$work/root" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' \
        --one-file-system -cf "$1.part" .
    mv "$1.part" "$1"
    rm -rf "$work"
    trap - EXIT
}

# IMAGE TAR PACKAGES [SUITE]
image() {
    present "$1" && return
    mkdir -p "$cache"
    [ -s "$2" ] || bootstrap "$2" "$3" "${4:-bookworm}"
    say "importing $1"
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'CMD ["python3"]' "$2" "$1" >/dev/null
}

wanted() { case " ${PYFAST_TEST_IMAGES:-slim fresh none tools} " in *" $1 "*) ;; *) return 1 ;; esac; }

! wanted slim || image "$slim" "$cache/slim-bookworm.tar" python3-minimal,libpython3-stdlib,ca-certificates
! wanted fresh || image "$fresh" "$cache/fresh-bookworm.tar" git,ca-certificates,gcc,libc6-dev,python3,python3-venv
if wanted tools; then
    packages=$(sed -n '/--no-install-recommends/{n;s/[[:space:]\\]*$//;s/^[[:space:]]*//;s/[[:space:]]\{1,\}/,/g;p}' "$here/Dockerfile.container")
    # Other packages are another file.
    image "$tools" "$cache/tools-trixie-$(echo "$packages" | sha256sum | cut -c -12).tar" "$packages" trixie
fi
if wanted none && ! present "$none"; then
    tiny=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-none.XXXXXX")
    echo "an image without Python" >"$tiny/README"
    say "importing $none"
    tar -C "$tiny" -c README | docker import --change 'CMD ["/README"]' - "$none" >/dev/null
    rm -rf "$tiny"
fi
