# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# The sentences of fleet.sh's timeline, made of what the logs say. Requests that fail and probes have a
# line each; those that are answered or refused one for as many as came without anything else in
# between. Sourced, with bash, by fleet.sh.

# As heard: what the demo waits for.
declare -A state=([edge-a]=closed [edge-b]=closed) answered=([edge-a]=0 [edge-b]=0)
openings=0 # made by whomever; each is one of the fleet

# As told.
declare -A calls=([edge-a]=0 [edge-b]=0) failures=([edge-a]=0 [edge-b]=0) # since it was closed
good=0 # probes since it was half-open
declare -A alone=() # decides by itself
last_state="" last_who="" last_at=0 last_way="" # the last change of the circuit; made, or heard of
declare -A many=() # requests alike, not told yet
many_kind="" many_from=0 many_to=0

on_heard() {
    local who=$1 event=$2 rest=$3
    case $event in
    breaker_open | breaker_half_open | breaker_closed)
        state[$who]=${event#breaker_}
        [[ $event != breaker_open || $rest == *" by "* ]] || openings=$((openings + 1))
        ;;
    answered) [[ $rest != "fruit 200 through" ]] || answered[$who]=$((${answered[$who]} + 1)) ;;
    esac
}

on_told() {
    local at=$1 who=$2 event=$3 rest=$4
    case $event in
    answered) tell_answer "$at" "$who" "$rest" ;;
    breaker_open | breaker_half_open | breaker_closed) tell_change "$at" "$who" "${event#breaker_}" "$rest" ;;
    fails) tell "$at" "$who" "fails from now on (500)" ;;
    works) tell "$at" "$who" "works again (200)" ;;
    fleet_joined)
        unset "alone[$who]"
        tell "$at" "$who" "has joined the fleet"
        ;;
    fleet_apart | breaker_holds)
        alone[$who]=yes
        tell "$at" "$who" "$event $rest"
        ;;
    fleet_redis_up) ;;
    fleet_* | breaker_* | decision_*) tell "$at" "$who" "$event $rest" ;;
    esac
}

tell() {
    story_pause
    timeline_line "$@"
}

# -- requests -------------------------------------------------------------------------------------

tell_answer() {
    local at=$1 who=$2 route status decision
    read -r route status decision <<<"$3"
    [ "$route" = fruit ] || return 0
    case $decision in
    probe) tell_probe "$at" "$who" "$status" ;;
    through)
        calls[$who]=$((${calls[$who]} + 1))
        if [ "$status" = 200 ]; then
            one_more "$at" "$who" "answered with 200"
        else
            failures[$who]=$((${failures[$who]} + 1))
            tell "$at" "$who" "a request fails with $status: number ${failures[$who]} here, $((failures[edge-a] + failures[edge-b])) of both"
        fi
        ;;
    half_open) one_more "$at" "$who" "refused with $status, no permit for a probe at hand" ;;
    *) one_more "$at" "$who" "refused with $status, the backend isn't asked" ;;
    esac
}

tell_probe() {
    if [ -n "${alone[$2]:-}" ]; then
        tell "$1" "$2" "sends a probe of its own: $3"
    elif [ "$3" = 200 ]; then
        good=$((good + 1))
        tell "$1" "$2" "sends a probe: $3, good ones of the fleet: $good of $PROBES"
    else
        tell "$1" "$2" "sends a probe: $3"
    fi
}

# one_more MOMENT WHO KIND
one_more() {
    [ "$3" = "$many_kind" ] || story_pause
    [ -n "$many_kind" ] || many_from=$1 many_kind=$3
    many_to=$1
    many[$2]=$((${many[$2]:-0} + 1))
}

# story_pause: what was only counted is told.
story_pause() {
    local n=$((${many[edge-a]:-0} + ${many[edge-b]:-0})) who=both text
    [ -n "$many_kind" ] || return 0
    text="$many_kind: $n"
    ms $((many_to - many_from))
    [ $n = 1 ] || text+=" in $span"
    [ -n "${many[edge-a]:-}" ] || who=edge-b
    [ -n "${many[edge-b]:-}" ] || who=edge-a
    [ $who != both ] || text+=" (edge-a ${many[edge-a]}, edge-b ${many[edge-b]})"
    timeline_line "$many_from" $who "$text"
    many=() many_kind=""
}

# -- the circuit ----------------------------------------------------------------------------------

# tell_change MOMENT WHO STATE REST: REST is the log's text, such as
#
#     text="cluster fruit: from closed to open, for 1000 ms (opening 1 in a row): WHY"
#
# with "by INSTANCE: " before WHY on who has heard of it. Redis tells all of them at the same moment, so
# that one may be earlier than who has made the change, and waits for the answer.
tell_change() {
    local at=$1 who=$2 to=$3 text=$4 why by for_ms="" apart="" way=made
    why=${text##*: } why=${why%\"}
    [[ ! $text =~ ", for "([0-9]+)" ms" ]] || for_ms=" for ${BASH_REMATCH[1]} ms"
    [[ $text != *": by "* ]] || way=heard
    if [ "$to" = "$last_state" ] && [ "$who" != "$last_who" ] && [ $way != "$last_way" ]; then
        ms $((at - last_at))
        apart=$span
    fi
    by=$last_who
    last_state=$to last_who=$who last_at=$at last_way=$way
    if [ $way = heard ]; then
        [ -z "$apart" ] || apart=", $apart after $by"
        by=${text##*: by }
        tell "$at" "$who" "hears from ${by%%:*}: ${to/_/-}$for_ms$apart"
    else
        [ -z "$apart" ] || apart=" ($by has heard of it $apart earlier)"
        tell_made "$at" "$who" "$to" "$why" "$for_ms$apart"
    fi
}

tell_made() {
    local at=$1 who=$2 to=$3 why=$4 when=$5 over="over both"
    case $to in
    open)
        if [[ $why == *" calls failed"* ]]; then
            why+="; by now edge-a has had ${calls[edge-a]} calls, ${failures[edge-a]} failed, edge-b ${calls[edge-b]}, ${failures[edge-b]} failed; $NEEDED are needed"
        fi
        tell "$at" "$who" "has opened the circuit$when: $why"
        ;;
    half_open)
        good=0
        [ -z "${alone[$who]:-}" ] || over=here
        tell "$at" "$who" "has made it half-open$when: the next $PROBES requests $over are probes"
        ;;
    closed)
        unset "alone[$who]"
        calls=([edge-a]=0 [edge-b]=0) failures=([edge-a]=0 [edge-b]=0)
        tell "$at" "$who" "has closed it$when: $why"
        ;;
    esac
}
