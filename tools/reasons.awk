# SPDX-License-Identifier: Apache-2.0
# Reasons and their entries in the manual: awk -f reasons.awk gateway/core/why.h docs/troubleshooting.md.
# Each row WHY(ID, "word", status, ...) needs a row "| `word` | status | ..." below the heading
# "## Reasons", with "-" for the status 0, and each row there needs a reason. Says what lacks, and
# exits with 1 then. NONE is no reason.

FILENAME ~ /\.h$/ && match($0, /^ *WHY\([A-Z_]+, "[a-z_]+", [0-9]+,/) {
    row = substr($0, RSTART, RLENGTH - 1)
    word = code = row
    sub(/^[^"]*"/, "", word)
    sub(/".*/, "", word)
    sub(/.* /, "", code)
    status[word] = code == "0" ? "-" : code
    reasons++
}
/^## / { inside = $0 == "## Reasons" }
inside && /^\| `/ {
    split($0, cell, / *\| */)
    word = cell[2]
    gsub(/`/, "", word)
    entry[word] = cell[3]
    if (cell[4] == "" || cell[5] == "") {
        print word ": says not what it means and what to do"
        wrong++
    }
}
END {
    for (word in status) {
        if (!(word in entry)) {
            print word ": has no entry below ## Reasons"
            wrong++
        } else if (entry[word] != status[word]) {
            print word ": answers " status[word] ", not " entry[word]
            wrong++
        }
    }
    for (word in entry)
        if (!(word in status)) {
            print word ": is no reason"
            wrong++
        }
    if (!reasons)
        print "no reasons found"
    exit wrong > 0 || !reasons
}
