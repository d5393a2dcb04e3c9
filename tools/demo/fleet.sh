#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2317 # functions that are called by name
# What ./dev demo --fleet shows: a Redis, two instances of Weir that share a breaker through it, and a
# backend that fails and recovers. Requests go to the instances in turns. What is printed is what the
# logs of the instances and of the backend say (fleet_story.sh makes sentences of it); the demo waits
# for these, and goes on when they have come. With --once it ends when the story is told.
#
# usage: fleet.sh BUILD-DIR [--once]
set -euo pipefail

build=$1
once=${2:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/demo/life.sh
. "$here/life.sh"
# shellcheck source=tools/demo/timeline.sh
. "$here/timeline.sh"
# shellcheck source=tools/demo/fleet_story.sh
. "$here/fleet_story.sh"

edges=(edge-a edge-b)
NEEDED=12 # calls that the breaker wants to see before it judges
PROBES=4
PATIENCE_US=30000000
declare -A url=() weir_of=()

# -- what runs ------------------------------------------------------------------------------------

start_redis() {
    local tries
    launch redis-server --port 0 --unixsocket "$dir/redis.sock" --unixsocketperm 700 --dir "$dir" \
        --save "" --appendonly no >"$dir/redis.log" 2>&1
    redis=$launched
    for ((tries = 0; tries < 200; tries++)); do
        [ ! -S "$dir/redis.sock" ] || break
        kill -0 "$redis" 2>/dev/null || { cat "$dir/redis.log" >&2; exit 1; }
        sleep 0.05
    done
    echo "  redis on unix:$dir/redis.sock (pid $redis)"
}

# The access log has the shape of the error log, so that both can be read alike.
conf() {
    cat <<CONF
workers = 2;
module_folders = [ "$(cd "$build" && pwd)/modules" ];
fleet = { instance = "$1"; redis = { address = "unix:$dir/redis.sock"; }; };
listeners = ( { name = "web"; bind = "${url[$1]#http://}"; } );
clusters = {
  fruit = { endpoints = [ "127.0.0.1:$port" ];
            breaker = { circuit = {
              shared   = true;
              open_on  = { error_rate = "50%"; min_requests = $NEEDED; window = "30s"; };
              open_for = "1s"; probes = $PROBES; }; }; };
};
routes = (
  { name = "hello"; match = { path = "/hello"; }; respond = { status = 200; body = "Weir is here.\n"; }; },
  { name = "fruit"; cluster = "fruit"; }
);
admin = { bind = "unix:$dir/$1.sock"; };
log = { access = "$dir/$1.access"; flush = "20ms";
        format = "%{time} info access answered took=%{duration_us} %{route} %{status} %{module.breaker.decision|through}"; };
CONF
}

start_edge() {
    url[$1]=http://127.0.0.1:$(free_port)
    conf "$1" >"$dir/$1.conf"
    : >"$dir/$1.access"
    : >"$dir/$1.log"
    timeline_follow "$1" "$dir/$1.access"
    timeline_follow "$1" "$dir/$1.log"
    start_weir "$dir/$1.conf" "$dir/$1.log" "${url[$1]}/hello"
    weir_of[$1]=$weir
    echo "  weir $1 on ${url[$1]} (pid $weir), configured by $dir/$1.conf"
}

weirctl() {
    "$build/weirctl" "$@"
}

# -- what is done ---------------------------------------------------------------------------------

turn=0
send() {
    curl -s -o "$dir/body" --max-time 5 "${url[${edges[turn]}]}/" || true
    turn=$((1 - turn))
}

rest() { :; }

# go_on WHAT DO UNTIL...: DO, ten times a second, until that is so.
go_on() {
    local what=$1 do=$2 limit
    shift 2
    now
    limit=$((moment + PATIENCE_US))
    until "$@"; do
        now
        if [ "$moment" -gt $limit ]; then
            timeline_look all
            echo "demo: waited in vain: $what" >&2
            tail -n 20 "$dir"/*.log >&2
            exit 1
        fi
        $do
        sleep 0.1
        timeline_look
    done
}

# metric WHO NAME: of the instance, with its labels.
metric() {
    curl -s --max-time 5 --unix-socket "$dir/$1.sock" http://admin/metrics | awk -v name="$2" '$1 == name { print $2 }'
}

# Each knows both, and what the fleet's circuit is.
are_a_fleet() {
    local one
    for one in "${edges[@]}"; do
        [ "$(metric "$one" weir_fleet_members)" = 2 ] || return 1
        [ "$(metric "$one" 'weir_breaker_shared_led{cluster="fruit"}')" = 1 ] || return 1
    done
}

have_answered() {
    [ "${answered[edge-a]}" -ge "$1" ] && [ "${answered[edge-b]}" -ge "$1" ]
}

both_are() {
    [ "${state[edge-a]}" = "$1" ] && [ "${state[edge-b]}" = "$1" ]
}

have_opened() {
    [ "$openings" -ge "$1" ] && both_are open
}

echo "starting"
timeline_begin
start_redis
start_origin backend
timeline_follow backend "$dir/backend.log"
for one in "${edges[@]}"; do
    start_edge "$one"
done

echo
echo "since the start; requests go to both in turns, about ten a second"
go_on "both join" rest are_a_fleet
go_on "both answer" send have_answered 3
kill -USR1 "$origin"
go_on "the circuit opens on both" send have_opened 1
go_on "a probe fails, and it opens again on both" send have_opened 2
kill -USR2 "$origin"
go_on "it closes on both" send both_are closed
answered=([edge-a]=0 [edge-b]=0)
go_on "both answer again" send have_answered 2

# show_state: what the instances themselves say at the end.
show_state() {
    local one
    timeline_look all
    story_pause
    for one in "${edges[@]}"; do
        show "as $one sees it" weirctl -s "$dir/$one.sock" breaker list
    done
    show "the fleet" weirctl -s "$dir/edge-a.sock" fleet
}
sleep 0.1
show_state
[ "$once" != --once ] || exit $failed

cat <<TEXT

Now you. Requests go on, and so does the timeline. In another terminal:
  $build/weirctl -s $dir/edge-a.sock breaker list
  $build/weirctl -s $dir/edge-b.sock breaker open --fleet fruit     # refuse everything, on both
  $build/weirctl -s $dir/edge-a.sock breaker auto --fleet fruit     # decide by itself again
  $build/weirctl -s $dir/edge-a.sock fleet decisions
  kill -USR1 $origin      # the backend fails (-USR2: it works again)
  kill -STOP $redis      # Redis hangs (-CONT: it goes on): each instance decides alone
  redis-cli -s $dir/redis.sock hgetall weir:c:breaker:cluster/fruit
  curl --unix-socket $dir/edge-a.sock http://admin/metrics
  curl -i ${url[edge-a]}/
  tail -f $dir/*.log
Ctrl-C ends it.

TEXT
while kill -0 "${weir_of[edge-a]}" 2>/dev/null && kill -0 "${weir_of[edge-b]}" 2>/dev/null; do
    send
    sleep 0.1
    timeline_look
done
echo "a weir has ended; the logs say:" >&2
tail -n 20 "$dir"/edge-?.log >&2
exit 1
