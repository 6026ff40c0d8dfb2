#!/bin/sh
# Runs every test, those that need a container engine included: uses the engine that answers, or
# starts one of its own and stops it again. Installs what is missing on a Debian machine.
set -eu
cd "$(dirname "$0")/.."

sh docker/engine.sh start > "${TMPDIR:-/tmp}/pyfast-engine.$$"
. "${TMPDIR:-/tmp}/pyfast-engine.$$"
rm -f "${TMPDIR:-/tmp}/pyfast-engine.$$"
trap 'sh docker/engine.sh stop ${PYFAST_ENGINE_DIR:+"$PYFAST_ENGINE_DIR"}' EXIT INT TERM
sh docker/slim-base.sh
sh docker/stack-images.sh
if ! docker compose version >/dev/null 2>&1 && ! command -v docker-compose >/dev/null; then
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends docker-compose; } >&2
fi

# The quick ones first.
cargo test --workspace --lib --bins
cargo test --test it
PYFAST_TEST_DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
PYFAST_REQUIRE_DOCKER=1
export PYFAST_TEST_DOCKER_HOST PYFAST_REQUIRE_DOCKER
cargo test -p pyfast-launcher --tests
cargo test --test docker
