# SPDX-License-Identifier: Apache-2.0
# The order of the manuals, out of docs/index.md: of each row of a table or item of a list below a
# heading of the second level, the first link. Prints "section<TAB>path<TAB>title", paths from the
# root of the tree (-v folder: that of the file).

function normal(path) {
    path = folder "/" path
    while (match(path, /[^\/]+\/\.\.\//))
        path = substr(path, 1, RSTART - 1) substr(path, RSTART + RLENGTH)
    return path
}

/^## / { section = substr($0, 4) }
section != "" && /^(\||- |[0-9]+\. ).*\]\(/ {
    match($0, /\[[^]]*\]\([^)]*\)/)
    link = substr($0, RSTART + 1, RLENGTH - 2)
    title = link
    sub(/\]\(.*/, "", title)
    sub(/.*\]\(/, "", link)
    sub(/#.*/, "", link)
    path = normal(link)
    if (link ~ /\.md$/ && !seen[path]++)
        printf "%s\t%s\t%s\n", section, path, title
}
