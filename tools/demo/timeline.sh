# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# A timeline out of logs: lines of several files, in the order of their stamps, with times since the
# demo began. Sourced, with bash; who sources it has two functions:
#
#     on_heard WHO EVENT REST            at once, in whatever order files are read
#     on_told MOMENT WHO EVENT REST      in order, when nothing earlier can come any more
#
# A line is "STAMP LEVEL PROCESS EVENT REST". Where REST begins with took=N the stamp is that of the
# beginning, and the event N microseconds later. A moment is in microseconds since the demo began.

SETTLE_US=250000 # longer than any line stays with who writes it (log.flush)
DAY_US=86400000000

declare -a followed=() # "DESCRIPTOR WHO"
declare -A begun_line=() # by descriptor: what was read of a line that isn't whole yet
declare -a pending=() # "MOMENT WHO EVENT REST", in order

# now: sets `moment` to what it is now.
now() {
    local whole=${EPOCHREALTIME/[.,]/}
    moment=$(((whole % DAY_US - began_us + DAY_US) % DAY_US))
}

# moment_of STAMP: sets `moment`. Of a stamp (2026-11-24T10:00:00.123456Z) the day doesn't matter.
moment_of() {
    local time=${1#*T} h m s us
    IFS=:.Z read -r h m s us _ <<<"$time"
    us=$((((10#$h * 60 + 10#$m) * 60 + 10#$s) * 1000000 + 10#$us))
    moment=$(((us - began_us + DAY_US) % DAY_US))
}

timeline_begin() {
    began_us=0
    now
    began_us=$moment
}

# timeline_follow WHO FILE: from now on, and what it has already.
timeline_follow() {
    local fd
    exec {fd}<"$2"
    followed+=("$fd $1")
    begun_line[$fd]=""
}

# Into `pending`, behind all that isn't later.
keep_in_order() {
    local at=$1 i=${#pending[@]}
    while [ "$i" -gt 0 ] && [ "${pending[i - 1]%% *}" -gt "$at" ]; do
        pending[i]=${pending[i - 1]}
        i=$((i - 1))
    done
    pending[i]="$*"
}

hear() {
    local who=$1 stamp event rest
    read -r stamp _ _ event rest <<<"$2"
    [[ $stamp == ????-??-??T??:??:??.??????Z ]] || return 0
    moment_of "$stamp"
    [[ $rest != took=* ]] || { rest=${rest#took=}; moment=$((moment + ${rest%% *})) rest=${rest#* }; }
    keep_in_order "$moment" "$who" "$event" "$rest"
    on_heard "$who" "$event" "$rest"
}

# A read at the end of a file returns what there is of a line, and goes on from there later.
read_new() {
    local fd=$1 who=$2 line
    while IFS= read -r -u "$fd" line || { begun_line[$fd]+=$line; false; }; do
        hear "$who" "${begun_line[$fd]}$line"
        begun_line[$fd]=""
    done
}

# timeline_look [all]: hears what is new, and tells what has settled, or all of it.
timeline_look() {
    local one until
    for one in "${followed[@]}"; do
        # shellcheck disable=SC2086 # two words
        read_new $one
    done
    now
    until=$((moment - SETTLE_US))
    while [ ${#pending[@]} -gt 0 ] && { [ "${1:-}" = all ] || [ "${pending[0]%% *}" -le $until ]; }; do
        one=${pending[0]}
        pending=("${pending[@]:1}")
        read -r moment who event rest <<<"$one"
        on_told "$moment" "$who" "$event" "$rest"
    done
}

# timeline_line MOMENT WHO TEXT
timeline_line() {
    printf '%4d.%03d s  %-8s %s\n' $(($1 / 1000000)) $(($1 / 1000 % 1000)) "$2" "$3"
}

# ms MICROSECONDS: sets `span` to "0.64 ms", "920 ms". Not $(...), during which bash may miss a Ctrl-C.
ms() {
    if [ "$1" -lt 10000 ]; then
        printf -v span '%d.%02d ms' $(($1 / 1000)) $(($1 / 10 % 100))
    else
        span="$(($1 / 1000)) ms"
    fi
}
