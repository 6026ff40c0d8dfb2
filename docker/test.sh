#!/bin/sh
# Runs every test, those that need a container engine included. A suite that fails does not keep the others from running;
# the end names those that failed, and is 1.
#
# Uses the engine that answers, or starts one of its own and stops it again. Installs what is missing with apt-get, which
# needs root on a Debian machine: docker.io and iptables for an engine, debootstrap for the images of the tests, and
# docker-compose; zsh, fish and tcsh, which activate environments; tmux, whose screen shows what a terminal would; skopeo
# and umoci, which read what is frozen. Nothing of it is removed afterwards. A registry and an S3 server are unpacked into
# target/servers (docker/servers.sh). Where Compose 1 is what there is, the tests have Compose 2 all the same
# (docker/compose.sh), and those of what the two do differently run with both.
#
# What needs no engine works in memory where there is room (/dev/shm), unless PYFAST_TEST_ON_DISK is set.
set -eu
cd "$(dirname "$0")/.."

begun=$(date +%s)
say() { echo "test: $*" >&2; }

missing() { # PROGRAM PACKAGES...
    command -v "$1" >/dev/null && return
    shift
    printf ' %s' "$@"
}

compose() { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; }

others() { missing zsh zsh; missing fish fish; missing tcsh tcsh; missing tmux tmux; missing skopeo skopeo; missing umoci umoci; }

installs=$(missing dockerd docker.io iptables; missing debootstrap debootstrap; compose || printf ' docker-compose'; others)
[ -z "$installs" ] || say "what is needed of these will be installed with apt-get, and stays:$installs"

sh docker/engine.sh start > "${TMPDIR:-/tmp}/pyfast-engine.$$"
. "${TMPDIR:-/tmp}/pyfast-engine.$$"
rm -f "${TMPDIR:-/tmp}/pyfast-engine.$$"
# These suites make and remove hundreds of thousands of small files. On ext4 a new one passes by every inode that was given
# free in the last minutes, which is half of all that the system does for them. Containers have their files on a disk.
in_memory() { # MIB: a directory that keeps so much in memory, which other users may enter and where programs run
    [ -z "${PYFAST_TEST_ON_DISK:-}" ] && [ "$(stat -f -c %T /dev/shm 2>/dev/null)" = tmpfs ] || return 0
    free=$(df -m --output=avail /dev/shm | tail -n 1)
    available=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
    [ "$free" -ge "$1" ] && [ "$available" -ge "$((2 * $1))" ] || return 0
    made=$(mktemp -d /dev/shm/pyfast-test.XXXXXX) || return 0
    chmod 1777 "$made"
    cp /bin/true "$made/true" && "$made/true" 2>/dev/null || { rm -rf "$made"; return 0; }
    rm "$made/true"
    echo "$made"
}

room=
finish() { # whatever of it fails, the rest is done
    sh docker/engine.sh stop ${PYFAST_ENGINE_DIR:+"$PYFAST_ENGINE_DIR"} || :
    [ -z "$room" ] || { chmod -R u+rwX "$room" || :; rm -rf "$room" || :; }
}
trap finish EXIT
# The next suite would go on without an engine.
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
sh docker/slim-base.sh
sh docker/stack-images.sh
if ! compose; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends docker-compose; } >&2
fi
# Compose 2 is what most people have. A stable Debian has Compose 1.
newer=
case $(docker compose version 2>/dev/null || docker-compose version --short) in
1.*) sh docker/compose.sh target/compose-2 && newer=$PWD/target/compose-2 || say "every test will have Compose 1" ;;
esac
others=$(others)
if [ -n "$others" ]; then
    # One word a package.
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $others; } >&2
fi
sh docker/servers.sh target/servers || say "the tests with servers that others wrote will fail"

failed=
suite() { # COMMAND...
    say "after $(($(date +%s) - begun)) s: $*"
    # Signals that the caller ignores, as whatever runs in the background does, would not reach what tests start.
    env --default-signal=HUP,INT,QUIT "$@" || failed="$failed
  $*"
}

room=$(in_memory 6144) || room=
[ -z "$room" ] || say "what needs no engine works in $room"
light() { # COMMAND...: a suite that works there
    usual=${TMPDIR:-}
    [ -z "$room" ] || { TMPDIR=$room; export TMPDIR; }
    suite "$@"
    if [ -n "$usual" ]; then TMPDIR=$usual; else unset TMPDIR; fi
}

# Each as of the whole workspace: packages alone have other features of what they depend on, which is all built again.
# The quick ones first.
light cargo test --no-fail-fast --workspace --lib --bins
PYFAST_REQUIRE_SHELLS=1
PYFAST_TEST_SERVERS=$PWD/target/servers
PYFAST_REQUIRE_SERVERS=1
export PYFAST_REQUIRE_SHELLS PYFAST_TEST_SERVERS PYFAST_REQUIRE_SERVERS
light cargo test --no-fail-fast --workspace --test it
PYFAST_TEST_DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
PYFAST_REQUIRE_DOCKER=1
export PYFAST_TEST_DOCKER_HOST PYFAST_REQUIRE_DOCKER
# All others.
suite cargo test --no-fail-fast --workspace --test '[!di]*'
# These wait for containers a third of their time.
with_containers() { # ARGUMENTS...
    machine=$PATH
    PATH=${newer:+$newer:}$PATH
    suite cargo test --no-fail-fast --workspace --test docker -- --test-threads=$(($(nproc) + 1)) "$@"
    PATH=$machine
}
with_containers
# What depends on which Compose does the work.
[ -z "$newer" ] || { newer=; with_containers up::daily up::planning up::stopping up::compose_files watching; }

say "the suites took $(($(date +%s) - begun)) s"
[ -z "$failed" ] || { say "failed:$failed"; exit 1; }
say "everything passed"
