#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2013
# The manuals, held to what they describe: each reason has an entry, each feature an example, each
# example and each whole configuration on a page is one that Weir takes, no link is dead, and what the first
# pages tell one to type works. Each checker is first shown something wrong. Run in the build's folder;
# prints "N passed, N failed, N skipped".
set -u
here=$(pwd)
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
root=$(pwd)
passed=0 failed=0 skipped=0
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
        cat "$scratch/out"
    fi
}

# says TEXT COMMAND...: it fails with the exit code 1, and says this.
says() {
    text=$1
    shift
    "$@" >"$scratch/said" 2>&1
    [ $? = 1 ] && grep -qF -- "$text" "$scratch/said"
}

# -- reasons ---------------------------------------------------------------------------------------

printf '    WHY(NONE, "-", 0, NEVER)\n    WHY(RESET, "reset", 502, STALE)\n    WHY(GONE, "gone", 0, NEVER)\n' \
    >"$scratch/why.h"
page() {
    printf '%s\n' '## Reasons' '| reason | status | means | do |' '| --- | --- | --- | --- |' "$@" '## More' \
        '| `other` | 1 | x | y |' >"$scratch/page.md"
}
reasons() {
    awk -f tools/reasons.awk "$scratch/why.h" "$scratch/page.md"
}
page '| `reset` | 502 | x | y |' '| `gone` | - | x | y |'
check "reasons.awk accepts what is complete" reasons
page '| `reset` | 502 | x | y |'
check "reasons.awk refuses a reason without an entry" says "gone: has no entry" reasons
page '| `reset` | 503 | x | y |' '| `gone` | - | x | y |'
check "reasons.awk refuses another status" says "reset: answers 502, not 503" reasons
page '| `reset` | 502 | x | y |' '| `gone` | - | x | y |' '| `old` | 500 | x | y |'
check "reasons.awk refuses an entry without a reason" says "old: is no reason" reasons
page '| `reset` | 502 | x |' '| `gone` | - | x | y |'
check "reasons.awk refuses an entry without advice" says "reset: says not" reasons
check "each reason has an entry in docs/troubleshooting.md" \
    awk -f tools/reasons.awk gateway/core/why.h docs/troubleshooting.md

# What a detail can be: faults of messages and targets, vetoes, what auth finds.
details() {
    sed -n 's/^ *F(\([A-Z_]*\), *[0-9]*, ".*/\1/p' gateway/http/h1_parse.h | tr '[:upper:]' '[:lower:]'
    sed -n 's/^ *F([A-Z_]*, "\([a-z_]*\)".*/\1/p' gateway/http/h2_fault.h gateway/http/target.h
    sed -n 's/^ *\(REASON\|FAULT\)([A-Z_]*, "\([a-z_]*\)".*/\2/p' modules/auth/reasons.h modules/auth/jwt.h modules/auth/claims.h
    sed -n 's/.*weir_veto([a-z]*, "\([a-z_]*\)").*/\1/p' modules/*/*.c
    sed -n 's/.*say(DECIDE_.*"\([a-z_]*\)".*/\1/p' modules/auth/decide.c
}
details | grep -vxE 'none|ok' | sort -u >"$scratch/details"
for word in bare_lf host_differs above_root claims_too_deep expired api_key_unknown ejected claim_missing; do
    check "$word is among the details that are looked for" grep -qx "$word" "$scratch/details"
done
check "each detail has an entry in docs/troubleshooting.md" sh -c '
    while read -r word; do
        grep -q "^|.*\`$word\`.* |.* |$" docs/troubleshooting.md || echo "$word"
    done <"$1" | awk "{ print } END { exit NR > 0 }"' sh "$scratch/details"

# -- examples --------------------------------------------------------------------------------------

# Pages about features, and the examples that they name; those of "Clients", "Routes" and "Backends".
awk -v folder=docs -f tools/site_nav.awk docs/index.md >"$scratch/nav"
check "the index has the features" grep -q "^Backends" "$scratch/nav"
for page in $(awk -F '\t' '$1 ~ /^(Clients|Routes|Backends)$/ { print $2 }' "$scratch/nav"); do
    check "$page names an example" grep -qE 'conf/examples/[a-z0-9_]+\.conf' "$page"
done
for file in conf/examples/*.conf; do
    check "a page names $file" grep -qF "$file" docs/*.md
done
for page in $(printf '%s\n' docs/*.md | grep -v index.md); do
    check "the index has $page" grep -qF "($(basename "$page"))" docs/index.md
done

# -- configurations --------------------------------------------------------------------------------

# certificate ALGORITHM NAME FILE KEY: for NAME and all names below it; both may be one file.
certificate() {
    case $1 in
    rsa) how=rsa:2048 ;;
    *) how="ec -pkeyopt ec_paramgen_curve:P-256" ;;
    esac
    # shellcheck disable=SC2086
    openssl req -x509 -newkey $how -nodes -days 90 -subj /CN=weir -addext "subjectAltName=DNS:$2,DNS:*.$2" \
        -keyout k.pem -out c.pem 2>/dev/null && cat k.pem >"$4" && chmod 600 "$4" &&
        if [ "$3" = "$4" ]; then cat c.pem k.pem >"$3"; else cat c.pem >"$3"; fi
}

# What examples name beside them: certificates for whatever they are called, keys, users.
fixtures() {
    mkdir -p "$scratch/try/tls" "$scratch/try/auth" || return 1
    (
        cd "$scratch/try" || exit 1
        for file in $(cat "$root"/conf/examples/*.conf "$root"/docs/*.md | grep -oE '"tls/[a-z0-9./_-]+"' | tr -d '"' |
            sort -u); do
            mkdir -p "$(dirname "$file")"
            case $file in # keys come with their certificates
            *.pem) certificate ec shop.example.com "$file" "$file" ;;
            *rsa.crt) certificate rsa example.com "$file" "${file%.crt}.key" ;;
            *.crt) certificate ec example.com "$file" "${file%.crt}.key" ;;
            esac
        done
        printf 'anna:$2y$04$abcdefghijklmnopqrstuuZ1d2yq1x1m0qf2n3a9XHfN1d0g1X0y6\n' >auth/htpasswd
        printf 'shop %s tier=gold\n' "$(printf 0123456789abcdef0123 | sha256sum | cut -d' ' -f1)" >auth/api-keys
        printf '{"keys":[{"kty":"oct","kid":"1","alg":"HS256","k":"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"}]}\n' \
            >auth/jobs.jwks
        printf 'alice@example.com\n' >testers.list
        for file in dark_launch.key canary.key; do
            printf 0123456789abcdef0123456789abcdef >$file
            chmod 600 $file
        done
    )
}

# taken FILE: Weir takes it, without a warning; with ports and sockets that everybody may have.
taken() {
    {
        echo "module_folders = [ \"$here/modules\" ];"
        sed -e '/^module_folders/d' -e "s|bind = \"unix:[^\"]*\"|bind = \"unix:$scratch/try/a.sock\"|" \
            -e 's/bind = "[0-9.]*:[0-9]*"/bind = "127.0.0.1:0"/' -e 's/bind = "\[::\]:[0-9]*"/bind = "[::1]:0"/' \
            -e "s|\"/var/log/weir/|\"$scratch/try/|" "$1"
    } >"$scratch/try/weir.conf"
    WEIR_REDIS_PASSWORD=x "$here/weir" -t -c "$scratch/try/weir.conf" >"$scratch/try/said" 2>&1
    cat "$scratch/try/said"
    grep -q "(0 errors, 0 warnings)" "$scratch/try/said"
}

# blocks PAGE: each block of it that begins with "```libconfig weir.conf", as a file of its own.
blocks() {
    awk -v to="$scratch/block" '
        /^```/ { inside = !inside && $0 == "```libconfig weir.conf"; if (inside) n++; next }
        inside { print >(to n) }' "$1"
}

if [ -x "$here/weir" ]; then
    check "what examples name can be made" fixtures
    printf 'listeners = ( { name = "a"; bind = "0.0.0.0:80"; } );\nroutes = ( { cluster = "b"; } );\n' >"$scratch/bad"
    check "a wrong configuration is found out" says "error" taken "$scratch/bad"
    for file in conf/examples/*.conf; do
        check "$file is taken" taken "$file"
    done
    for page in docs/*.md; do
        rm -f "$scratch"/block*
        blocks "$page"
        for block in "$scratch"/block*; do
            [ ! -f "$block" ] || check "a configuration on $page is taken: $(head -n 2 "$block")" taken "$block"
        done
    done
    check "docs/coming-from.md has one for each" sh -c '
        [ "$(grep -c "^.\{3\}libconfig weir.conf" docs/coming-from.md)" = 4 ]'
else
    skipped=$((skipped + 1))
fi

# -- the first page --------------------------------------------------------------------------------

# What docs/getting-started.md has one type behind the building, one block after the other, with free
# ports; configurations go into the file at the places where the page shows them.
first_steps() {
    awk -v modules="$here/modules" '
        /^```sh/ { inside = ++shell > 1 ? "sh" : "" ; next }
        /^```libconfig weir.conf/ { inside = "conf"; print "cat >weir.conf <<\\END"; next }
        /^```libconfig/ { inside = "conf"; print "sed -i /^routes/,/^\\)/d weir.conf\ncat >>weir.conf <<\\END"; next }
        /^```/ { if (inside == "conf") print "END"; inside = ""; next }
        inside == "conf" && /^module_folders/ { $0 = "module_folders = [ \"" modules "\" ];" }
        inside != "" { print }' docs/getting-started.md
}

# Nobody here waits as long as who types: what isn't there yet is asked again.
try_first_steps() {
    ports=$(python3 -c 'import socket
s = [socket.socket() for i in range(3)]
for one in s: one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in s])') || return 1
    {
        echo 'set -eu
trap "kill \$(jobs -p) 2>/dev/null || true; wait" EXIT
curl() { command curl --silent --retry 9 --retry-connrefused --retry-delay 1 "$@"; }'
        # shellcheck disable=SC2086
        first_steps | { set -- $ports; sed "s/8080/$1/g; s/9001/$2/g; s/9002/$3/g"; }
    } >"$scratch/first.sh"
    mkdir "$scratch/typed"
    (cd "$scratch/typed" && PATH=$here:$PATH timeout 100 bash "$scratch/first.sh") >"$scratch/typed/out" 2>&1
    status=$?
    cat "$scratch/typed/out"
    return $status
}

if [ -x "$here/weir" ]; then
    check "what docs/getting-started.md has one type works" try_first_steps
    for said in '(0 errors, 0 warnings)' 'Generation 2 serves, with 2 workers.' '     90 version 1' \
        '     10 version 2' '"cluster":"hello-v1"' 'weir_build_info'; do
        check "... and says: $said" grep -qF -- "$said" "$scratch/typed/out"
    done
fi

# -- the site --------------------------------------------------------------------------------------

for file in docs/*.dot; do
    check "$file is drawn" test -f "${file%.dot}.svg"
done

if command -v cmark-gfm >/dev/null; then
    mkdir -p "$scratch/tree/docs" "$scratch/tree/conf/examples"
    tree() {
        printf '# T\n\n## One\n\n- [a](a.md)\n' >"$scratch/tree/docs/index.md"
        printf '# A\n\n## A part, `x`\n\n%s\n' "$1" >"$scratch/tree/docs/a.md"
        printf '# R\n\n[a](docs/a.md#a-part-x)\n' >"$scratch/tree/README.md"
        : >"$scratch/tree/LICENSE"
        : >"$scratch/tree/docs/p.svg"
        echo 'a = 1;' | tee "$scratch/tree/conf/c.conf" >"$scratch/tree/conf/examples/e.conf"
    }
    site() {
        (cd "$scratch/tree" && "$root/tools/site.sh" "$scratch/site")
    }
    tree '[r](../README.md), [up](#a-part-x), ![p](p.svg), `conf/examples/e.conf`, [out](https://example.com/)'
    check "the site is made of what is right" site
    check "... and names its page's sections" grep -q '<h2 id="a-part-x">' "$scratch/site/docs/a.html"
    check "... and leads to configurations" grep -q 'href="../conf/examples/e.conf.html"' "$scratch/site/docs/a.html"
    for link in '[x](b.md)' '[x](index.md#two)' '![x](q.svg)' '`conf/examples/f.conf`' '[x](#none)'; do
        tree "$link"
        check "the site refuses $link" says "docs/a.html: dead" site
    done
    tree '![x](https://example.com/x.png)'
    check "the site refuses what comes from outside" says "from outside" site
    check "the manuals have no dead link" tools/site.sh "$scratch/site"
else
    skipped=$((skipped + 1))
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
