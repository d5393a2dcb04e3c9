# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What lives while a demo runs: a folder under /tmp and the processes that were started here, and how
# both go, whatever ends the demo. Sourced, with bash, by demo.sh and fleet.sh, which set `build`.

dir=$(mktemp -d /tmp/weir-demo.XXXXXX)
chmod 755 "$dir"
started=() # the last one first

# In the order of `started`, the gateways first, so that no request of the last moment finds its
# backend gone. What was stopped (kill -STOP) has to go on to end.
# shellcheck disable=SC2317 # the trap calls it
stop_all() {
    trap - EXIT
    trap '' INT TERM HUP
    local pid tries
    for pid in ${started[@]+"${started[@]}"}; do
        kill -TERM "$pid" 2>/dev/null || continue
        kill -CONT "$pid" 2>/dev/null || continue
        for ((tries = 0; tries < 100; tries++)); do
            kill -0 "$pid" 2>/dev/null || continue 2
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
    rm -rf "$dir"
}
trap stop_all EXIT
trap 'echo; echo "stopping"; exit 0' INT TERM HUP

# launch COMMAND...: in the background, and sets `launched` to its process. It is in a session of its own,
# so that Ctrl-C reaches the demo alone, which ends the others in their order.
launch() {
    setsid "$@" &
    launched=$!
    started=("$launched" ${started[@]+"${started[@]}"})
}

# start_origin NAME: starts a backend, and sets `origin` to its process and `port` to where it listens.
start_origin() {
    launch "$build/tools/demo_origin" "$1" >"$dir/$1.port" 2>"$dir/$1.log"
    origin=$launched
    until port=$(cat "$dir/$1.port") && [ -n "$port" ]; do
        kill -0 "$origin" 2>/dev/null || { cat "$dir/$1.log" >&2; exit 1; }
        sleep 0.02
    done
    echo "  backend $1 on 127.0.0.1:$port (pid $origin)"
}

# free_port: one that nobody listens on now.
free_port() {
    "$build/tools/demo_origin" -p 1
}

# start_weir CONF LOG URL: checks the configuration and starts a Weir, sets `weir` to its process, and
# returns when it answers at that URL.
start_weir() {
    local tries
    "$build/weir" -t -c "$1"
    launch "$build/weir" -c "$1" 2>"$2"
    weir=$launched
    for ((tries = 0; ; tries++)); do
        ! curl -s -o "$dir/ready" --max-time 1 "$3" 2>/dev/null || break
        if [ $tries = 400 ] || ! kill -0 "$weir" 2>/dev/null; then
            echo "weir didn't start; it said:" >&2
            cat "$2" >&2
            exit 1
        fi
        sleep 0.05
    done
}

# show COMMENT COMMAND ARGUMENT...: a command, shown with what it says. Sets `failed` if it fails.
failed=0
show() {
    echo
    echo "# $1"
    shift
    echo "\$ $*"
    "$@" >"$dir/answer" 2>&1 || failed=1
    sed 's/^/  /' "$dir/answer"
}
