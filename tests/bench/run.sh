#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a request costs: Weir beside nginx, haproxy and a relay that parses nothing, each with one
# worker, before the same backend and under the same load. Prints tables and asserts nothing.
#
# usage: run.sh BUILD [--rounds N] [--requests N] [--callgrind] [SECTION...]
#
#   cpu        CPU microseconds per request, without and with an access log
#   syscalls   system calls per request
#   routes     CPU of ten thousand routes against that of one
#   idle       resident memory of idle connections
#   reload     requests that fail while the configuration is loaded again and again
#   tls        CPU of HTTP/1.1 over TLS, beside a bare OpenSSL relay
#   h2         CPU of HTTP/2 over TLS before an HTTP/1.1 backend
#   handshakes CPU of full and resumed TLS handshakes, RSA and ECDSA
#   idle_tls   resident memory of idle TLS connections
#   modules    system calls and instructions with ten modules that a route doesn't use, and does
#   tracing    instructions of a request that is traced, recorded or not; only when it is asked for
#   recovery   errors and latency while one of three backends becomes slow, dies and comes back
#   fleet      what instances that share circuits cost their Redis
#   fleet_latency  latency and CPU of requests while Redis is well, hangs, is killed
#   callgrind  instructions per request; only when it is asked for
#
# Times differ from one minute to the next on any machine, so the proxies take turns, round after
# round, and the figure is the median of the rounds; what counts is the ratio within a run. The
# proxies run on one processor, load and backend on another, or on one each where there are three.
# Where they are slower than a proxy it waits for them ("busy" under 100 %), and wakes more often for
# less: such a run flatters the slower proxies.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
rounds=5 requests=40000 seconds=2 connections=64 length=1024 routes=10000 idle=10000
sections=() more=()
build=""

usage() {
    sed -n 's/^# \{0,1\}//; 3,22p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=${2:?}; shift ;;
    --requests) requests=${2:?}; shift ;;
    --callgrind) more=(callgrind) ;;
    cpu | syscalls | routes | idle | reload | callgrind | tls | h2 | handshakes | idle_tls | modules | recovery | fleet | fleet_latency | tracing) sections+=("$1") ;;
    -*) usage ;;
    *) [ -z "$build" ] || usage; build=$(cd "$1" && pwd) ;;
    esac
    shift
done
[ -n "$build" ] || usage
[ ${#sections[@]} -gt 0 ] ||
    sections=(cpu syscalls routes idle reload tls h2 handshakes idle_tls modules recovery fleet fleet_latency)
sections+=("${more[@]}")

# Idle connections take a descriptor each, on both sides.
ulimit -n 20000 2>/dev/null || ulimit -n "$(ulimit -Hn)"

scratch=$(mktemp -d)
# shellcheck source=tests/bench/proxies.sh
. "$here/proxies.sh"
# shellcheck source=tests/bench/proxies_tls.sh
. "$here/proxies_tls.sh"
# shellcheck source=tests/bench/sections_tls.sh
. "$here/sections_tls.sh"
# shellcheck source=tests/bench/sections_modules.sh
. "$here/sections_modules.sh"
# shellcheck source=tests/bench/proxies_recovery.sh
. "$here/proxies_recovery.sh"
# shellcheck source=tests/bench/sections_recovery.sh
. "$here/sections_recovery.sh"
# shellcheck source=tests/bench/sections_fleet.sh
. "$here/sections_fleet.sh"
# shellcheck source=tests/bench/sections_fleet_latency.sh
. "$here/sections_fleet_latency.sh"
trap 'stop "${!pid[@]}"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# The first processors that this process may use.
pin_proxy="" pin_load="" pin_origin=""
mapfile -t processors < <(awk '/^Cpus_allowed_list/ {
    n = split($2, part, ",")
    for (i = 1; i <= n; i++) {
        ends = split(part[i], end, "-")
        for (c = end[1]; c <= end[ends]; c++) print c
    }
}' /proc/self/status | head -n 3)
if [ ${#processors[@]} -ge 2 ]; then
    pin_proxy="taskset -c ${processors[0]}" pin_load="taskset -c ${processors[1]}"
    pin_origin="taskset -c ${processors[2]:-${processors[1]}}"
fi

# -- load -----------------------------------------------------------------------------------------

# load_begin PORT ARGUMENTS...: connections stand and have served a request each. load_go begins the
# run and puts what came of it into `result`; load_end closes the connections.
load_begin() {
    local at=$1
    shift
    coproc LOAD { exec $pin_load timeout 120 "$build/tests/bench/load" -w -c "$connections" -l "$length" "$@" "$at"; }
    load_pid=${LOAD_PID:?}
    load_expect ready
}

load_expect() {
    local line=""
    read -r -u "${LOAD[0]}" line || true
    [ "$line" = "$1" ] && return 0
    echo "bench: the load generator failed" >&2
    exit 1
}

load_go() {
    echo >&"${LOAD[1]}"
    read -r -u "${LOAD[0]}" result
}

load_end() {
    echo >&"${LOAD[1]}"
    wait "$load_pid" || true
}

load_once() {
    local instance=$1
    shift
    load_begin "${port[$instance]}" "$@"
    load_go
    load_end
}

# of KEY: its value in `result`.
of() {
    local word
    for word in $result; do
        [ "${word%%=*}" != "$1" ] || echo "${word#*=}"
    done
}

# -- figures --------------------------------------------------------------------------------------

median() {
    sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# measure INSTANCE [NAME [ARGUMENTS OF LOAD...]]: one run; its figures to NAME.us and so on, in
# `scratch`, one line a run.
measure() {
    local instance=$1 name=${2:-$1} all one before after
    shift
    [ $# = 0 ] || shift
    load_begin "${port[$instance]}" -n "$requests" -s $seconds "$@"
    all=$(processes "${pid[$instance]}")
    # shellcheck disable=SC2086
    before=$(cpu_ns $all)
    load_go
    # shellcheck disable=SC2086
    after=$(cpu_ns $all)
    load_end
    awk -v ns=$((after - before)) -v n="$(of requests)" 'BEGIN { printf "%.3f\n", ns / n / 1000 }' \
        >>"$scratch/$name.us"
    awk -v ns=$((after - before)) -v s="$(of seconds)" 'BEGIN { printf "%.1f\n", ns / s / 1e7 }' \
        >>"$scratch/$name.busy"
    for one in rate errors p50_us p99_us; do
        of $one >>"$scratch/$name.$one"
    done
}

# reset NAME...: forgets the figures of earlier runs.
reset() {
    local name
    for name; do
        rm -f "$scratch/$name".{us,busy,rate,errors,p50_us,p99_us}
    done
}

# compare BASE INSTANCE...: rounds in which they take turns, then a table with ratios to BASE. The
# ratio is the median of the rounds' ratios: what disturbs a round disturbs both of its parts.
compare() {
    local base=$1 instance round
    reset "$@"
    shift
    for ((round = 0; round < rounds; round++)); do
        for instance in "$base" "$@"; do
            measure "$instance"
        done
    done
    printf '%-11s %11s %7s %15s %5s %10s %7s %7s %6s\n' "" "µs/request" ratio "of all rounds" busy "requests/s" "p50 µs" "p99 µs" errors
    for instance in "$base" "$@"; do
        printf '%-11s %10.2f %7.3f %15s %4.0f%% %10.0f %6.0f %6.0f %6d\n' "$instance" "$(median <"$scratch/$instance.us")" \
            "$(ratios "$instance" "$base" | median)" \
            "$(ratios "$instance" "$base" | sort -g | sed -n '1p; $p' | paste -sd ' ' | sed 's/ / to /')" \
            "$(median <"$scratch/$instance.busy")" "$(median <"$scratch/$instance.rate")" \
            "$(median <"$scratch/$instance.p50_us")" "$(median <"$scratch/$instance.p99_us")" \
            "$(awk '{ n += $1 } END { print n }' "$scratch/$instance.errors")"
    done
}

# ratios NAME BASE: of each round.
ratios() {
    paste "$scratch/$1.us" "$scratch/$2.us" | awk '{ printf "%.3f\n", $1 / $2 }'
}

have() {
    command -v "$1" >/dev/null || { echo "($1 isn't installed: left out)"; false; }
}

peers() {
    local one
    for one in nginx haproxy; do
        have "$one" >&2 && echo "$one"
    done
    true
}

title() {
    printf '\n== %s\n' "$*"
}

# -- sections -------------------------------------------------------------------------------------

section_cpu() {
    local all
    mapfile -t all < <(echo weir; peers)
    title "cpu: of all the proxy's processes; $connections connections, $length bytes, $rounds rounds of $requests requests or $seconds s"
    start floor
    for_each start "${all[@]}"
    compare floor "${all[@]}"
    stop "${all[@]}"
    title "cpu, with an access log each (Weir: JSON, nginx: combined, haproxy: httplog)"
    all=("${all[@]/%/-log}")
    for_each start "${all[@]}"
    compare floor "${all[@]}"
    for_each check_access_log "${all[@]}"
    stop floor "${all[@]}"
}

for_each() {
    local one what=$1
    shift
    for one; do
        "$what" "$one"
    done
}

check_access_log() {
    [ -s "$(access_log_of "$1")" ] || echo "$1 has written no access log"
}

section_syscalls() {
    local all one
    have strace || return 0
    mapfile -t all < <(echo floor; echo weir; peers)
    title "syscalls: of the worker, per request; $connections kept-alive connections, $((requests / 4)) requests"
    for one in "${all[@]}"; do
        start "$one"
        count_calls "$one" $((requests / 4))
        stop "$one"
    done
    print_calls "${all[@]}"
}

# count_calls INSTANCE REQUESTS: "NAME PER-REQUEST" lines to INSTANCE.calls. A first run fills the
# pools of connections to the backend; those of clients are opened before strace comes and closed
# after it has gone.
count_calls() {
    local instance=$1 worker tracer
    load_once "$instance" -n "$2"
    worker=$(worker_of "$instance")
    load_begin "${port[$instance]}" -n "$2" -s 10
    strace -c -f -o "$scratch/strace" -p "$worker" 2>/dev/null &
    tracer=$!
    until grep -q "^TracerPid:[[:space:]]*$tracer$" "/proc/$worker/status"; do
        if ! kill -0 $tracer 2>/dev/null; then
            echo "bench: strace may not attach: be root, or set kernel.yama.ptrace_scope to 0" >&2
            exit 1
        fi
        sleep 0.02
    done
    load_go
    kill -INT $tracer
    wait $tracer || true
    load_end
    awk -v n="$(of requests)" '$4 ~ /^[0-9]+$/ && $NF != "total" { print $NF, $4 / n }' "$scratch/strace" \
        >"$scratch/$instance.calls"
    [ "$(of errors)" = 0 ] || echo "$instance: $result"
}

print_calls() {
    local one
    for one; do
        sed "s/^/$one /" "$scratch/$one.calls"
    done | awk -v all="$*" '
        { n[$1, $2] = $3; if ($3 > most[$2]) most[$2] = $3 }
        function row(name,   i) {
            printf "%-20s", name
            for (i = 1; i <= kinds; i++) printf " %9s", n[kind[i], name] ? sprintf("%.4f", n[kind[i], name]) : "-"
            print ""
        }
        END {
            kinds = split(all, kind, " ")
            split("read recvfrom recvmsg readv write sendto sendmsg writev", d, " ")
            for (i in d) data[d[i]] = 1
            for (name in most) {
                for (i = 1; i <= kinds; i++) {
                    sum = data[name] ? "= data" : name ~ /^epoll_(p)?wait/ ? "= epoll_wait" : "= others"
                    n[kind[i], sum] += n[kind[i], name]
                }
            }
            printf "%-20s", ""
            for (i = 1; i <= kinds; i++) printf " %9s", kind[i]
            print ""
            while (1) {
                top = ""
                for (name in most) if (top == "" || most[name] > most[top]) top = name
                if (top == "") break
                row(top)
                delete most[top]
            }
            row("= data"); row("= epoll_wait"); row("= others")
        }'
}

section_routes() {
    local round
    title "routes: CPU of $routes routes against that of one; $rounds rounds of $requests requests or $seconds s"
    start weir
    start weir-routes
    reset {one,many}-{one,all}
    for ((round = 0; round < rounds; round++)); do
        measure weir one-one
        measure weir-routes many-one
        measure weir one-all -r "$routes"
        measure weir-routes many-all -r "$routes"
    done
    print_routes "requests for one path" one-one many-one
    print_routes "requests for all paths in turn" one-all many-all
    stop weir weir-routes
}

print_routes() {
    printf '%-32s one route %6.2f µs, many %6.2f µs, ratio %.3f\n' "$1" "$(median <"$scratch/$2.us")" \
        "$(median <"$scratch/$3.us")" "$(ratios "$3" "$2" | median)"
}

section_idle() {
    local all one n=$idle room
    room=$(($(ulimit -n) - 500))
    [ "$n" -le $room ] || n=$room
    mapfile -t all < <(echo weir; peers)
    title "idle: resident memory of $n idle connections that have served a request each"
    printf '%-10s %12s %12s %14s %14s %8s\n' "" "Pss before" "Pss after" "Pss/connection" "Rss/connection" open
    for one in "${all[@]/%/-idle}"; do
        start "$one"
        hold_idle "$one" "$n"
        stop "$one"
    done
}

hold_idle() {
    local instance=$1 n=$2 all before after rss_before rss_after open
    load_once "$instance" -n 2000
    all=$(processes "${pid[$instance]}")
    # shellcheck disable=SC2086
    before=$(memory_kb Pss $all) rss_before=$(memory_kb Rss $all)
    connections=$n load_begin "${port[$instance]}" -i
    sleep 0.5
    # shellcheck disable=SC2086
    after=$(memory_kb Pss $all) rss_after=$(memory_kb Rss $all)
    load_go
    open=$(of open)
    wait "$load_pid" || true
    printf '%-10s %9d kB %9d kB %12d B %12d B %8d\n' "$(kind_of "$instance")" "$before" "$after" \
        $(((after - before) * 1024 / n)) $(((rss_after - rss_before) * 1024 / n)) "$open"
}

section_reload() {
    local one
    title "reload: requests that fail at $connections connections under load, a reload every 0.5 s"
    printf '%-10s %8s %10s %10s %7s\n' "" reloads processes requests failed
    reload_under_load weir-reload HUP 20
    for one in $(peers); do
        case $one in
        nginx) reload_under_load nginx-reload HUP 10 ;;
        haproxy) reload_under_load haproxy-reload USR2 10 ;;
        esac
    done
}

# reload_under_load INSTANCE SIGNAL N: "processes" are the different children that its master had,
# which shows that it did reload (Weir: worker and control of each generation).
reload_under_load() {
    local instance=$1 signal=$2 n=$3 i
    start "$instance"
    load_begin "${port[$instance]}" -s $((n / 2 + 2))
    echo >&"${LOAD[1]}"
    pgrep -P "${pid[$instance]}" >"$scratch/children"
    for ((i = 0; i < n; i++)); do
        sleep 0.5
        kill -"$signal" "${pid[$instance]}"
        sleep 0.3
        pgrep -P "${pid[$instance]}" >>"$scratch/children" || true
    done
    read -r -u "${LOAD[0]}" result
    load_end
    printf '%-10s %8d %10d %10d %7d   %s\n' "$(kind_of "$instance")" "$n" \
        "$(sort -u "$scratch/children" | wc -l)" "$(of requests)" "$(of errors)" \
        "$(grep -oE '(connect|status|head|length|closed|timeout)=[0-9]+' <<<"$result" | tr '\n' ' ')"
    stop "$instance"
}

section_callgrind() {
    local few=500 many=4500 few_ir
    have valgrind || return 0
    title "callgrind: instructions of Weir's worker per request, and the functions with the most of their own"
    instructions $few
    few_ir=$ir
    instructions $many
    printf '%8d in all\n' $(((ir - few_ir) / (many - few)))
    local of_default=$profile
    instructions $few weir-bare
    few_ir=$ir
    instructions $many weir-bare
    printf '%8d with default_modules = [ ]\n' $(((ir - few_ir) / (many - few)))
    profile=$of_default
    callgrind_annotate "$profile" 2>/dev/null | awk -v n=$((many + connections)) '
        $1 ~ /^[0-9,]+$/ && /%/ && !/PROGRAM TOTALS/ {
            ir = $1
            gsub(",", "", ir)
            sub(/ \[[^[]*\]$/, "")
            sub(/.*:/, "")
            printf "%8d %s\n", ir / n, $0
            if (++rows == 15) exit
        }'
}

# instructions REQUESTS [INSTANCE]: of a worker that served as many and one per connection, from start
# to end, to `ir`; the file that says so to `profile`.
instructions() {
    local instance=${2:-weir} worker
    local conf=$scratch/$instance-callgrind.conf
    port[$instance]=$("$build/tools/demo_origin" -p 1)
    conf_weir "$instance" >"$conf"
    valgrind --tool=callgrind --callgrind-out-file="$scratch/callgrind.%p" "$build/weir" -c "$conf" \
        >"$scratch/$instance.out" 2>&1 &
    pid[$instance]=$!
    await_start "$instance"
    # The master listens before it forks, and under valgrind that takes a while.
    until [ "$(pgrep -c -P "${pid[$instance]}")" -ge 2 ]; do sleep 0.1; done
    worker=$(pgrep -P "${pid[$instance]}" | head -n 1)
    load_once "$instance" -n "$1"
    stop "$instance"
    profile=$scratch/callgrind.$worker
    ir=$(awk '/^(summary|totals):/ { print $2; exit }' "$profile")
}

start_origin
printf '%s, %d processors, %s' "$(uname -sr)" "$(nproc)" \
    "$(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo)"
printf '; load %s\n' "$(cut -d ' ' -f 1-3 /proc/loadavg)"
for section in "${sections[@]}"; do
    "section_$section"
done
