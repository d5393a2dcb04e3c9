# SPDX-License-Identifier: Apache-2.0
# Draws a request's life: reads STEP(NAME, "what happens", "next steps") out of
# gateway/core/steps.h and writes a graph for dot. Exits 1 when a step leads to one that there is
# not, or can't be reached from the first; and, when the file with the steps' functions is given
# too, when they go elsewhere than the table says.
#
# usage: awk -f tools/steps.awk gateway/core/steps.h [exchange_steps.c] >docs/request-life.dot
FNR == 1 { files++ }
files > 1 { look_at_code(); next }
/^[ \t]+STEP\(/ { call = "" }
/^[ \t]+STEP\(/, /\)[ \t]*\\?$/ {
    line = $0
    sub(/[ \t]*\\$/, "", line)
    sub(/^[ \t]+/, call == "" ? "" : " ", line)
    call = call line
    if (line ~ /\)$/) add(call)
}

# In the function of a step (it begins and ends in the first column) each STEP_ is one that may
# follow; give_up() leads to ANSWER.
# What each function that gives a step names, and which others it asks.
function look_at_code(   rest) {
    if ($0 ~ /^static int [a-z_]+\(.*[^;]$/) {
        here = $0
        sub(/^static int /, "", here)
        sub(/\(.*/, "", here)
    }
    if ($0 ~ /^}/) here = ""
    if (here == "") return
    for (rest = $0; match(rest, /STEP_[A-Z]+/); rest = substr(rest, RSTART + RLENGTH))
        names[here, substr(rest, RSTART + 5, RLENGTH - 5)] = 1
    for (rest = $0; match(rest, /[a-z_]+\(/); rest = substr(rest, RSTART + RLENGTH))
        asks[here] = asks[here] " " substr(rest, RSTART, RLENGTH - 1)
}

# Where a step goes, by itself or by a function that it asks.
function follow_code(step, of,   pair, at, to, count, i) {
    if (seen[step, of]++) return
    for (pair in names) {
        split(pair, at, SUBSEP)
        if (at[1] == of) goes[step, at[2]] = 1
    }
    count = split(asks[of], to, " ")
    for (i = 1; i <= count; i++)
        if (to[i] !~ /^step_/) follow_code(step, to[i])
}

function compare(   i, k, count, to, told, at) {
    for (i = 1; i <= n; i++) follow_code(order[i], "step_" tolower(order[i]))
    for (i = 1; i <= n; i++) {
        count = split(follow[order[i]], to, " ")
        for (k = 1; k <= count; k++) {
            told[order[i], to[k]] = 1
            if (!((order[i], to[k]) in goes)) {
                print order[i] " never leads to " to[k] >"/dev/stderr"
                bad = 1
            }
        }
    }
    for (at in goes)
        if (!(at in told)) {
            split(at, to, SUBSEP)
            print to[1] " leads to " to[2] ", which the table doesn't say" >"/dev/stderr"
            bad = 1
        }
}

function add(text,   parts, name) {
    name = text
    sub(/^STEP\(/, "", name)
    sub(/,.*/, "", name)
    split(text, parts, "\"")
    order[++n] = name
    what[name] = parts[2]
    follow[name] = parts[4]
}

# What it does, broken into lines of about 40 characters.
function wrapped(text,   words, count, i, line, out) {
    count = split(text, words, " ")
    for (i = 1; i <= count; i++) {
        if (length(line) + length(words[i]) > 40) {
            out = out line "\\l"
            line = ""
        }
        line = line (line == "" ? "" : " ") words[i]
    }
    return out line "\\l"
}

END {
    print "// made by tools/steps.awk from gateway/core/steps.h"
    print "digraph request_life {"
    print "    rankdir=TB;"
    print "    node [shape=box, style=\"rounded,filled\", fillcolor=\"#eef3f8\", fontname=\"sans-serif\"];"
    print "    edge [color=\"#445566\"];"
    for (i = 1; i <= n; i++) {
        rank[order[i]] = i
        printf "    %s [label=\"%s\\n%s\"];\n", order[i], order[i], wrapped(what[order[i]])
    }
    reached[order[1]] = 1
    for (i = 1; i <= n; i++) {
        count = split(follow[order[i]], to, " ")
        for (k = 1; k <= count; k++) {
            if (!(to[k] in what)) {
                print order[i] " leads to " to[k] ", which is no step" >"/dev/stderr"
                bad = 1
            }
            reached[to[k]] = 1
            back = rank[to[k]] < i ? " [style=dashed, constraint=false]" : ""
            printf "    %s -> %s%s;\n", order[i], to[k], back
        }
    }
    print "}"
    for (i = 1; i <= n; i++)
        if (!reached[order[i]]) {
            print order[i] " is reached from nowhere" >"/dev/stderr"
            bad = 1
        }
    if (files > 1) compare()
    exit bad || n == 0
}
