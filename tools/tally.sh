#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sums up a run of "make check", in its build directory. Shows each test program with its count, the
# output of those that failed, and as the last line "N passed, N failed" over all; exits non-zero
# when anything failed.
#
# usage: tally.sh STATUS-OF-MAKE OUTPUT-OF-MAKE TEST-LOG...
set -u
status=$1 output=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
all_passed=0 all_failed=0 all_skipped=0

for log in "$@"; do
    result=$(sed -n 's/^:global-test-result: //p' "${log%.log}.trs" 2>/dev/null)
    if [ -f "$log" ]; then
        counts=$(awk -v result="${result:-ERROR}" -f "$here/tally.awk" "$log")
    else
        counts="0 1 0"
    fi
    read -r passed failed skipped <<<"$counts"
    word=ok
    [ "$skipped" = 0 ] || word=skip
    [ "$failed" = 0 ] || word=FAIL
    if [ "$failed" != 0 ] && [ -f "$log" ]; then
        echo "---- ${log%.log}"
        tail -n 200 "$log"
        echo "----"
    fi
    printf '%-5s%6d %6d  %s\n' "$word" "$passed" "$failed" "${log%.log}"
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    all_skipped=$((all_skipped + skipped))
done

# Make stopped for another reason than a test: something didn't build, or there was no test at all.
if [ "$all_failed" = 0 ] && { [ "$status" != 0 ] || [ "$all_passed" = 0 ]; }; then
    tail -n 60 "$output"
    all_failed=1
fi
if [ "$all_skipped" = 0 ]; then
    echo "$all_passed passed, $all_failed failed"
else
    echo "$all_passed passed, $all_failed failed, $all_skipped skipped"
fi
[ "$all_failed" = 0 ]
