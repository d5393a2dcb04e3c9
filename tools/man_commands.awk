# SPDX-License-Identifier: Apache-2.0
# The help of one command of weirctl as a part of a manual page, in the language of scdoc(5): how it
# is called, then everything else as it stands.

function plain(s) {
    gsub(/[\\_*]/, "\\\\&", s)
    return s
}
# Lines with an indent are meant to be seen as they are.
function literal(on) {
    if (on != is_literal)
        print on ? "\t```" : "\t```\n"
    is_literal = on
}

/^Usage: / {
    sub(/^Usage: weirctl /, "")
    print "*weirctl* " plain($0)
    next
}
/^ / {
    literal(1)
    print "\t" $0
    next
}
/^$/ {
    literal(0)
    if (!blank)
        print ""
    blank = 1
    next
}
{
    literal(0)
    blank = 0
    print "\t" plain($0)
}
END {
    literal(0)
    print ""
}
