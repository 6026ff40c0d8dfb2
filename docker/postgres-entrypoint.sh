#!/bin/sh
# Entry of the PostgreSQL image for tests: makes the cluster once from POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB
# as the public image does, then becomes the server.
set -eu

user=${POSTGRES_USER:-postgres}
data=${PGDATA:-/var/lib/postgresql/data}
as() { setpriv --reuid postgres --regid postgres --clear-groups "$@"; }

mkdir -p "$data" /var/run/postgresql
chown postgres:postgres "$data" /var/run/postgresql
chmod 0700 "$data"
if [ ! -s "$data/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?POSTGRES_PASSWORD is not set}"
    secret=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$secret"
    chown postgres "$secret"
    as initdb --pgdata "$data" --username "$user" --pwfile "$secret" --auth-local trust --auth-host scram-sha-256 --encoding UTF8 --no-locale
    rm -f "$secret"
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    name=${POSTGRES_DB:-$user}
    # Before it listens, so that nobody meets a server without its database.
    if [ "$name" != postgres ]; then
        echo "CREATE DATABASE \"$name\";" | as postgres --single -j -D "$data" postgres
    fi
fi
exec setpriv --reuid postgres --regid postgres --clear-groups postgres -D "$data" -c listen_addresses='*' -c jit=off "$@"
