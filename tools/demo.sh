#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What ./dev demo shows: seven backends and a Weir with two workers before them, a few requests, a
# canary, a dark launch and a mirror, and what to try by hand. With --fleet it is another story:
# fleet.sh. Everything listens on free ports of 127.0.0.1 and lives in a folder of its own under
# /tmp, until Ctrl-C (or the end of the requests, with --once); then exactly what was started here is
# stopped, and the folder goes.
#
# usage: demo.sh BUILD-DIR [--fleet] [--once]
set -euo pipefail

build=$1
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/demo
shift
once="" story=edge
for option; do
    case $option in
    --once) once=--once ;;
    --fleet) story=fleet ;;
    *)
        echo "usage: demo.sh BUILD-DIR [--fleet] [--once]" >&2
        exit 2
        ;;
    esac
done
[ $story = edge ] || exec "$here/$story.sh" "$build" $once
# shellcheck source=tools/demo/life.sh
. "$here/life.sh"

echo "starting"
start_origin apple; apple=$port
start_origin apricot; apricot=$port
start_origin banana; banana=$port
start_origin cherry-v1; cherry_v1=$port
start_origin cherry-v2; cherry_v2=$port
start_origin cherry-v3; cherry_v3=$port
start_origin lab; lab=$port
web=$(free_port)
secure=$(free_port)

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$dir/tls.key" -out "$dir/tls.crt" 2>"$dir/openssl.err" ||
    { cat "$dir/openssl.err" >&2; exit 1; }
chmod 600 "$dir/tls.key"

cat >"$dir/weir.conf" <<CONF
workers = 2;
module_folders = [ "$(cd "$build" && pwd)/modules" ];
listeners = (
  { name = "web";    bind = "127.0.0.1:$web"; },
  { name = "secure"; bind = "127.0.0.1:$secure";
    tls = { certificates = ( { certificate = "tls.crt"; key = "tls.key"; } ); }; }
);
clusters = {
  apples  = { endpoints = [ "127.0.0.1:$apple", "127.0.0.1:$apricot" ]; };
  bananas = { endpoints = [ "127.0.0.1:$banana" ]; };
  cherries-v1 = { endpoints = [ "127.0.0.1:$cherry_v1" ]; };
  cherries-v2 = { endpoints = [ "127.0.0.1:$cherry_v2" ]; };
  cherries-v3 = { endpoints = [ "127.0.0.1:$cherry_v3" ]; };
  lab     = { endpoints = [ "127.0.0.1:$lab" ]; };
};
routes = (
  { name = "apples";  match = { path_prefix = "/apples"; };  cluster = "apples"; },
  { name = "bananas"; match = { path_prefix = "/bananas"; }; cluster = "bananas";
    rewrite = { prefix = "/fruit/bananas"; }; },
  { name = "cherries"; match = { path_prefix = "/cherries"; };
    canary = { split = ( { cluster = "cherries-v1"; weight = 90; },
                         { cluster = "cherries-v2"; weight = 10; } );
               response_header = "X-Variant"; };
    dark_launch = { cluster = "cherries-v3"; };
    mirror = ( { cluster = "lab"; percent = "25%"; } ); },
  { name = "old";     match = { path_prefix = "/old"; };     redirect = { prefix = "/apples"; status = 301; }; },
  { name = "hello";   match = { path = "/"; };               respond = { status = 200; body = "Weir is here.\n"; }; }
);
admin = { bind = "unix:$dir/admin.sock"; };
log = { access = "$dir/access.log"; };
CONF

url=http://127.0.0.1:$web
start_weir "$dir/weir.conf" "$dir/error.log" "$url/"
tls_url=https://localhost:$secure
echo "  weir on $url and $tls_url (pid $weir), configured by $dir/weir.conf"

# try COMMENT ARGUMENT...: a request through the gateway, shown with its answer; of that, only the
# lines with $only in them.
only=
try() {
    echo
    echo "# $1"
    shift
    echo "\$ curl $*${only:+ | grep $only}"
    curl -sS --max-time 5 "$@" >"$dir/answer" 2>&1 || failed=1
    sed 's/\r$//; s/^/  /' "$dir/answer" | grep -F -- "$only" || failed=1
}
try "two backends take turns" "$url/apples/1" "$url/apples/2"
try "the prefix of the path is rewritten" "$url/bananas/ripe?n=3"
try "a client can't make up where it comes from" -H "X-Forwarded-For:1.2.3.4" "$url/bananas/"
try "a redirect" -si "$url/old/1"
try "no such route" -si -H "Accept:application/json" "$url/nothing"
try "the same over TLS, as HTTP/2" --cacert "$dir/tls.crt" -w "HTTP/%{http_version}\n" "$tls_url/apples/3"

# variants URL: which variants have answered, and how often.
variants() {
    curl -sS --max-time 30 -o "$dir/bodies" -D - "$1" | tr -d '\r' | awk '/^[Xx]-[Vv]ariant:/ { n[$2]++ }
        END { for (v in n) print n[v], v }' | sort -rn
}

weirctl() {
    "$build/weirctl" -s "$dir/admin.sock" "$@"
}

show "a canary: 90 % and 10 %, exactly" variants "$url/cherries/[1-200]"
show "... as the operator sees it" weirctl canary get cherries
show "a dark launch opens for who was granted it" weirctl dark grant alice --for 2h
cookie=$(sed -n 's/^ *cookie *//p' "$dir/answer")
try "with the token alice sees version 3" -b "$cookie" "$url/cherries/"
try "without it nobody does" "$url/cherries/"
try "nor with a token that was tampered with" -b "${cookie}x" "$url/cherries/"
try "the lab has got copies of a quarter of the cherries, this request not counted" "http://127.0.0.1:$lab/how-many"
only=weir_route_requests
try "what was counted" -s --unix-socket "$dir/admin.sock" http://admin/metrics
[ "$once" != --once ] || exit $failed

cat <<TEXT

Now you. In another terminal:
  curl $url/apples/1
  curl -d hello=world $url/bananas/
  curl -i $url/old/1
  curl -v --cacert $dir/tls.crt $tls_url/apples/3     # or -k, or a browser that you let trust it
  $build/weirctl -s $dir/admin.sock canary set cherries cherries-v1=50 cherries-v2=50
  $build/weirctl -s $dir/admin.sock dark list
  curl --unix-socket $dir/admin.sock http://admin/metrics
  tail -f $dir/access.log
  kill -HUP $weir          # after editing $dir/weir.conf: reload, without losing a request
Ctrl-C ends it.
TEXT
wait $weir || true
echo "weir has ended; it said:" >&2
cat "$dir/error.log" >&2
exit 1
