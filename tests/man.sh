#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manual pages are what their sources, the reference of settings and weirctl say. Runs in the
# build directory. Prints "N passed, N failed".
set -u
build=$(pwd)
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
passed=0 failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# check WHAT COMMAND...: the command has to succeed.
check() {
    what=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok: $what"
        head -n 40 "$scratch/out"
    fi
}

# Each option that the program tells of.
options_described() {
    "$1" --help | grep -o -- '--[a-z-]*' | sort -u >"$scratch/options"
    [ -s "$scratch/options" ] || return 1
    while read -r option; do
        sed 's/\\//g' "$2" | grep -q -- "$option" || echo "$option is missing in $2"
    done <"$scratch/options" >"$scratch/missing"
    cat "$scratch/missing"
    [ ! -s "$scratch/missing" ]
}

check "weir(8) has all options" options_described "$build/weir" docs/man/weir.8
check "weirctl(1) has all options" options_described "$build/weirctl" docs/man/weirctl.1
if command -v scdoc >/dev/null; then
    check "the pages can be made" tools/man.sh "$build/weirctl" "$scratch"
    for page in weir.8 weirctl.1 weir.conf.5; do
        check "docs/man/$page is up to date (./dev docs makes it again)" \
            diff -u docs/man/$page "$scratch/$page"
    done
else
    echo "without scdoc nobody can tell whether the manual pages are up to date"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
