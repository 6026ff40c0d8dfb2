#!/bin/sh
# Builds the two images of the Docker tests and imports them where they are missing:
#
#   pyfast-test/slim:bookworm   Debian with python3-minimal, its standard library and CA certificates
#   pyfast-test/none:latest     one text file: an image without Python, shell or C library
#
#   docker/slim-base.sh [CACHE_DIR]            else PYFAST_IMAGE_CACHE, else ~/.cache/pyfast-images
#
# No registry is asked. The packages come from the mirror that this machine's apt is set up with.
set -eu

slim=pyfast-test/slim:bookworm
none=pyfast-test/none:latest
suite=bookworm
cache=${1:-${PYFAST_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyfast-images}}

say() { echo "slim-base: $*" >&2; }
die() { say "$*"; exit 1; }
present() { docker image inspect "$1" >/dev/null 2>&1; }

mirror() { # the first archive of apt's configuration that has Debian's main component
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $3 == "main" && $4 == "Debian" { print $1; exit }'
}

bootstrap() { # TAR
    [ "$(id -u)" = 0 ] || die "building $slim needs root"
    command -v debootstrap >/dev/null || {
        say "installing debootstrap"
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap; } >&2 ||
            die "apt-get could not install debootstrap"
    }
    from=$(mirror)
    [ -n "$from" ] || { apt-get update -q >&2 || true; from=$(mirror); }
    [ -n "$from" ] || die "apt's configuration names no Debian archive"
    work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-slim.XXXXXX")
    trap 'umount -l "$work"/root/proc "$work"/root/sys 2>/dev/null || true; rm -rf "$work"' EXIT
    say "bootstrapping $suite (about 40 s)"
    debootstrap --variant=minbase --include=python3-minimal,libpython3-stdlib,ca-certificates "$suite" "$work/root" "$from" >"$work/log" 2>&1 ||
        { tail -n 20 "$work/log" >&2; die "debootstrap failed"; }
    tar -C "$work/root" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' \
        --one-file-system -cf "$1.part" .
    mv "$1.part" "$1"
}

if ! present "$slim"; then
    mkdir -p "$cache"
    [ -s "$cache/slim-$suite.tar" ] || bootstrap "$cache/slim-$suite.tar"
    say "importing $slim"
    docker import --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        --change 'CMD ["python3"]' "$cache/slim-$suite.tar" "$slim" >/dev/null
fi
if ! present "$none"; then
    tiny=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-none.XXXXXX")
    echo "an image without Python" >"$tiny/README"
    say "importing $none"
    tar -C "$tiny" -c README | docker import --change 'CMD ["/README"]' - "$none" >/dev/null
    rm -rf "$tiny"
fi
