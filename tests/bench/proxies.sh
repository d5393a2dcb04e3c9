# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The proxies that the benchmark compares, each with one worker before the same backend: their
# configurations, how they start, and what they cost. Sourced by run.sh, with bash, which sets
# `build`, `scratch`, `length`, `routes`, `pin_proxy` and `pin_origin`.
#
# An instance is called KIND or KIND-VARIANT: weir, nginx-log, haproxy-idle, weir-routes. `pid` holds
# its first process, `port` where it listens.

declare -A pid port

kind_of() {
    echo "${1%%-*}"
}

# access_log_of INSTANCE: where its access log goes.
access_log_of() {
    echo "$scratch/$1.access"
}

wants_log() {
    [[ $1 == *-log ]]
}

# -- configurations -------------------------------------------------------------------------------

conf_weir() {
    local instance=$1 log=off
    wants_log "$instance" && log=$(access_log_of "$instance")
    cat <<CONF
workers = 1;
limits = { connections = 20000; requests = 2000000000; };
log = { access = "$log"; error = "$scratch/$instance.error"; };
listeners = ( { name = "public"; bind = "127.0.0.1:${port[$instance]}"; } );
clusters = { app = { endpoints = [ "127.0.0.1:${port[origin]}" ]; }; };
CONF
    [[ $instance != *-traced ]] || tracing_of "$instance"
    echo 'routes = ('
    if [[ $instance == *-routes ]]; then
        awk -v n="$routes" 'BEGIN {
            for (i = 0; i < n; i++)
                printf "{ name = \"r%05d\"; match = { path_prefix = \"/r%05d\"; }; cluster = \"app\"; },\n", i, i
        }'
        echo '{ name = "rest"; cluster = "app"; } );'
    elif [[ $instance == *-traced ]]; then
        echo '{ name = "all"; cluster = "app"; tracing = { }; } );'
    elif [[ $instance == *-used ]]; then
        echo "{ name = \"all\"; cluster = \"app\"; $(modules_of) } );"
    elif [[ $instance == *-unused || $instance == *-two ]]; then
        echo "{ name = \"other\"; match = { path_prefix = \"/other\"; }; cluster = \"app\";"
        [[ $instance == *-two ]] || modules_of
        echo '},'
        echo '{ name = "all"; cluster = "app"; } );'
    else
        echo '{ name = "all"; cluster = "app"; } );'
    fi
    # Those of the build, of which some are in force by default; *-bare has none.
    echo "module_folders = [ \"$build/modules\", \"$scratch/modules\" ];"
    [[ $instance != *-bare && $instance != *-traced ]] || echo "default_modules = [ ];"
}

conf_nginx() {
    local instance=$1 log=off
    wants_log "$instance" && log="$(access_log_of "$instance") combined buffer=64k flush=1s"
    cat <<CONF
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid $scratch/$instance.pid;
error_log $scratch/$instance.error error;
events { worker_connections 20000; }
http {
    access_log $log;
    client_body_temp_path $scratch/$instance.body;
    proxy_temp_path $scratch/$instance.proxy;
    fastcgi_temp_path $scratch/$instance.fastcgi;
    uwsgi_temp_path $scratch/$instance.uwsgi;
    scgi_temp_path $scratch/$instance.scgi;
    keepalive_requests 2000000000;
    tcp_nodelay on;
    upstream app {
        server 127.0.0.1:${port[origin]};
        keepalive 64;
        keepalive_requests 2000000000;
    }
    server {
        listen 127.0.0.1:${port[$instance]} backlog=4096;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
}
CONF
}

conf_haproxy() {
    local instance=$1 global="" defaults=""
    if wants_log "$instance"; then
        global="log stdout format raw local0"
        defaults=$'log global\n    option httplog'
    fi
    cat <<CONF
global
    nbthread 1
    maxconn 15000
    no strict-limits
    $global
defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 2s
    timeout client 75s
    timeout server 60s
    $defaults
frontend public
    bind 127.0.0.1:${port[$instance]} backlog 4096
    default_backend app
backend app
    server app 127.0.0.1:${port[origin]}
CONF
}

# -- life -----------------------------------------------------------------------------------------

# start INSTANCE: and returns when its socket takes connections, which may be before the process is
# there that serves them: ask for processes after a first request.
start() {
    local instance=$1 kind conf
    kind=$(kind_of "$instance")
    conf=$scratch/$instance.conf
    if [ "$kind" != floor ]; then
        port[$instance]=$("$build/tools/demo_origin" -p 1)
        "conf_$kind" "$instance" >"$conf"
    fi
    case $kind in
    floor) $pin_proxy "$build/tests/bench/floor" "${port[origin]}" >"$scratch/floor.port" & ;;
    weir | fleet) $pin_proxy "$build/weir" -c "$conf" >"$scratch/$instance.out" 2>&1 & ;;
    nginx) $pin_proxy nginx -c "$conf" -p "$scratch" -e "$scratch/$instance.error" >"$scratch/$instance.out" 2>&1 & ;;
    haproxy)
        # shellcheck disable=SC2046 # a master only where it has to reload
        $pin_proxy haproxy -db $([[ $instance != *-reload ]] || echo -W) -f "$conf" \
            >"$(access_log_of "$instance")" 2>"$scratch/$instance.out" &
        ;;
    esac
    pid[$instance]=$!
    await_start "$instance"
}

# shellcheck disable=SC2188
await_start() {
    local instance=$1 tries
    for tries in {1..100}; do
        [[ $instance != floor* ]] || port[$instance]=$(cat "$scratch/$instance.port" 2>/dev/null || true)
        if [ -n "${port[$instance]}" ] && (: <>"/dev/tcp/127.0.0.1/${port[$instance]}") 2>/dev/null; then
            return 0
        fi
        kill -0 "${pid[$instance]}" 2>/dev/null || break
        sleep 0.1
    done
    echo "bench: $instance doesn't start:" >&2
    cat "$scratch/$instance".{out,error} >&2 2>/dev/null
    exit 1
}

start_origin() {
    $pin_origin "$build/tests/bench/origin" "$length" >"$scratch/origin.port" &
    pid[origin]=$!
    until [ -s "$scratch/origin.port" ]; do
        sleep 0.05
    done
    port[origin]=$(cat "$scratch/origin.port")
}

# stop INSTANCE...: at once, and waits for it.
stop() {
    local instance
    for instance; do
        [ -n "${pid[$instance]:-}" ] || continue
        kill -TERM "${pid[$instance]}" 2>/dev/null || true
    done
    for instance; do
        [ -n "${pid[$instance]:-}" ] || continue
        wait "${pid[$instance]}" 2>/dev/null || true
        unset "pid[$instance]" "port[$instance]"
    done
}

# -- what it costs --------------------------------------------------------------------------------

# processes PID: it and all that come of it.
processes() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do
        processes "$child"
    done
}

# worker_of INSTANCE: the process that handles requests.
worker_of() {
    local one
    for one in $(processes "${pid[$1]}"); do
        case $(tr '\0' ' ' <"/proc/$one/cmdline") in
        *worker*) # of nginx and Weir, which name theirs
            echo "$one"
            return
            ;;
        esac
    done
    echo "${pid[$1]}"
}

# cpu_ns PID...: time on a processor, of all their threads.
cpu_ns() {
    local one
    for one; do
        cat "/proc/$one"/task/*/schedstat 2>/dev/null || true
    done | awk '{ ns += $1 } END { printf "%.0f\n", ns }'
}

# memory_kb FIELD PID...: Rss or Pss, of all of them together.
memory_kb() {
    local field=$1 one
    shift
    for one; do
        cat "/proc/$one/smaps_rollup" 2>/dev/null || true
    done | awk -v field="$field:" '$1 == field { kb += $2 } END { printf "%d\n", kb }'
}
