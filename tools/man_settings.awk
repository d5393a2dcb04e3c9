# SPDX-License-Identifier: Apache-2.0
# The settings of docs/settings.md as a part of a manual page, in the language of scdoc(5): a heading
# for each group, and a paragraph for each row of its table. Metrics are left to the documents.

# What means something to scdoc is taken literally.
function plain(s) {
    gsub(/[\\_*]/, "\\\\&", s)
    return s
}
# *words* become underlined ones.
function words(s,    out) {
    while (match(s, /\*[A-Za-z]+\*/)) {
        out = out plain(substr(s, 1, RSTART - 1)) "_" substr(s, RSTART + 1, RLENGTH - 2) "_"
        s = substr(s, RSTART + RLENGTH)
    }
    return out plain(s)
}
# `code` becomes bold.
function text(s,    parts, n, i, out) {
    n = split(s, parts, "`")
    for (i = 1; i <= n; i++)
        out = out (i % 2 ? words(parts[i]) : "*" plain(parts[i]) "*")
    return out
}
# The cells of a row, from 1; a | in one of them is written \|.
function cells(line, c,    n, i) {
    gsub(/\\\|/, "\001", line)
    n = split(line, c, / *\| */)
    for (i = 1; i < n; i++) {
        c[i] = c[i + 1]
        gsub(/\001/, "|", c[i])
    }
}
function setting(c) {
    printf "%s: %s\n\t%s.", text(c[1]), plain(c[2]), text(c[4])
    if (c[3] == "*required*")
        printf " Required."
    else if (c[3] != "")
        printf " Default: %s.", text(c[3])
    print "\n"
}

/^# / || /^Made from/ || /^\| *-/ { next }
/^#+ / {
    sub(/^#+ /, "")
    print "## " $0 "\n"
    next
}
/^\| (setting|command|metric|field) / {
    table = $2
    next
}
/^\|/ {
    cells($0, c)
    if (table == "setting")
        setting(c)
    else if (table == "command")
        printf "Command %s\n\t%s.\n\n", text(c[1]), text(c[3])
    else if (table == "field")
        printf "Log field %s\n\t%s.\n\n", text(c[1]), text(c[2])
    next
}
{ print text($0) }
