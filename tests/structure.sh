#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2046
# The shape of the tree, held to its rules: layers, circles, sizes, SPDX lines, and a drawing that
# is what the step table says. Each checker is first shown something wrong, so that one which went
# blind fails here too. Prints "N passed, N failed".
set -u
here=$(pwd)
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
passed=0 failed=0
shown="files and functions are short" # the check whose figures are printed
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT

# check WHAT COMMAND...: the command has to succeed.
check() {
    what=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then
        passed=$((passed + 1))
        [ "$what" != "$shown" ] || cat "$scratch/out"
    else
        failed=$((failed + 1))
        echo "not ok: $what"
        cat "$scratch/out"
    fi
}

# layers_refuse WHAT FILE LINE...: that file with these lines has to be refused.
layers_refuse() {
    what=$1 file=$scratch/gateway/$2
    shift 2
    mkdir -p "$(dirname "$file")"
    printf '%s\n' "$@" >"$file"
    check "layers.awk refuses $what" refuses "layers.awk" "$file"
    rm -rf "$scratch/gateway"
}

# refuses SCRIPT FILE...: exit code 1 and something said; a script that can't run is no refusal.
refuses() {
    script=$1
    shift
    awk -f "tools/$script" "$@" >"$scratch/said" 2>&1
    [ $? = 1 ] && [ -s "$scratch/said" ]
}

gateway() {
    find gateway -name '*.[ch]' | sort
}

layers_refuse "an include upwards" base/a.c '#include "io/loop.h"'
layers_refuse "an include sideways" edge/a.c '#include "upstream/origin.h"'
layers_refuse "io in http" http/a.c '#include "io/timer.h"'
layers_refuse "config in http" http/a.c '#include "config/config.h"'
layers_refuse "io in config" config/a.h '#include "io/sock.h"'
layers_refuse "sockets in core" core/a.c '#include "io/sock.h"'
layers_refuse "system sockets in core" core/a.c '#include <sys/socket.h>'
layers_refuse "libev outside io" core/a.c '  #include <x.h>' '#include <ev.h>'
layers_refuse "JSON of others in core" core/a.c '#include <jansson.h>'
layers_refuse "hiredis outside redis" fleet/a.c '#include <hiredis/hiredis.h>'
layers_refuse "a header without its folder" base/a.c '#include "slice.h"'
layers_refuse "a folder without a layer" extra/a.c '#include "base/slice.h"'

mkdir -p "$scratch/gateway/base"
for pair in a:b b:c c:a; do
    echo "#include \"base/${pair#*:}.h\"" >"$scratch/gateway/base/${pair%:*}.h"
done
check "layers.awk refuses a circle" refuses layers.awk "$scratch"/gateway/base/?.h
check "layers.awk says that it is a circle" grep -q circle "$scratch/said"
rm "$scratch/gateway/base/c.h"
check "layers.awk accepts what is right" awk -f tools/layers.awk "$scratch"/gateway/base/?.h

# module_says VERDICT WHAT LINE...: a file of the module "hello" with these lines is refused, or accepted.
module_says() {
    verdict=$1 what=$2
    shift 2
    mkdir -p "$scratch/modules/hello"
    printf '%s\n' "$@" >"$scratch/modules/hello/hello.c"
    if [ "$verdict" = refuses ]; then
        check "modules.awk refuses $what" refuses modules.awk "$scratch/modules/hello/hello.c"
    else
        check "modules.awk accepts $what" awk -f tools/modules.awk "$scratch/modules/hello/hello.c"
    fi
    rm -r "$scratch/modules"
}
module_says refuses "a header of the gateway" '#include "core/exchange.h"'
module_says refuses "the folder of another module" '#include <weir/module.h>' '#include "canary/cell.h"'
module_says refuses "a header without its folder" '#include "words.h"'
module_says refuses "a way around" '#include "hello/../../gateway/core/exchange.h"'
module_says refuses "a header of the gateway in brackets" '# include <core/exchange.h>'
module_says refuses "another header of weir" '#include <weir/inside.h>'
module_says refuses "a part of <weir/module.h>" '#include <weir/exchange.h>'
module_says refuses "what a macro names" '#define X <core/exchange.h>' '#include X'
module_says refuses "what the gateway keeps to itself" '#include <ev.h>'
module_says refuses "declarations of its own of the gateway" 'extern struct exchange *current;' 'struct worker;'
module_says accepts "what is right" '#include <weir/module.h>' '#include <weir/fleet.h>' '#include "hello/words.h"' '#include <string.h>' \
    '#include "common/slice.h"' \
    '#include <openssl/evp.h>' '#include <sys/stat.h>'

yes '/* */' | head -601 >"$scratch/long.c"
check "size.awk refuses a file of 601 lines" refuses size.awk "$scratch/long.c"
yes '/* */' | head -600 >"$scratch/long.c"
check "size.awk accepts a file of 600 lines" awk -f tools/size.awk "$scratch/long.c"
{ printf 'int f(void)\n{\n'; yes '    f();' | head -58; printf '}\n'; } >"$scratch/long.c"
check "size.awk refuses functions of 61 lines" refuses size.awk "$scratch/long.c"

printf '    STEP(A, "first", "B C")  \\\n    STEP(B, "second",  \\\n "")\n' >"$scratch/steps.h"
check "steps.awk refuses a step that there is not" refuses steps.awk "$scratch/steps.h"
printf '    STEP(A, "first", "") \\\n    STEP(B, "second", "A")\n' >"$scratch/steps.h"
check "steps.awk refuses a step that nothing leads to" refuses steps.awk "$scratch/steps.h"
printf '    STEP(A, "first", "B") \\\n    STEP(B, "second", "")\n' >"$scratch/steps.h"
printf 'static int step_a(void)\n{\n    return STEP_B;\n}\n' >"$scratch/steps.c"
check "steps.awk accepts code that does what the table says" \
    awk -f tools/steps.awk "$scratch/steps.h" "$scratch/steps.c"
printf 'static int step_b(void)\n{\n    return STEP_A;\n}\n' >>"$scratch/steps.c"
check "steps.awk refuses a step that goes elsewhere" refuses steps.awk "$scratch/steps.h" "$scratch/steps.c"
printf 'static int step_a(void)\n{\n    return VERDICT_STAY;\n}\n' >"$scratch/steps.c"
check "steps.awk refuses a way that nobody goes" refuses steps.awk "$scratch/steps.h" "$scratch/steps.c"

# tally_says COUNTS RESULT LINE...: what the log of a test program with these lines counts.
tally_says() {
    want=$1 result=$2
    shift 2
    said=$(printf '%b\n' "$@" | awk -v result="$result" -f tools/tally.awk)
    check "tally.awk says $want for $result: $*" [ "$said" = "$want" ]
}
tally_says "7 0 0" PASS "[====] Synthesis: Tested: 7 | Passing: 7 | Failing: 0 | Crashing: 0 "
tally_says "4 3 0" FAIL "[\033[0;34m====\033[0m] Synthesis: Tested: 7 | Passing: 4 | Failing: 3 | Crashing: 2"
tally_says "7 1 0" FAIL "[====] Synthesis: Tested: 7 | Passing: 7 | Failing: 0 | Crashing: 0"
tally_says "0 1 0" FAIL "it crashed before it said anything"
tally_says "0 1 0" ERROR "ok"
tally_says "5 0 2" PASS "noise 9 passed, 9 failed." "5 passed, 0 failed, 2 skipped"
tally_says "5 1 0" FAIL "fuzz: 5 passed, 1 failed"
tally_says "2 1 0" FAIL "1..3" "ok 1 - a" "not ok 2 - b" "ok 3"
tally_says "1 0 0" PASS "nothing that counts"
tally_says "0 0 1" SKIP "no such thing here"

check "the includes keep to the layers" awk -f tools/layers.awk $(gateway)
check "modules include nothing of the gateway but <weir/module.h>" awk -f tools/modules.awk \
    $(find modules tests/module tests/unit/modules -name '*.[ch]' | sort)
check "$shown" awk -f tools/size.awk $(gateway)
check "every file begins with its licence" sh -c '
    for file; do head -n 2 "$file" | grep -q "SPDX-License-Identifier: Apache-2.0" || echo "$file"; done |
        awk "{ print } END { exit NR > 0 }"' sh \
    $(find gateway modules tests tools -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' -o -name '*.am' \
        2>/dev/null | grep -v /corpus/)
check "every file stands in a fragment of the Makefile (make dist takes what it lists)" sh -c '
    cat Makefile.am $(find . -name local.am) >"$1"
    for file in $(find gateway modules tests tools conf docs -type f ! -path "*/corpus/*" ! -name local.am); do
        grep -qF -- "$file" "$1" || echo "$file"
    done | awk "{ print } END { exit NR > 0 }"' sh "$scratch/fragments"
check "the steps can be drawn, and go where the table says" sh -c '
    awk -f tools/steps.awk gateway/core/steps.h gateway/core/exchange_steps.c >"$1"' sh "$scratch/life.dot"
check "docs/request-life.dot is what the steps say (./dev docs makes it)" \
    cmp "$scratch/life.dot" docs/request-life.dot

# Where the gateway was built (make check runs this there), it has to accept what the README shows,
# but for ports and a socket, which may be taken and which not everybody may have; with a certificate of
# our own.
if [ -x "$here/weir" ]; then
    awk -v scratch="$scratch" '/^```/ { inside = !inside; next }
        inside {
            sub(/0\.0\.0\.0:(80|443)"/, "127.0.0.1:0\"")
            sub(/unix:\/run/, "unix:" scratch)
            print
        }' README.md >"$scratch/readme.conf"
    mkdir "$scratch/tls"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=api.example.com \
        -keyout "$scratch/tls/www.key" -out "$scratch/tls/www.crt" 2>"$scratch/openssl.err" ||
        cat "$scratch/openssl.err"
    chmod 600 "$scratch/tls/www.key"
    check "the README's configuration is accepted" "$here/weir" -t -c "$scratch/readme.conf"
    check "the README's configuration is a short one" [ "$(wc -l <"$scratch/readme.conf")" -le 24 ]
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
