# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2004,SC2034,SC2154
# The proxies of the recovery section, each with one worker before three backends of its own: their
# configurations, and how they start. Sourced by run.sh behind proxies.sh.
#
# A run is called PROXY-FAILURE: weir_default-hang, nginx-refuse. `pid` and `port` are those of the
# proxy, `port_h2` is where it listens for HTTP/2 (nginx has no port for both), `backend_0` and so on
# hold the ports of the backends.
#
# All that are set up for recovery have the same figures: half a second for an attempt, three
# attempts, checks each second, half of that when something is wrong, and the balancer that looks
# at how busy a backend is, or how slow.

declare -A port_h2 backend_0 backend_1 backend_2
recovery_proxies=(weir_default weir nginx haproxy)

conf_recovery_weir_default() {
    local run=$1
    weir_recovery "$run" "" ""
}

conf_recovery_weir() {
    local run=$1
    weir_recovery "$run" '
        balance = "peak_ewma";
        timeouts = { connect = "500ms"; };
        health = { path = "/health"; interval = "1s"; unhealthy_interval = "500ms"; timeout = "500ms";
                   fall = 2; rise = 2; };
        outlier = { consecutive_5xx = 5; ejection_time = "5s"; };
        hedge_budget = { percent = "20%"; };' '
        retry = { attempts = 3; on = [ "5xx", "timeout" ]; per_try_timeout = "500ms";
                  hedge = { delay = "50ms"; }; };'
}

# weir_recovery RUN SETTINGS-OF-THE-CLUSTER SETTINGS-OF-THE-ROUTE. The modules that are in force by
# default lie beside the binary.
weir_recovery() {
    local run=$1
    cat <<CONF
workers = 1;
module_folders = [ "$build/modules" ];
log = { access = "off"; error = "$scratch/$run.error"; };
listeners = ( { name = "public"; bind = "127.0.0.1:${port[$run]}"; protocols = [ "http/1.1", "h2" ]; } );
clusters = { app = { endpoints = [ "127.0.0.1:${backend_0[$run]}", "127.0.0.1:${backend_1[$run]}",
                                   "127.0.0.1:${backend_2[$run]}" ]; $2 }; };
routes = ( { name = "all"; cluster = "app"; $3 } );
CONF
}

conf_recovery_nginx() {
    local run=$1
    cat <<CONF
daemon off;
worker_processes 1;
pid $scratch/$run.pid;
error_log $scratch/$run.error crit;
events { worker_connections 4096; }
http {
    access_log off;
    client_body_temp_path $scratch/$run.body;
    proxy_temp_path $scratch/$run.proxy;
    fastcgi_temp_path $scratch/$run.fastcgi;
    uwsgi_temp_path $scratch/$run.uwsgi;
    scgi_temp_path $scratch/$run.scgi;
    keepalive_requests 1000000;
    tcp_nodelay on;
    upstream app {
        zone app 64k;
        least_conn;
        server 127.0.0.1:${backend_0[$run]} max_fails=5 fail_timeout=5s;
        server 127.0.0.1:${backend_1[$run]} max_fails=5 fail_timeout=5s;
        server 127.0.0.1:${backend_2[$run]} max_fails=5 fail_timeout=5s;
        keepalive 64;
        keepalive_requests 1000000;
    }
    server {
        listen 127.0.0.1:${port[$run]};
        listen 127.0.0.1:${port_h2[$run]} http2;
        location / {
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_connect_timeout 500ms;
            proxy_read_timeout 500ms;
            proxy_next_upstream error timeout invalid_header http_500 http_502 http_503 http_504;
            proxy_next_upstream_tries 3;
        }
    }
}
CONF
}

conf_recovery_haproxy() {
    local run=$1
    cat <<CONF
global
    nbthread 1
    maxconn 4000
    no strict-limits
defaults
    mode http
    option http-keep-alive
    http-reuse always
    timeout connect 500ms
    timeout client 75s
    timeout server 500ms
    timeout check 500ms
    retries 3
    retry-on all-retryable-errors
    option redispatch 1
frontend public
    bind 127.0.0.1:${port[$run]}
    bind 127.0.0.1:${port_h2[$run]} proto h2
    default_backend app
backend app
    balance leastconn
    option httpchk GET /health
    default-server check inter 1s fastinter 500ms downinter 500ms fall 2 rise 2 observe layer7 error-limit 5 on-error mark-down
    server a 127.0.0.1:${backend_0[$run]}
    server b 127.0.0.1:${backend_1[$run]}
    server c 127.0.0.1:${backend_2[$run]}
CONF
}

# -- life -----------------------------------------------------------------------------------------

# start_backends RUN: they obey what is written into $scratch/RUN.control, and end when everybody has
# closed it.
start_backends() {
    local run=$1
    mkfifo "$scratch/$run.control"
    "$build/tests/bench/recovery_origin" 3 <"$scratch/$run.control" >"$scratch/$run.ports" &
    pid[$run-backends]=$!
}

# start_recovery RUN: the proxy, when the backends have said their ports.
start_recovery() {
    local run=$1 proxy=${1%-*} conf=$scratch/$1.conf
    until [ "$(wc -l <"$scratch/$run.ports")" = 3 ]; do
        sleep 0.05
    done
    { read -r "backend_0[$run]"; read -r "backend_1[$run]"; read -r "backend_2[$run]"; } <"$scratch/$run.ports"
    port[$run]=$("$build/tools/demo_origin" -p 1)
    port_h2[$run]=${port[$run]}
    [[ $proxy == weir* ]] || port_h2[$run]=$("$build/tools/demo_origin" -p 1)
    "conf_recovery_$proxy" "$run" >"$conf"
    case $proxy in
    weir*) "$build/weir" -c "$conf" >"$scratch/$run.out" 2>&1 & ;;
    nginx) nginx -c "$conf" -p "$scratch" -e "$scratch/$run.error" >"$scratch/$run.out" 2>&1 & ;;
    haproxy) haproxy -db -f "$conf" >"$scratch/$run.out" 2>&1 & ;;
    esac
    pid[$run]=$!
    await_start "$run"
}
