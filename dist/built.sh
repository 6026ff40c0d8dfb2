#!/bin/sh
# Stands in for cargo where maturin would compile: the program is there already, and wheel, archive and image get the same
# bytes. PYFAST_DIST_PROGRAM is the program, PYFAST_DIST_CARGO the cargo that is asked everything else.
set -eu

[ "${1:-}" = rustc ] || exec "$PYFAST_DIST_CARGO" "$@"

id=$("$PYFAST_DIST_CARGO" pkgid --package pyfast)
manifest=$(cd "$(dirname "$0")/.." && pwd -P)
printf '{"reason":"compiler-artifact","package_id":"%s","manifest_path":"%s/Cargo.toml",' "$id" "$manifest"
printf '"target":{"kind":["bin"],"crate_types":["bin"],"name":"pyfast","src_path":"%s/src/main.rs","edition":"2024","doc":true,"doctest":false,"test":true},' "$manifest"
printf '"profile":{"opt_level":"3","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],'
printf '"filenames":["%s"],"executable":"%s","fresh":true}\n' "$PYFAST_DIST_PROGRAM" "$PYFAST_DIST_PROGRAM"
printf '{"reason":"build-finished","success":true}\n'
