# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What a fleet costs its Redis: a redis-server of its own, on a unix socket, and all instances in one
# process (fleet_cost.c). Sourced by run.sh.

fleet_instances=100 fleet_circuits=1000 fleet_seconds=10

section_fleet() {
    have redis-server || return 0
    title "fleet: what $fleet_instances instances cost their Redis, with $fleet_circuits shared circuits each; $fleet_seconds s a line"
    start_redis redis || return 0
    "$build/tests/bench/fleet_cost" "unix:$scratch/redis.sock" $fleet_instances $fleet_circuits $fleet_seconds
    stop redis
}

# start_redis NAME: on the socket NAME.sock of `scratch`. One that was killed has left its own there.
start_redis() {
    local i
    rm -f "$scratch/$1.sock"
    redis-server --port 0 --unixsocket "$scratch/$1.sock" --dir "$scratch" --save "" \
        --appendonly no >"$scratch/$1.out" 2>&1 &
    pid[$1]=$!
    for ((i = 0; i < 100; i++)); do
        [ ! -S "$scratch/$1.sock" ] || return 0
        kill -0 "${pid[$1]}" 2>/dev/null || break
        sleep 0.05
    done
    echo "(redis-server doesn't start: left out)"
    tail -n 3 "$scratch/$1.out"
    stop "$1"
    return 1
}
