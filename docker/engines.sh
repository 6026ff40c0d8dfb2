#!/bin/sh
# Runs the tests that need containers on engines that a stable Debian does not have, one after the other:
#
#   docker/engines.sh [--cached] [ENGINE...] [-- ARGUMENTS]
#
#   docker       Docker Engine with Compose 2 and buildx as the client's plugins
#   containerd   the same with images in containerd's store, the default of new installations
#   tcp          the same by a network address: volumes are out of reach, and helper containers write them
#   podman       Podman as root by its Docker-compatible socket, with Compose 2 and without BuildKit
#   rootless     Podman of an ordinary user, who runs the tests, too
#
# Without a name all five. ARGUMENTS go to the test programs (names of tests, --skip, --test-threads). Ends with a table,
# and with 1 when a test failed or an engine did not start. Needs root, and a kernel with tun and overlay. With --cached
# nothing is done, which is said, where the engines are not kept yet.
#
# Engines and clients are installed with debootstrap into a root of their own, from the archive that this machine's apt is
# set up with, and kept as one file (two minutes, 650 MB) in PYFAST_ENGINE_CACHE, else ~/.cache/pyfast-engines.
# PYFAST_ENGINE_SUITE names another suite than sid; PYFAST_IMAGE_CACHE and PYFAST_TEST_IMAGES are as in
# docker/slim-base.sh. Of this machine debootstrap alone may be installed.
#
# Each engine runs in namespaces of its own (mounts, processes, network), which end with it, however this script ends:
# nothing of the machine's bridges, routes, packet filters and mounts is changed, and no process stays.
set -eu

here=$(cd "$(dirname "$0")" && pwd -P)
suite=${PYFAST_ENGINE_SUITE:-sid}
cache=${PYFAST_ENGINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/pyfast-engines}
temporary=${TMPDIR:-/tmp}
# What is installed: engines, clients, what Podman runs containers with, and what gives a network to a namespace.
packages='docker.io docker-cli docker-compose docker-buildx podman runc netavark aardvark-dns catatonit nftables iptables
    iproute2 procps slirp4netns uidmap'
# Other packages are another file.
archive=$cache/$suite-$(echo $packages | sha256sum | cut -c -12).tar
# Whose engine the rootless one is: the user's number, here and there, and a name that is in the engine's root alone.
user=1500
user_name=somebody

say() { echo "engines: $*" >&2; }
die() { say "$*"; exit 1; }
. "$here/debian.sh"

## What is left out, and why

left_out() { # ENGINE: a line a test, `NAME: WHY`
    cat <<ALL
fresh::the_unit_tests_of_the_second_command_pass: of programs and an image, and the same on any engine
ALL
    [ "$1" != tcp ] || cat <<TCP
container_way::: it reaches an engine by the socket alone
bench::a_comparison_: it measures an engine of its own machine, and says so of others
hostile_builds::a_volume_that_this_machine_builds_for: sources for a volume out of reach are built in containers
kubernetes::a_pod_starts_in_an_environment_that_is_an_image: images are frozen where the volume's files are
managed::what_was_brought_for_a_sync_that_failed: the choice of before stands where containers write the volume
TCP
    case $1 in podman | rootless) ;; *) return ;; esac
    cat <<PODMAN
bench::a_comparison_measures_every_row: what builds images for it would be fetched from a registry
stack::the_example_runs: Compose waits for health checks, which Podman runs by timers of systemd
up::failing::a_failing_health_check_is_shown: the same; a check that systemd does not run has no output
volumes::a_prune_of_volumes_spares: Podman's own takes named volumes
PODMAN
}

## The root that has the engines

install() { # ROOT: in a mount namespace of its own
    root=$1
    debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$(mirror)"
    reach_archive "$root"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 0755 "$root/usr/sbin/policy-rc.d"
    mount -t proc proc "$root/proc"
    mount --bind /dev "$root/dev"
    chroot "$root" apt-get update -q
    # One word a package.
    DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" apt-get install -y -q --no-install-recommends $packages
    umount "$root/dev" "$root/proc"
    tar -C "$root" --exclude='./var/cache/apt/*' --exclude='./var/lib/apt/lists/*' --exclude='./usr/share/doc/*' \
        --exclude='./usr/share/man/*' --exclude='./usr/share/locale/*' --one-file-system -cf "$archive.part" .
    mv "$archive.part" "$archive"
}

bring() {
    [ ! -s "$archive" ] || return 0
    have_debootstrap
    mkdir -p "$cache"
    say "installing the engines of $suite (about two minutes)"
    unshare --mount --propagation private sh "$here/engines.sh" --install "$place/root" >"$place/log" 2>&1 ||
        { tail -n 20 "$place/log" >&2; die "the engines could not be installed"; }
    rm -rf --one-file-system "$place/root"
}

## One engine, as process 1 of its namespaces

# The engine's root has to be a mount point (for pivot_root), and the temporary directory has to be the same inside and
# outside, so that paths of volumes, sockets and bind mounts mean the same on both sides.
mount_all() {
    mount --bind "$root" "$root"
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount -t tmpfs tmpfs "$root/run"
    for directory in "$temporary" "$(dirname "$here")"; do
        mkdir -p "$root$directory"
        mount --rbind "$directory" "$root$directory"
    done
}

# A network for the engine and the tests alone. One program forwards what goes out of it, so that the machine's own
# packet filters stay as they are.
network() {
    touch "$work/net"
    unshare --net="$work/net" true
}

forward() {
    echo "nameserver 10.0.2.3" >"$work/resolv.conf"
    chroot "$root" ip -V >/dev/null
    nsenter --net="$work/net" chroot "$root" ip link set lo up
    chroot "$root" slirp4netns --configure --mtu=1500 --netns-type=path "$work/net" tap0 </dev/null >>"$work/log" 2>&1 &
    n=0
    until nsenter --net="$work/net" grep -q '^tap0.00000000' /proc/net/route; do
        n=$((n + 1)); [ $n -lt 50 ] || die "there is no way out of the engine's network"; sleep 0.1
    done
}

# The clients of the same suite are laid over /usr/local, where programs and the client's plugins are looked for first.
clients() { # PLUGINS...
    upper=$work/clients plugins=$work/clients/lib/docker/cli-plugins
    mkdir -p "$upper/bin" "$plugins" "$work/overlay"
    cp "$root/usr/bin/docker" "$upper/bin/docker"
    for plugin in "$@"; do cp "$root/usr/libexec/docker/cli-plugins/docker-$plugin" "$plugins/"; done
    cp "$plugins/docker-compose" "$upper/bin/docker-compose"
    mount -t overlay overlay -o "lowerdir=/usr/local,upperdir=$upper,workdir=$work/overlay" /usr/local
    # The machine's own plugins would be found as well.
    for directory in /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins; do
        [ ! -d "$directory" ] || mount -t tmpfs tmpfs "$directory"
    done
}

# pivot_root and not chroot: `docker exec` enters the root of the mount namespace, which chroot leaves as it was, and then
# every exec and every health check fails.
inside() { # COMMAND...
    setsid nsenter --net="$work/net" unshare --mount --propagation private \
        sh -c 'mount --bind "$1" "$0/etc/resolv.conf"; cd "$0"; shift
            mkdir -p .old; pivot_root . .old; umount -l /.old; exec "$@"' \
        "$root" "$work/resolv.conf" "$@" </dev/null >>"$work/log" 2>&1 &
    engine_pid=$!
}

answers() { # HOST
    n=0
    until nsenter --net="$work/net" docker -H "$1" version >/dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt 300 ] && kill -0 "$engine_pid" 2>/dev/null || { tail -n 20 "$work/log" >&2; die "the engine did not start"; }
        sleep 0.1
    done
}

start_docker() { # FLAGS...
    clients compose buildx
    inside /usr/sbin/dockerd --host "unix://$work/engine.sock" --data-root "$work/data" --exec-root "$work/exec" \
        --pidfile "$work/engine.pid" --cgroup-parent "/$groups" --mtu 1500 "$@"
}

hard() { awk -v n="Max $1" 'index($0, n) == 1 { print $(NF - 1) }' /proc/self/limits; }

# What every Podman here is told. runc with cgroupfs: nothing here is systemd. Limits: without the right to raise them the
# defaults cannot be set.
podman_settings() {
    cat <<CONF
[containers]
default_ulimits = ["nofile=1024:$(hard "open files")", "nproc=1024:$(hard processes)"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
CONF
}

# Whose images are taken: everybody's, none comes from elsewhere.
podman_policy() {
    mkdir -p "$root/etc/containers"
    echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$root/etc/containers/policy.json"
}

start_podman() {
    # Its buildx would want to fetch an image that builds.
    clients compose
    podman_policy
    podman_settings >"$work/containers.conf"
    printf '[storage]\ndriver = "overlay"\ngraphroot = "%s/data"\nrunroot = "%s/exec"\n' "$work" "$work" >"$work/storage.conf"
    export PODMAN_IGNORE_CGROUPSV1_WARNING=1 CONTAINERS_CONF="$work/containers.conf" CONTAINERS_STORAGE_CONF="$work/storage.conf"
    inside podman system service --time=0 "unix://$work/engine.sock"
}

# The user's containers have what this one has: no groups of control, and devices that the machine may keep to root.
start_rootless() {
    clients compose
    chroot "$root" useradd --uid "$user" --home-dir "$work/home" --no-create-home "$user_name"
    echo "$user_name:200000:65536" | tee "$root/etc/subuid" >"$root/etc/subgid"
    for device in net/tun:200 fuse:229; do
        node=$work/$(basename "${device%:*}")
        mknod -m 0666 "$node" c 10 "${device#*:}"
        mount --bind "$node" "$root/dev/${device%:*}"
    done
    podman_policy
    mkdir -p "$work/home/.config/containers" "$work/user"
    {
        podman_settings
        printf '[network]\ndefault_rootless_network_cmd = "slirp4netns"\n'
    } >"$work/home/.config/containers/containers.conf"
    chown -R "$user:$user" "$work/home" "$work/user"
    chmod 0711 "$work"
    chmod 0700 "$work/user"
    host=unix://$work/user/engine.sock
    inside setpriv --reuid "$user" --regid "$user" --clear-groups env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "HOME=$work/home" \
        "XDG_RUNTIME_DIR=$work/user" PODMAN_IGNORE_CGROUPSV1_WARNING=1 podman system service --time=0 "$host"
}

run() { # ENGINE ARGUMENTS...
    engine=$1 place=$(dirname "$work") host=unix://$work/engine.sock root=$work/root
    groups=$(basename "$place")
    shift
    trap 'exit 130' INT
    trap 'exit 143' TERM
    network
    mount_all
    forward
    case $engine in
    docker) start_docker ;;
    containerd)
        echo '{ "features": { "containerd-snapshotter": true } }' >"$work/daemon.json"
        start_docker --config-file "$work/daemon.json" ;;
    tcp)
        start_docker --host tcp://127.0.0.1:2375 --tls=false ;;
    podman) start_podman ;;
    rootless) start_rootless ;;
    esac
    answers "$host"
    # As systemd's unit has it, and Docker by itself: who is in its group may use it.
    [ "$engine" != podman ] || chmod 0660 "$work/engine.sock"
    DOCKER_HOST=$host; export DOCKER_HOST
    [ "$engine" != tcp ] || { host=tcp://127.0.0.1:2375; answers "$host"; }
    docker version --format '{{.Server.Version}}' >"$work/version"
    docker compose version --short >>"$work/version"
    sh "$here/slim-base.sh"
    [ -n "${PYFAST_TEST_IMAGES:-}" ] || sh "$here/stack-images.sh"
    say "$engine $(paste -sd' ' "$work/version"): testing"
    code=0
    as=
    case $engine in
    podman | rootless) DOCKER_BUILDKIT=0; export DOCKER_BUILDKIT ;;
    esac
    [ "$engine" != rootless ] || as="setpriv --reuid $user --regid $user --clear-groups env HOME=$work/home"
    programs=$(cat "$place/programs")
    # Those of the launcher's crate are about volumes that are in reach.
    [ "$engine" = tcp ] || programs="$programs $(cat "$place/launcher")"
    skipped=$(left_out "$engine" | sed 's/: .*//; s/^/--skip /')
    # A test program takes an option once.
    case " $* " in
    *" --test-threads"*) threads= ;;
    *) threads=--test-threads=$(($(nproc) + 1)) ;;
    esac
    for program in $programs; do
        DOCKER_HOST=$host PYFAST_TEST_DOCKER_HOST=$host PYFAST_REQUIRE_DOCKER=1 \
            nsenter --net="$work/net" unshare --mount --propagation private \
            sh -c 'mount --bind "$0" "$(readlink -f /etc/resolv.conf)"; exec "$@"' "$work/resolv.conf" \
            $as "$program" $threads $skipped "$@" </dev/null || code=1
    done
    stop
    exit $code
}

# Containers go before their engine, or their control groups would stay.
stop() {
    containers=$(docker ps -aq)
    # One word a container.
    [ -z "$containers" ] || docker rm -f $containers >/dev/null 2>&1 || true
    kill "$engine_pid" 2>/dev/null || true
    wait "$engine_pid" 2>/dev/null || true
}

## All of them

clean() {
    [ -z "${running:-}" ] || { kill -KILL "$running" 2>/dev/null || true; wait "$running" 2>/dev/null || true; }
    # What an engine was in the middle of. Its processes are killed with their namespace, and end when they end: a group
    # is busy until then.
    n=0
    while [ $n -lt 50 ] && [ -n "$(own_control_groups)" ]; do
        own_control_groups | xargs -r rmdir 2>/dev/null || true
        n=$((n + 1)); sleep 0.1
    done
    rm -rf --one-file-system "$place"
}

# Control groups of the engines, the deepest first. Podman's have names of its own: those that nobody had before.
control_groups() { find /sys/fs/cgroup -depth -type d \( -path "*/$(basename "$place")*" -o -path '*/libpod_parent*' \) 2>/dev/null; }
own_control_groups() { control_groups | grep -vxFf "$place/groups" || true; }

try() { # ENGINE ARGUMENTS...
    name=$1 work=$place/$1
    say "$name: starting"
    mkdir -p "$work/root"
    tar -C "$work/root" -xf "$archive"
    begun=$(date +%s)
    # Who follows it may be quicker than who writes it.
    : >"$work/said"
    # The caller may ignore signals, which what tests start would inherit.
    setpriv --pdeathsig KILL env --default-signal=HUP,INT,QUIT unshare --mount --propagation private --pid --fork \
        --kill-child --mount-proc sh "$here/engines.sh" --run "$work" "$@" >"$work/said" 2>&1 &
    running=$!
    tail --pid="$running" -n +1 -f "$work/said" &
    code=0; wait "$running" || code=$?
    running=
    wait
    row "$name" $code $(($(date +%s) - begun))
    rm -rf --one-file-system "$work"
    [ $code = 0 ] || failed="$failed $name"
}

row() { # ENGINE CODE SECONDS
    versions=$(paste -sd' ' "$work/version" 2>/dev/null || true)
    awk -v name="$1" -v code="$2" -v took="$3" -v versions="$versions" '
        /^test result:/ { for (i = 2; i < NF; i++) { if ($(i + 1) == "passed;") passed += $i; if ($(i + 1) == "failed;") failed += $i } }
        END { printf "%-11s %-18s %6d passed %4d failed %5d s  %s\n", name, versions, passed, failed, took, code ? "FAILED" : "ok" }
    ' "$work/said" >>"$place/table"
    sed -n 's/^test \(.*\) \.\.\. FAILED$/            \1/p' "$work/said" >>"$place/table"
}

# Builds the test programs, before anything that they are not meant to find is laid over this machine: of the whole
# workspace, as docker/test.sh does, so that nothing is built twice.
build() {
    cargo test --no-run --workspace --test docker 2>"$place/built" ||
        { cat "$place/built" >&2; die "the tests do not build"; }
    cat "$place/built" >&2
    sed -n 's|^ *Executable .*(\(.*\))$|\1|p' "$place/built" | sed "s|^[^/]|$(pwd -P)/&|" >"$place/both"
    while read -r program; do
        # The command line's have those of `up`.
        case $("$program" --list) in
        *"up::"*) echo "$program" >>"$place/programs" ;;
        *) echo "$program" >>"$place/launcher" ;;
        esac
    done <"$place/both"
}

main() {
    engines= cached=
    while [ $# -gt 0 ]; do
        case $1 in
        --) shift; break ;;
        --cached) cached=1 ;;
        docker | containerd | tcp | podman | rootless) engines="$engines $1" ;;
        *) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0" >&2; die "there is no engine $1" ;;
        esac
        shift
    done
    [ -z "$cached" ] || [ -s "$archive" ] || {
        say "SKIPPED: no test ran on a newer engine, because there is no $archive (docker/engines.sh without --cached makes it)"
        exit 0
    }
    [ "$(id -u)" = 0 ] || die "engines of their own need root"
    place=$(mktemp -d "$temporary/pyfast-engines.XXXXXX")
    # The tests have ordinary users, who have to reach the socket.
    chmod 0711 "$place"
    control_groups >"$place/groups"
    trap clean EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    bring
    build
    failed=
    engines=${engines:-docker containerd tcp podman rootless}
    for engine in $engines; do
        try "$engine" "$@"
    done
    cat "$place/table" >&2
    for engine in $engines; do
        left_out "$engine" | while read -r line; do say "left out on $engine: $line"; done
    done
    say "left out: by a network address the tests of the launcher's crate, which are about volumes in reach; rootless" \
        "Docker, Docker Desktop and engines on other machines, which a script cannot put up"
    [ -z "$failed" ] || die "failed:$failed"
}

cd "$here/.."
case ${1:-} in
--install) shift; install "$@" ;;
--run) work=$2; shift 2; run "$@" ;;
*) main "$@" ;;
esac
