# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What a request pays for a fleet: four instances with the same breakers, one of which belongs to no
# fleet; of the others one has a Redis that is well, one a Redis that hangs as its run begins, and one a
# Redis that is killed then. Sourced by run.sh.

latency_connections=16 latency_seconds=3 latency_bad=20
declare -a latency_all=(fleet-none fleet-healthy fleet-hung fleet-killed)

# Circuits of the cluster and of the route, both shared. Requests that say so fail, as if the backend
# did: a few of them keep the windows in trouble, so that there is something to tell Redis with each
# tick. They are far from opening a circuit.
conf_fleet() {
    local instance=$1 circuit='{ shared = true; open_on = { error_rate = "90%"; }; }'
    cat <<CONF
workers = 1;
module_folders = [ "$build/modules" ];
limits = { connections = 20000; requests = 2000000000; };
log = { access = "off"; error = "$scratch/$instance.error"; };
admin = { bind = "unix:$scratch/$instance.sock"; };
listeners = ( { name = "public"; bind = "127.0.0.1:${port[$instance]}"; } );
clusters = { app = { endpoints = [ "127.0.0.1:${port[origin]}" ];
                     breaker = { circuit = $circuit; }; }; };
routes = (
  { name = "all"; cluster = "app"; breaker = { circuit = $circuit; };
    fault = ( { name = "bad"; percent = "100%"; abort = { status = 503; };
                match = { headers = ( { name = "X-Bad"; exact = "1"; } ); }; } ); }
);
CONF
    [ "$instance" = fleet-none ] ||
        echo "fleet = { instance = \"$instance\"; redis = { address = \"unix:$scratch/$instance-redis.sock\"; }; };"
}

section_fleet_latency() {
    local round one
    local -a turn
    have redis-server || return 0
    title "fleet_latency: requests, while Redis is well, hangs, is killed; $latency_connections connections, $rounds rounds of $latency_seconds s, $latency_bad failing requests a second beside them"
    for one in "${latency_all[@]}"; do
        [ "$one" = fleet-none ] || start_redis "$one-redis"
        start "$one"
        rm -f "$scratch/$one".{p50_us,p99_us,worker,control,errors,joined,commands}
    done
    turn=("${latency_all[@]}")
    for ((round = 0; round < rounds; round++)); do
        for one in "${turn[@]}"; do
            measure_latency "$one"
        done
        turn=("${turn[@]:1}" "${turn[0]}") # each is first, second, ... in turn
    done
    print_latency
    for one in "${latency_all[@]}"; do
        stop "$one" "$one-redis"
    done
}

# fleet_metric INSTANCE NAME: nothing without a fleet.
fleet_metric() {
    curl -s --max-time 5 --unix-socket "$scratch/$1.sock" http://admin/metrics |
        awk -v name="weir_fleet_$2" '$1 == name { print $2 }'
}

await_joined() {
    local tries
    [ "$1" != fleet-none ] || return 0
    for ((tries = 0; tries < 300; tries++)); do
        [ "$(fleet_metric "$1" joined)" != 1 ] || return 0
        sleep 0.1
    done
    echo "bench: $1 doesn't join its fleet" >&2
    exit 1
}

# process_of INSTANCE ROLE: its process that is called so.
process_of() {
    local one
    for one in $(processes "${pid[$1]}"); do
        ! grep -q "$2" "/proc/$one/cmdline" || echo "$one"
    done
}

# What happens to its Redis as the run begins, and how that is undone.
harm() {
    case $1 in
    fleet-hung) kill -STOP "${pid[$1-redis]}" ;;
    fleet-killed) stop_hard "$1-redis" ;;
    esac
}

heal() {
    case $1 in
    fleet-hung) kill -CONT "${pid[$1-redis]}" ;;
    fleet-killed) start_redis "$1-redis" ;;
    esac
}

stop_hard() {
    kill -KILL "${pid[$1]}"
    wait "${pid[$1]}" 2>/dev/null || true
    unset "pid[$1]"
}

measure_latency() {
    local instance=$1 worker control worker_ns control_ns commands bad one
    await_joined "$instance"
    connections=$latency_connections load_begin "${port[$instance]}" -s $latency_seconds
    worker=$(process_of "$instance" worker) control=$(process_of "$instance" control)
    worker_ns=$(cpu_ns "$worker") control_ns=$(cpu_ns "$control")
    commands=$(fleet_metric "$instance" commands_total)
    $pin_load curl -s -o "$scratch/bad" -H "X-Bad: 1" --rate $latency_bad/s \
        "http://127.0.0.1:${port[$instance]}/[1-100000]" &
    bad=$!
    harm "$instance"
    load_go
    kill $bad
    worker_ns=$(($(cpu_ns "$worker") - worker_ns)) control_ns=$(($(cpu_ns "$control") - control_ns))
    fleet_metric "$instance" joined >>"$scratch/$instance.joined"
    commands=$(($(fleet_metric "$instance" commands_total) - commands))
    echo $((commands / latency_seconds)) >>"$scratch/$instance.commands"
    heal "$instance"
    load_end
    wait $bad || true
    for one in worker control; do
        local ns=${one}_ns
        awk -v ns="${!ns}" -v n="$(of requests)" 'BEGIN { printf "%.3f\n", ns / n / 1000 }' >>"$scratch/$instance.$one"
    done
    for one in errors p50_us p99_us; do
        of $one >>"$scratch/$instance.$one"
    done
}

# ratios_of FIELD INSTANCE: to the one without a fleet, of each round.
ratios_of() {
    paste "$scratch/$2.$1" "$scratch/fleet-none.$1" | awk '{ printf "%.3f\n", $1 / $2 }'
}

# "1.01 (0.93 to 1.12)"
print_ratios() {
    printf '%.2f (%.2f to %.2f)' "$(ratios_of "$1" "$2" | median)" \
        "$(ratios_of "$1" "$2" | sort -g | head -n 1)" "$(ratios_of "$1" "$2" | sort -g | tail -n 1)"
}

print_latency() {
    local one
    printf '%-8s %7s  %-21s %7s  %-21s %10s %11s %6s %6s %8s\n' "" "p50 µs" "ratio, of all rounds" "p99 µs" \
        "ratio, of all rounds" worker control errors joined commands
    for one in "${latency_all[@]}"; do
        printf '%-8s %6.0f  %-21s %6.0f  %-21s %7.2f ms %8.3f ms %6d %6s %8s\n' "${one#fleet-}" \
            "$(median <"$scratch/$one.p50_us")" "$(print_ratios p50_us "$one")" \
            "$(median <"$scratch/$one.p99_us")" "$(print_ratios p99_us "$one")" \
            "$(median <"$scratch/$one.worker")" "$(median <"$scratch/$one.control")" \
            "$(awk '{ n += $1 } END { print n }' "$scratch/$one.errors")" \
            "$(sort -u "$scratch/$one.joined" | paste -sd ' ')" "$(median <"$scratch/$one.commands")"
    done
    echo "(worker, control: CPU for 1,000 requests; joined: at the end of its runs; commands: to Redis, a second)"
}
