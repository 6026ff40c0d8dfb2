#!/bin/sh
# Makes a container engine available for tests and prints how to reach it:
#
#   eval "$(docker/engine.sh start [DIR])"     DOCKER_HOST (and PYFAST_ENGINE_DIR for a private engine)
#   docker/engine.sh stop [DIR]                stops what start started, nothing else
#
# An engine that answers already (DOCKER_HOST, else the CLI's own default) is used as it is.
# Otherwise a private dockerd is started as root; its socket, data, runtime state, containerd,
# pid file and log live below DIR (given, else PYFAST_ENGINE_DIR, else a new temporary directory).
# Messages go to stderr, so that stdout can be evaluated. No service manager is needed.
set -eu

say() { echo "engine: $*" >&2; }
die() { say "$*"; exit 1; }

answers() { # HOST ('' = the CLI's default)
    if [ -n "$1" ]; then DOCKER_HOST=$1 timeout 10 docker version >/dev/null 2>&1
    else timeout 10 docker version >/dev/null 2>&1; fi
}

default_host() {
    if [ -n "${DOCKER_HOST:-}" ]; then echo "$DOCKER_HOST"; return; fi
    docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || echo unix:///var/run/docker.sock
}

# True when PID runs and its command line names our directory: pids are reused, pid files go stale.
ours() { # PIDFILE
    [ -s "$1" ] || return 1
    pid=$(cat "$1")
    [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$dir/"
}

end() { # PIDFILE SECONDS
    ours "$1" || { rm -f "$1"; return 0; }
    pid=$(cat "$1")
    kill -TERM "$pid" 2>/dev/null || true
    n=0
    while [ -d "/proc/$pid" ] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null; do
        n=$((n + 1))
        if [ "$n" -ge $(($2 * 10)) ]; then say "process $pid ignores SIGTERM, killing it"; kill -KILL "$pid" 2>/dev/null || true; sleep 0.3; break; fi
        sleep 0.1
    done
    rm -f "$1"
}

# Containers outlive a killed daemon. A shim names its containerd's socket on its command line.
end_shims() {
    for p in /proc/[0-9]*; do
        cmd=$(tr '\0' ' ' 2>/dev/null <"$p/cmdline") || continue
        case $cmd in
        *containerd-shim*"$dir/"*)
            shim=${p#/proc/}
            for child in $(cat "$p/task/$shim/children" 2>/dev/null); do kill -KILL "$child" 2>/dev/null || true; done
            kill -KILL "$shim" 2>/dev/null || true ;;
        esac
    done
}

unmount_all() { # deepest first
    awk -v d="$dir/" 'index($2, d) == 1 { print $2 }' /proc/mounts | sort -r | while read -r m; do
        umount -l "$m" 2>/dev/null || true
    done
}

# What killed tests left: bridges stay on the machine after the engine, and take the addresses of the next one's.
end_networks() {
    ours "$dir/docker.pid" && answers "unix://$dir/docker.sock" || return 0
    for id in $(docker -H "unix://$dir/docker.sock" ps -aq); do
        docker -H "unix://$dir/docker.sock" rm -f "$id" >/dev/null 2>&1 || true
    done
    docker -H "unix://$dir/docker.sock" network prune -f >/dev/null 2>&1 || true
}

clean_runtime() {
    end "$dir/docker.pid" 20
    end "$dir/exec/containerd/containerd.pid" 5
    end_shims
    unmount_all
    rm -rf "$dir/exec" "$dir/docker.sock"
}

install_engine() {
    [ "$(id -u)" = 0 ] || die "no container engine answers, and starting one needs root"
    command -v dockerd >/dev/null && command -v docker >/dev/null && return 0
    command -v apt-get >/dev/null || die "no container engine answers, and there is no apt-get to install one"
    say "installing docker.io"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends docker.io iptables; } >&2 ||
        die "apt-get could not install docker.io"
}

launch() { # FLAGS...
    # No docker0: a second engine's bridge would collide with the first one's. Tests use the host's network or none.
    setsid dockerd --host "unix://$dir/docker.sock" --data-root "$dir/data" --exec-root "$dir/exec" \
        --pidfile "$dir/docker.pid" --bridge=none "$@" </dev/null >>"$dir/dockerd.log" 2>&1 &
    n=0
    while [ "$n" -lt 300 ]; do
        answers "unix://$dir/docker.sock" && return 0
        kill -0 $! 2>/dev/null || return 1
        n=$((n + 1)); sleep 0.1
    done
    return 1
}

start() {
    if command -v docker >/dev/null && answers "${DOCKER_HOST:-}"; then
        say "using the engine that answers"
        echo "export DOCKER_HOST='$(default_host)'"
        return 0
    fi
    if [ -z "$dir" ]; then
        dir=$(mktemp -d "${TMPDIR:-/tmp}/pyfast-engine.XXXXXX")
        # Who may use the engine is said by its socket, which others have to reach.
        chmod 0711 "$dir"
    fi
    mkdir -p "$dir"; dir=$(cd "$dir" && pwd -P)
    [ ${#dir} -le 60 ] || die "$dir is too long for the sockets below it (60 characters at most)"
    host=unix://$dir/docker.sock
    if ! { command -v docker >/dev/null && ours "$dir/docker.pid" && answers "$host"; }; then
        install_engine
        # The package's own service may have been started by its installation.
        if [ -z "${DOCKER_HOST:-}" ] && answers ""; then
            say "using the engine that the package started"
            echo "export DOCKER_HOST='$(default_host)'"
            return 0
        fi
        clean_runtime
        say "starting dockerd below $dir"
        launch || { clean_runtime; say "trying without iptables"; launch --iptables=false; } ||
            { tail -n 20 "$dir/dockerd.log" >&2; clean_runtime; die "dockerd did not start, see $dir/dockerd.log"; }
    fi
    echo "export DOCKER_HOST='$host'"
    echo "export PYFAST_ENGINE_DIR='$dir'"
}

stop() {
    if [ -z "$dir" ] || [ ! -d "$dir" ]; then say "no private engine to stop"; return 0; fi
    dir=$(cd "$dir" && pwd -P)
    # Only a directory that start made: everything in it is about to be removed.
    [ -e "$dir/dockerd.log" ] || die "$dir holds no engine of this script"
    end_networks
    clean_runtime
    rm -rf "$dir/data" "$dir/dockerd.log"
    rmdir "$dir" 2>/dev/null || true
    say "stopped, $dir cleaned"
}

command=${1:-start}
dir=${2:-${PYFAST_ENGINE_DIR:-}}
case $command in
start) start ;;
stop) stop ;;
*) die "usage: engine.sh start|stop [DIR]" ;;
esac
