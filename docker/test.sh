#!/bin/sh
# Runs every test, those that need a container engine included. A suite that fails does not keep the others from running;
# the end names those that failed, and is 1.
#
# Uses the engine that answers, or starts one of its own and stops it again. Installs what is missing with apt-get, which
# needs root on a Debian machine: docker.io and iptables for an engine, debootstrap for the images of the tests, and
# docker-compose; zsh, fish and tcsh, which activate environments; tmux, whose screen shows what a terminal would.
# Nothing of it is removed afterwards.
set -eu
cd "$(dirname "$0")/.."

say() { echo "test: $*" >&2; }

missing() { # PROGRAM PACKAGES...
    command -v "$1" >/dev/null && return
    shift
    printf ' %s' "$@"
}

compose() { docker compose version >/dev/null 2>&1 || command -v docker-compose >/dev/null; }

shells() { missing zsh zsh; missing fish fish; missing tcsh tcsh; missing tmux tmux; }

installs=$(missing dockerd docker.io iptables; missing debootstrap debootstrap; compose || printf ' docker-compose'; shells)
[ -z "$installs" ] || say "what is needed of these will be installed with apt-get, and stays:$installs"

sh docker/engine.sh start > "${TMPDIR:-/tmp}/pyfast-engine.$$"
. "${TMPDIR:-/tmp}/pyfast-engine.$$"
rm -f "${TMPDIR:-/tmp}/pyfast-engine.$$"
trap 'sh docker/engine.sh stop ${PYFAST_ENGINE_DIR:+"$PYFAST_ENGINE_DIR"}' EXIT
# The next suite would go on without an engine.
trap 'exit 130' INT
trap 'exit 143' TERM
sh docker/slim-base.sh
sh docker/stack-images.sh
if ! compose; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends docker-compose; } >&2
fi
shells=$(shells)
if [ -n "$shells" ]; then
    # One word a package.
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $shells; } >&2
fi

failed=
suite() { # COMMAND...
    say "$*"
    # Signals that the caller ignores, as whatever runs in the background does, would not reach what tests start.
    env --default-signal=HUP,INT,QUIT "$@" || failed="$failed
  $*"
}

# Each as of the whole workspace: packages alone have other features of what they depend on, which is all built again.
# The quick ones first.
suite cargo test --no-fail-fast --workspace --lib --bins
PYFAST_REQUIRE_SHELLS=1
export PYFAST_REQUIRE_SHELLS
suite cargo test --no-fail-fast --workspace --test it
PYFAST_TEST_DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
PYFAST_REQUIRE_DOCKER=1
export PYFAST_TEST_DOCKER_HOST PYFAST_REQUIRE_DOCKER
# All others.
suite cargo test --no-fail-fast --workspace --test '[!di]*'
# These wait for containers a third of their time.
suite cargo test --no-fail-fast --workspace --test docker -- --test-threads=$(($(nproc) + 1))

[ -z "$failed" ] || { say "failed:$failed"; exit 1; }
say "everything passed"
