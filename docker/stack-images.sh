#!/bin/sh
# Builds the images that stand in for the public ones when the example application is tested, where they are missing:
#
#   pyfast-test/redis:bookworm      Debian's redis-server
#   pyfast-test/postgres:bookworm   Debian's postgresql behind the usual POSTGRES_* variables
#
#   docker/stack-images.sh [CACHE_DIR]            else PYFAST_IMAGE_CACHE, else ~/.cache/pyfast-images
#
# Both are one file system, the slim base (docker/slim-base.sh, which has to have run) and two packages from the mirror
# that this machine's apt is set up with. The Python services run on the slim base itself.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
suite=bookworm
cache=${1:-${PYFAST_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyfast-images}}
tar=$cache/services-$suite.tar

say() { echo "stack-images: $*" >&2; }
die() { say "$*"; exit 1; }
present() { docker image inspect "$1" >/dev/null 2>&1; }

build() {
    [ "$(id -u)" = 0 ] || die "building the images needs root"
    [ -s "$cache/slim-$suite.tar" ] || die "$cache/slim-$suite.tar is missing: run docker/slim-base.sh"
    work=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-stack.XXXXXX")
    root=$work/root
    trap 'umount -l "$root/dev" "$root/proc" 2>/dev/null || true; rm -rf "$work"' EXIT
    mkdir "$root"
    tar -C "$root" -xf "$cache/slim-$suite.tar"
    mkdir -p "$root/proc" "$root/dev" "$root/var/cache/apt/archives/partial" "$root/var/lib/apt/lists/partial"
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    # This machine's certificates and proxy, for the installation only: the slim base keeps its own.
    cp -a "$root/etc/ssl" "$work/ssl"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    apt-config dump | grep -E '^Acquire::(http|https)' >"$root/etc/apt/apt.conf.d/90machine" || true
    # Packages must not start their services, nor make a cluster: the entrypoint does.
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 0755 "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/etc/postgresql-common"
    echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.conf"
    say "installing redis and postgresql (about 60 s)"
    {
        chroot "$root" apt-get update -q
        DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" apt-get install -y -q --no-install-recommends redis-server postgresql
    } >"$work/log" 2>&1 || { tail -n 20 "$work/log" >&2; die "the packages could not be installed"; }
    install -m 0755 "$here/postgres-entrypoint.sh" "$root/usr/local/bin/postgres-entrypoint"
    rm -rf "$root/etc/ssl" "$root/etc/apt/apt.conf.d/90machine" "$root/usr/sbin/policy-rc.d"
    cp -a "$work/ssl" "$root/etc/ssl"
    umount -l "$root/dev" "$root/proc"
    tar -C "$root" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --exclude='./usr/lib/llvm*' --exclude='./usr/lib/*/libLLVM*' \
        --exclude='./usr/lib/postgresql/*/lib/bitcode' --one-file-system -cf "$tar.part" .
    mv "$tar.part" "$tar"
}

bring() { # IMAGE CHANGE...
    image=$1; shift
    present "$image" && return 0
    mkdir -p "$cache"
    [ -s "$tar" ] || build
    say "importing $image"
    docker import "$@" "$tar" "$image" >/dev/null
}

path='/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
bring pyfast-test/redis:$suite --change "ENV PATH=$path" \
    --change 'CMD ["redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""]'
bring pyfast-test/postgres:$suite --change "ENV PATH=/usr/lib/postgresql/15/bin:$path" \
    --change 'ENV PGDATA=/var/lib/postgresql/data' \
    --change 'ENTRYPOINT ["postgres-entrypoint"]'
