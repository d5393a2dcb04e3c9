#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The story of ./dev demo --fleet: the timeline has every step, in order, and what it says of the
# instances adds up; neither its end nor Ctrl-C nor a signal leaves a process or a file behind. Runs
# in the build directory. Prints "N passed, N failed".
set -u
set -m # each demo in a process group of its own, as a terminal has it: Ctrl-C goes to all of it
tools=${srcdir:-..}/tools
passed=0 failed=0
command -v redis-server >/dev/null || exit 77 # SKIP
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

check() {
    local what=$1
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
    grep -qE -- "$1" "$scratch/out"
}

# says_times N REGEX
says_times() {
    [ "$(grep -cE -- "$2" "$scratch/out")" = "$1" ]
}

# in_order REGEX...: lines of the timeline, one behind the other, whatever stands in between.
in_order() {
    printf '%s\n' "$@" >"$scratch/steps"
    awk 'NR == FNR { step[++n] = $0; next }
        / s  / && at < n && $0 ~ step[at + 1] { at++ }
        END { if (at < n) print "    missing: " step[at + 1]; exit at < n }' "$scratch/steps" "$scratch/out"
}

times_grow() {
    awk '$2 == "s" && $1 ~ /^[0-9]+\.[0-9][0-9][0-9]$/ { n++; if ($1 < last) wrong++; last = $1 }
        END { exit n < 20 || wrong }' "$scratch/out"
}

# What opened it is the sum: each instance has had fewer calls than are needed, together they have had
# enough.
is_opened_by_the_sum() {
    [[ $(grep -E 'has opened the circuit.*calls failed' "$scratch/out") =~ \
        "edge-a has had "([0-9]+)" calls, ".*"edge-b "([0-9]+)", ".*"; "([0-9]+)" are needed" ]] || return 1
    local a=${BASH_REMATCH[1]} b=${BASH_REMATCH[2]} needed=${BASH_REMATCH[3]}
    [ "$a" -lt "$needed" ] && [ "$b" -lt "$needed" ] && [ $((a + b)) -ge "$needed" ]
}

# Everything that it said it had started.
nothing_left() {
    local pids pid folder
    pids=$(sed -n 's/.*(pid \([0-9]*\)).*/\1/p' "$scratch/out")
    folder=$(sed -n 's/^  redis on unix:\(.*\)\/redis\.sock .*/\1/p' "$scratch/out")
    [ "$(wc -l <<<"$pids")" = 4 ] && [ -n "$folder" ] && [ ! -e "$folder" ] || return 1
    ! pgrep -f -- "$folder" >"$scratch/left" || return 1
    for pid in $pids; do
        ! kill -0 "$pid" 2>/dev/null || return 1
    done
}

# await REGEX: the demo has said it.
await() {
    local tries=0
    until says "$1" || [ $tries = 1200 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
}

"$tools/demo.sh" . --fleet --once >"$scratch/out" 2>&1
check "the story comes to its end" [ $? = 0 ]
check "every step is there, in order" in_order \
    "edge-[ab] +has joined the fleet" "edge-[ab] +has joined the fleet" \
    "both +answered with 200" \
    "backend +fails from now on" "edge-[ab] +a request fails with 500: number 1 here, 1 of both" \
    "edge-[ab] +(has opened the circuit|hears from edge-[ab]: open)" \
    "edge-[ab] +(has opened the circuit|hears from edge-[ab]: open).* ms (after edge-[ab]|earlier)" \
    "both +refused with 503, the backend isn't asked" \
    "edge-[ab] +(has made it|hears from edge-[ab]:) half-open" \
    "edge-[ab] +(has made it|hears from edge-[ab]:) half-open.* ms (after edge-[ab]|earlier)" \
    "edge-[ab] +sends a probe: 500" \
    "edge-[ab] +(has opened the circuit|hears from edge-[ab]: open)" \
    "edge-[ab] +(has opened the circuit|hears from edge-[ab]: open).* ms (after edge-[ab]|earlier)" \
    "backend +works again" \
    "edge-[ab] +(has made it|hears from edge-[ab]:) half-open" \
    "edge-[ab] +sends a probe: 200, good ones of the fleet: 1 of 4" \
    "edge-[ab] +sends a probe: 200, good ones of the fleet: 4 of 4" \
    "edge-[ab] +(has closed it|hears from edge-[ab]: closed)" \
    "edge-[ab] +(has closed it|hears from edge-[ab]: closed).* ms (after edge-[ab]|earlier)" \
    "both +answered with 200"
check "its times grow" times_grow
check "the sum has opened it" is_opened_by_the_sum
check "it is opened once, and once more by a probe" says_times 2 " has opened the circuit "
check "... and by a probe the second time" says_times 1 " has opened the circuit .*: a probe has failed"
check "the other one hears of each" says_times 2 " hears from edge-[ab]: open for [0-9]+ ms"
check "it is made half-open twice" says_times 2 " has made it half-open"
check "no more probes are good than go out" says_times 4 " sends a probe: 200"
check "it is closed once" says_times 1 " has closed it"
check "both say that it is closed, and led" says_times 2 "^  cluster fruit +- +closed +auto +led "
check "nothing is left at its end" nothing_left

# start_demo: the one that goes on. Who runs the tests in the background may ignore SIGINT, which the
# demo's shell could not undo.
start_demo() {
    : >"$scratch/out"
    env --default-signal=INT "$tools/demo.sh" . --fleet >>"$scratch/out" 2>&1 &
    demo=$!
}

# ends_well: soon, and with the status 0.
ends_well() {
    local tries=0
    while kill -0 "$demo" 2>/dev/null && [ $tries -lt 400 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
    [ $tries -lt 400 ] || { kill -TERM "$demo"; wait "$demo"; return 1; }
    wait "$demo"
}

start_demo
await "fails from now on"
check "Ctrl-C is possible at any time" kill -INT -- "-$demo"
check "... and a good end" ends_well
check "nothing is left after Ctrl-C" nothing_left

start_demo
await "Ctrl-C ends it"
redis=$(sed -n 's/^  redis on .*(pid \([0-9]*\)).*/\1/p' "$scratch/out")
check "it goes on until a signal" kill -STOP "$redis"
kill -TERM "$demo"
check "a signal is a good end, even while Redis hangs" ends_well
check "nothing is left after a signal" nothing_left

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
