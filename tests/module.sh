#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A third party's module: Weir is installed into a scratch folder, the module in tests/module is
# built there by its own Makefile, which knows nothing of the source tree, and the installed weir
# finds, explains, checks and runs it. Prints "N passed, N failed".
set -u
build=$(pwd)
cd "${srcdir:-$(dirname "$0")/..}" || exit 1
passed=0 failed=0
scratch=$(mktemp -d) || exit 1
weir_pid=
trap 'finish' EXIT

finish() {
    [ -z "$weir_pid" ] || kill -TERM "$weir_pid" 2>/dev/null
    [ -z "$weir_pid" ] || wait "$weir_pid" 2>/dev/null
    rm -rf "$scratch"
}

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

# says TEXT COMMAND...: among what the command prints there is this text.
says() {
    text=$1
    shift
    "$@" >"$scratch/said" 2>&1
    said "$text"
}
# said TEXT: the same of what it printed already.
said() {
    grep -qF -- "$1" "$scratch/said" || { cat "$scratch/said"; return 1; }
}

# -- install, and build against what was installed ----------------------------------------------------

# Not a part of the make that runs this test.
installed() {
    MAKEFLAGS= MFLAGS= make -s -C "$build" install DESTDIR="$scratch/root" && [ -x "$weir" ]
}
prefix=$(sed -n 's/^prefix=//p' "$build/tools/weir-module.pc")
root=$scratch/root$prefix
weir=$root/sbin/weir
check "make install" installed
pc=$(find "$scratch/root" -name weir-module.pc)
check "there is a weir-module.pc" [ -n "$pc" ]
PKG_CONFIG="pkg-config --define-variable=prefix=$root"
PKG_CONFIG_PATH=$(dirname "$pc")
export PKG_CONFIG PKG_CONFIG_PATH
folder=$($PKG_CONFIG --variable=moduledir weir-module)

mkdir "$scratch/greet"
cp tests/module/greet.c tests/module/Makefile "$scratch/greet/"
unset srcdir
check "the module builds out of tree" env MAKEFLAGS= make -s -C "$scratch/greet" CFLAGS="-O1 -Werror"
check "the module installs" env MAKEFLAGS= make -s -C "$scratch/greet" install
check "it lies where the gateway looks" [ -f "$folder/greet.so" ]

# What the header promises the program has: a module that used anything else could not be loaded.
all_there() {
    ${CC:-cc} -E -P $($PKG_CONFIG --cflags weir-module) -include weir/fleet.h -x c /dev/null |
        grep -o '\<weir_[a-z_]*(' | tr -d '(' | sort -u >"$scratch/promised"
    nm -D --defined-only "$weir" | sed -n 's/.* T \(weir_[a-z_]*\)$/\1/p' | sort >"$scratch/has"
    [ -s "$scratch/promised" ] && comm -23 "$scratch/promised" "$scratch/has" >"$scratch/lacking"
    cat "$scratch/lacking"
    [ ! -s "$scratch/lacking" ]
}
# In whatever order they come: each header includes what it needs.
each_alone() {
    for header in "$root"/include/weir/*.h; do
        ${CC:-cc} -fsyntax-only -Wall -Wextra -Werror $($PKG_CONFIG --cflags weir-module) \
            -include "$header" -x c /dev/null || return 1
    done
}
check "every part of <weir/module.h> stands alone" each_alone
check "every function of <weir/module.h> and <weir/fleet.h> is there" all_there

# -- what there is to read ----------------------------------------------------------------------------

# conf ROUTE [CLUSTER [MORE]]: a configuration with these settings of modules. The route is in line 7.
conf() {
    cat >"$scratch/weir.conf" <<END
module_folders = [ "$folder" ];
workers = 1;
listeners = ( { name = "front"; bind = "unix:$scratch/front.sock"; },
              { name = "back"; bind = "unix:$scratch/back.sock"; }, { name = "garden"; bind = "unix:$scratch/garden.sock"; } );
clusters = { app = { endpoints = [ "unix:$scratch/back.sock" ]; ${2:-} }; garden = { endpoints = [ "unix:$scratch/garden.sock" ]; }; };
routes = ( { name = "front"; match = { listener = "front"; }; cluster = "app";
             $1 },
           { name = "greeted"; match = { listener = "back"; headers = ( { name = "x-greeting"; exact = "hello, world"; } ); };
             respond = { body = "greeted\n"; }; },
           { name = "back"; match = { listener = "back"; }; respond = { body = "nobody was\n"; }; },
           { name = "garden"; match = { listener = "garden"; }; respond = { body = "flowers\n"; }; } );
log = { access = "$scratch/access.log"; flush = "5ms"; };
admin = { bind = "unix:$scratch/admin.sock"; };
${3:-}
END
}

conf ""
check "weir -m lists it" says "greet            greets" "$weir" -m -c "$scratch/weir.conf"
check "weir -m says where it lies" says "$folder/greet.so" "$weir" -m -c "$scratch/weir.conf"
check "weir --help-module has the settings of a route" says \
    '| `loud` | true or false | `false` | bring the answer' "$weir" --help-module greet -c "$scratch/weir.conf"
check "weir --help-module has those of a cluster" said '## clusters.NAME.greet'
check "weir --help-module has its commands" said '| `uptime` | no |'
check "weir --help-module has its counters" said '| `weir_greet_refused_total` |'
check "weir --help-module has its log fields" said '`greet.to`'
check "weir --help-module knows what was meant" says 'did you mean "greet"?' "$weir" --help-module grete -c "$scratch/weir.conf"

# -- what is checked -----------------------------------------------------------------------------------

# refused TEXT: the configuration can't be used, and this is why.
refused() {
    says "$1" "$weir" -t -c "$scratch/weir.conf" && said "can't be used"
}
conf 'greet = { loud = true; };' 'greet = { avoid = "10.0.0.1:80"; };'
check "a right configuration is accepted" "$weir" -t -c "$scratch/weir.conf"
conf 'greet = { refuse = "mallory"; };'
check "the module's own check" refused "weir.conf:7: error: greet.refuse has names, but nobody is known"
conf 'greet = { luod = true; };'
check "an unknown setting" refused 'weir.conf:7: error: unknown setting routes[0].greet.luod; did you mean "loud"?'
conf 'greet = { loud = 3; };'
check "a wrong value" refused "weir.conf:7: error: routes[0].greet.loud is 3; true or false"
conf 'grete = { };'
check "an unknown module" refused 'weir.conf:7: error: unknown setting routes[0].grete; did you mean "greet"?'
conf 'greet = { friends = "gardne"; };'
check "an unknown cluster" refused 'routes[0].greet.friends is "gardne"; no cluster has that name; did you mean "garden"?'
conf '' 'greet = { };'
check "a missing setting" refused 'weir.conf:5: error: clusters.app.greet.avoid is missing'

sed 's/\.abi = WEIR_ABI/.abi = 2/; s/"greet"/"elder"/' tests/module/greet.c >"$scratch/greet/elder.c"
check "a module for another interface builds" ${CC:-cc} -shared -fPIC $($PKG_CONFIG --cflags weir-module) \
    -o "$folder/elder.so" "$scratch/greet/elder.c"
conf 'elder = { };'
check "a module for another interface" refused \
    "weir.conf:7: error: module elder ($folder/elder.so) was built for interface 2, this gateway has 3: rebuild it"
check "weir -m says what is wrong with it" says "elder            can't be used: module elder" "$weir" -m -c "$scratch/weir.conf"

# -- what it does ----------------------------------------------------------------------------------------

# get NAME ARGUMENT...: what curl gets from the front, with the status.
get() {
    curl -s -i -m 10 --unix-socket "$scratch/front.sock" "$@" http://front/
}
# soon COMMAND...: within ten seconds.
soon() {
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        "$@" && return 0
        sleep 0.5
    done
    return 1
}
conf 'greet = { loud = true; refuse = [ "mallory" ]; friends = "garden"; };' '' 'modules = { greet = { name_field = "x-name"; }; };'
"$weir" -c "$scratch/weir.conf" 2>"$scratch/err" &
weir_pid=$!
check "the gateway runs it" soon get -o /dev/null
check "the backend was greeted, and the answer is loud" says "GREETED" get
check "the answer has a field of the module's" says "x-greeted: " get
check "who is refused gets 403" says "HTTP/1.1 403" get -H "X-Name: mallory"
check "friends go elsewhere" says "FLOWERS" get -H "X-Name: alice"
check "the access log has its field" soon says '"greet.to":"world"' cat "$scratch/access.log"
metrics() { curl -s -m 10 --unix-socket "$scratch/admin.sock" http://admin/metrics; }
check "the metrics have its counters" says 'weir_greet_refused_total{route="front"} 1' metrics
uptime() { curl -s -m 10 --unix-socket "$scratch/admin.sock" -X POST -d '{}' http://admin/v1/modules/greet/uptime; }
check "it has a command" says '"seconds":' uptime
conf 'greet = { };' "greet = { avoid = \"unix:$scratch/back.sock\"; };"
kill -HUP "$weir_pid"
check "after a reload its veto counts" soon says "HTTP/1.1 503" get
kill -TERM "$weir_pid"
wait "$weir_pid"
check "the gateway ends well" [ $? = 0 ]
weir_pid=

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
