#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The demo of ./dev demo, as a newcomer meets it: every request is answered, both ends of it are
# what it says they are, and neither its end nor a signal leaves a process or a file behind. Runs in
# the build directory. Prints "N passed, N failed".
set -u
tools=${srcdir:-..}/tools
passed=0 failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

check() {
    what=$1
    shift
    if "$@"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok: $what"
        sed 's/^/    /' "$scratch/out"
    fi
}

says() {
    grep -qF -- "$1" "$scratch/out"
}

says_not() {
    ! says "$1"
}

# Everything that it said it had started.
nothing_left() {
    pids=$(sed -n 's/.*(pid \([0-9]*\)).*/\1/p' "$scratch/out")
    folder=$(sed -n 's/.*configured by \(.*\)\/weir\.conf$/\1/p' "$scratch/out")
    [ "$(echo "$pids" | wc -l)" = 8 ] && [ -n "$folder" ] && [ ! -e "$folder" ] || return 1
    for pid in $pids; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
}

"$tools/demo.sh" . --once >"$scratch/out" 2>&1
status=$?
check "every request is answered" [ $status = 0 ]
check "apples go to one backend" says "  apple on port"
check "apples go to the other" says "  apricot on port"
check "bananas go to theirs, under another path" says "  GET /fruit/bananas/ripe?n=3 HTTP/1.1"
check "the client's address goes inward" says "  x-forwarded-for: 127.0.0.1"
check "what the client made up doesn't" says_not "  x-forwarded-for: 1.2.3.4"
check "the redirect keeps the rest of the path" says "/apples/1"
check "TLS serves HTTP/2" says "  HTTP/2"
check "no route gives a reason" says '"error":"no_route"'
check "nine of ten cherries are of version 1" says "  180 cherries-v1"
check "one of ten is of version 2" says "  20 cherries-v2"
check "an operator sees the same" grep -qE "^  cherries-v1 +90 +90% +180.0 +180 " "$scratch/out"
check "a granted token opens version 3" says "  cherry-v3 on port"
check "... once, and not without it or with a bad one" [ "$(grep -c "^  cherry-v3 on port" "$scratch/out")" = 1 ]
check "the lab got copies" says "  request 51 of this backend"
check "requests are counted" says 'weir_route_requests_total{route="apples"} 3'
check "nothing is left at its end" nothing_left

"$tools/demo.sh" . >"$scratch/out" 2>&1 &
demo=$!
tries=0
until says "Ctrl-C ends it" || [ $tries = 1200 ]; do
    tries=$((tries + 1))
    sleep 0.05
done
check "it stays until a signal" kill -TERM $demo
wait $demo
check "a signal is a good end" [ $? = 0 ]
check "nothing is left after a signal" nothing_left

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
