# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What clients see while one of three backends becomes slow, dies and comes back: Weir with its
# defaults, Weir, nginx and haproxy set up for it. Sourced by run.sh.
#
# All proxies run at the same time, each with backends and load of its own, so what disturbs one
# disturbs all. A table, and a drawing in BUILD/recovery.svg.

recovery_rate=250
recovery_failures=(refuse reset hang error)

section_recovery() {
    local failure proxy
    local -a runs=()
    title "recovery: one of three backends slow (300 instead of 5 ms), dead, back; $recovery_rate requests/s, half HTTP/2"
    for failure in "${recovery_failures[@]}"; do
        for proxy in "${recovery_proxies[@]}"; do
            [[ $proxy == weir* ]] || have "$proxy" || continue
            runs+=("$proxy-$failure")
        done
    done
    for_each start_backends "${runs[@]}"
    drive_recovery "${runs[@]}"
    for failure in "${recovery_failures[@]}"; do
        recovery_table "$failure" "${runs[@]}"
    done
    awk -f "$here/recovery_svg.awk" "${runs[@]/#/$scratch/}" >"$build/recovery.svg"
    printf '\ndrawn in %s\n' "$build/recovery.svg"
}

# The load says to the backends when they change. Who holds a control open beside it keeps the
# backends there until the proxies are stopped.
drive_recovery() {
    local run hold
    local -a loads=() holds=()
    for run; do
        exec {hold}>"$scratch/$run.control"
        holds+=("$hold")
    done
    for_each start_recovery "$@"
    sleep 3 # until checks have found the backends well
    for run; do
        "$build/tests/bench/recovery_load" $recovery_rate "${port[$run]}" "${port_h2[$run]}" "$scratch/$run" \
            healthy:normal:10 slow:slow:10 "dead:${run##*-}:15" recovered:normal:15 >"$scratch/$run.control" &
        loads+=($!)
    done
    wait "${loads[@]}"
    stop "$@"
    for hold in "${holds[@]}"; do
        exec {hold}>&-
    done
    stop "${@/%/-backends}"
}

# recovery_table FAILURE RUN...: of the runs with this failure, a row each.
recovery_table() {
    local failure=$1 run phase
    shift
    printf '\n%-13s' "$failure"
    printf ' %38s' healthy slow dead recovered
    printf '\n%-13s' ""
    for phase in 1 2 3 4; do
        printf ' %10s %10s %7s %8s' requests errors p50 p99
    done
    echo
    for run; do
        [ "${run##*-}" = "$failure" ] || continue
        printf '%-13s' "${run%-*}"
        for phase in healthy slow dead recovered; do
            recovery_figures "$phase" "$scratch/$run"
        done
        echo
    done
}

# recovery_figures PHASE RECORDS: latencies are those of answers and failures alike, in ms.
recovery_figures() {
    awk -v phase="$1" '$1 == phase { print $4, $5 }' "$2" | sort -n | awk '
        { us[NR] = $1; failed += $2 == "failed" }
        END { printf " %10d %8.2f %% %7.1f %8.1f", NR, 100 * failed / NR, us[int((NR + 1) / 2)] / 1000, us[int(NR * 0.99 + 0.5)] / 1000 }'
}
