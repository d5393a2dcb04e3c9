# SPDX-License-Identifier: Apache-2.0
# Counts what one test program said: prints "PASSED FAILED SKIPPED". It understands the synthesis
# line of Criterion, a line "N passed, N failed", and TAP; of several such lines each counts. A
# program that says none of these counts as one test, by its exit status; and one that ended badly
# counts at least one failure, so that a crash before the last line is never overlooked.
#
# usage: awk -v result=PASS|FAIL|SKIP|ERROR -f tools/tally.awk LOG
{ gsub(/\033\[[0-9;]*m/, "") }
/Synthesis: Tested: [0-9]+/ {
    said = 1
    # Failing counts those that crash too.
    passed += value("Passing:"); failed += value("Tested:") - value("Passing:")
}
/^([^ ]+: )?[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
    said = 1
    sub(/^[^ ]+: /, "")
    passed += $1; failed += $3; skipped += $5
}
/^ok [0-9]+/     { tap_passed++ }
/^not ok [0-9]+/ { tap_failed++ }
END {
    if (!said && tap_passed + tap_failed) {
        said = 1
        passed = tap_passed; failed = tap_failed
    }
    if (!said && result == "PASS") passed = 1
    if (!said && result == "SKIP") skipped = 1
    if (result != "PASS" && result != "SKIP" && !failed) failed = 1
    print passed + 0, failed + 0, skipped + 0
}
function value(word,   rest) {
    rest = substr($0, index($0, word) + length(word))
    return rest + 0
}
