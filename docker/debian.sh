# What scripts share that make roots out of Debian's archive; they read it with `.`, and have `say` and `die`.

mirror() { # the first archive of apt's configuration that has Debian's main component
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(COMPONENT) $(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "Debian" && $3 == "main" && $4 == "Debian" { print $1; exit }'
}

have_debootstrap() { # and an archive that it installs from
    command -v debootstrap >/dev/null || {
        say "installing debootstrap, which stays"
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends debootstrap; } >&2 ||
            die "apt-get could not install debootstrap"
    }
    [ -n "$(mirror)" ] || apt-get update -q >&2 || true
    [ -n "$(mirror)" ] || die "apt's configuration names no Debian archive"
}

reach_archive() { # ROOT: it reaches the archive as this machine does
    cp /etc/resolv.conf "$1/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
    apt-config dump | grep -E '^Acquire::(http|https)' >"$1/etc/apt/apt.conf.d/90machine" || true
    # The release file of a suite that moves may be past its date where a mirror lags.
    echo 'Acquire::Check-Valid-Until "false";' >"$1/etc/apt/apt.conf.d/00valid"
}
