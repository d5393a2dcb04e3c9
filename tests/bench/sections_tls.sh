# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# The sections of run.sh that are about TLS and HTTP/2. Sourced by it, with bash.

tls_peers() {
    local one
    for one in nginx haproxy h2o nghttpx; do
        have "$one" >&2 && echo "$one-tls$1"
    done
    true
}

# h2load_cpu PORT PIDS ARGUMENTS...: CPU nanoseconds that the processes spent on a run of h2load.
h2load_cpu() {
    local at=$1 all=$2 before after
    shift 2
    # shellcheck disable=SC2086
    before=$(cpu_ns $all)
    $pin_load timeout 120 h2load "$@" "https://127.0.0.1:$at/r00000/item" >"$scratch/h2load" 2>&1 || true
    # shellcheck disable=SC2086
    after=$(cpu_ns $all)
    ns=$((after - before))
    succeeded=$(sed -n 's/.* done, \([0-9]*\) succeeded.*/\1/p' "$scratch/h2load")
    rate=$(sed -n 's/^finished in .*, \([0-9.]*\) req\/s.*/\1/p' "$scratch/h2load")
    run_s=$(sed -n 's/^finished in \([0-9.]*\)\(m*s\),.*/\1 \2/p' "$scratch/h2load" | awk '{ print $2 == "ms" ? $1 / 1000 : $1 }')
    good=$(sed -n 's/^status codes: \([0-9]*\) 2xx.*/\1/p' "$scratch/h2load")
}

# measure_h2load INSTANCE ARGUMENTS...: what a request costs without what connecting costs: a long run
# less a short one, each of which opens the same connections.
measure_h2load() {
    local instance=$1 all few=$((requests / 10)) few_ns
    shift
    all=$(processes "${pid[$instance]}")
    h2load_cpu "${port[$instance]}" "$all" -n $few "$@"
    few_ns=$ns
    h2load_cpu "${port[$instance]}" "$all" -n $((requests + few)) "$@"
    awk -v ns=$((ns - few_ns)) -v n=$requests 'BEGIN { printf "%.3f\n", ns / n / 1000 }' >>"$scratch/$instance.us"
    awk -v ns="$ns" -v s="$run_s" 'BEGIN { printf "%.1f\n", ns / s / 1e7 }' >>"$scratch/$instance.busy"
    echo "$rate" >>"$scratch/$instance.rate"
    echo $((requests + few - ${good:-0})) >>"$scratch/$instance.errors"
}

# compare_by MEASURE BASE INSTANCE...: rounds in turn and a table, as compare().
compare_by() {
    local how=$1 base=$2 instance round
    shift
    reset "$@"
    for ((round = 0; round < rounds; round++)); do
        for instance; do
            $how "$instance" "${arguments[@]}"
        done
    done
    printf '%-15s %11s %7s %15s %5s %10s %6s\n' "" "µs each" ratio "of all rounds" busy "per second" errors
    for instance; do
        printf '%-15s %11.2f %7.3f %15s %4.0f%% %10.0f %6d\n' "$instance" "$(median <"$scratch/$instance.us")" \
            "$(ratios "$instance" "$base" | median)" \
            "$(ratios "$instance" "$base" | sort -g | sed -n '1p; $p' | paste -sd ' ' | sed 's/ / to /')" \
            "$(median <"$scratch/$instance.busy")" "$(median <"$scratch/$instance.rate")" \
            "$(awk '{ n += $1 } END { print n }' "$scratch/$instance.errors")"
    done
}

section_tls() {
    local all arguments
    have h2load || return 0
    mapfile -t all < <(echo floor-tls; echo weir-tls; tls_peers "")
    title "tls: HTTP/1.1 over TLS 1.3, $connections connections, $length bytes, $rounds rounds of $requests requests"
    for_each start_tls "${all[@]}"
    arguments=(--h1 -c "$connections" -m 1)
    compare_by measure_h2load "${all[@]}"
    stop "${all[@]}"
}

section_h2() {
    local all arguments
    have h2load || return 0
    mapfile -t all < <(echo weir-tls; tls_peers "")
    title "h2: HTTP/2 over TLS 1.3, 8 connections of 32 streams, HTTP/1.1 backend, $length bytes, $rounds rounds of $requests requests"
    for_each start_tls "${all[@]}"
    arguments=(-c 8 -m 32)
    compare_by measure_h2load "${all[@]}"
    stop "${all[@]}"
}

# measure_handshakes INSTANCE ARGUMENTS...
measure_handshakes() {
    local instance=$1 all before after
    shift
    coproc LOAD { exec $pin_load timeout 120 "$build/tests/bench/handshakes" "$@" "${port[$instance]}"; }
    load_pid=${LOAD_PID:?}
    load_expect ready
    all=$(processes "${pid[$instance]}")
    # shellcheck disable=SC2086
    before=$(cpu_ns $all)
    load_go
    # shellcheck disable=SC2086
    after=$(cpu_ns $all)
    load_end
    awk -v ns=$((after - before)) -v n="$(of handshakes)" 'BEGIN { printf "%.3f\n", ns / n / 1000 }' >>"$scratch/$instance.us"
    awk -v ns=$((after - before)) -v s="$(of seconds)" 'BEGIN { printf "%.1f\n", ns / s / 1e7 }' >>"$scratch/$instance.busy"
    awk -v n="$(of handshakes)" -v s="$(of seconds)" 'BEGIN { printf "%.0f\n", n / s }' >>"$scratch/$instance.rate"
    of errors >>"$scratch/$instance.errors"
}

section_handshakes() {
    local all arguments kind
    for kind in "" -ec; do
        mapfile -t all < <(echo "floor-tls$kind"; echo "weir-tls$kind"; tls_peers "$kind")
        for_each start_tls "${all[@]}"
        title "handshakes: full, TLS 1.3, $([ -z "$kind" ] && echo RSA 2048 || echo ECDSA P-256); connect, handshake, close"
        arguments=(-n 1000)
        compare_by measure_handshakes "${all[@]}"
        title "handshakes: resumed, otherwise the same"
        arguments=(-n 1000 -r)
        compare_by measure_handshakes "${all[@]}"
        stop "${all[@]}"
    done
}

section_idle_tls() {
    local all one n=2000
    mapfile -t all < <(echo floor-tls; echo weir-tls; tls_peers "")
    title "idle_tls: resident memory of $n idle TLS connections that have served a request each"
    printf '%-14s %12s %12s %14s %8s\n' "" "Pss before" "Pss after" "Pss/connection" open
    for one in "${all[@]}"; do
        start_tls "$one"
        hold_idle_tls "$one" $n
        stop "$one"
    done
}

# hold_idle_tls INSTANCE N: what a first lot of connections costs stays with the process.
hold_idle_tls() {
    local instance=$1 n=$2 all before after
    all=$(processes "${pid[$instance]}")
    timeout 60 "$build/tests/bench/handshakes" -i -n 200 "${port[$instance]}" </dev/null >/dev/null
    # shellcheck disable=SC2086
    before=$(memory_kb Pss $all)
    coproc LOAD { exec $pin_load timeout 120 "$build/tests/bench/handshakes" -i -n "$n" "${port[$instance]}"; }
    load_pid=${LOAD_PID:?}
    load_expect ready
    sleep 0.5
    # shellcheck disable=SC2086
    after=$(memory_kb Pss $all)
    load_go
    wait "$load_pid" || true
    printf '%-14s %9d kB %9d kB %12d B %8d\n' "$instance" "$before" "$after" \
        $(((after - before) * 1024 / n)) "$(of open)"
}
