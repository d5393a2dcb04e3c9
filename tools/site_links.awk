# SPDX-License-Identifier: Apache-2.0
# Links of a site of files, run in its folder: awk -v files=LIST -f site_links.awk PAGE.html...
# Each address has to lead to a file of the list and, behind a "#", to an element with that id; only
# addresses with a scheme lead outside, and no picture, style or script may come from there. Says what is
# dead, page by page, and exits with 1 then.

BEGIN {
    while ((getline line < files) > 0)
        there[line] = 1
}

function normal(path) {
    gsub(/(^|\/)\.\//, "/", path)
    while (match(path, /[^\/]+\/\.\.\//))
        path = substr(path, 1, RSTART - 1) substr(path, RSTART + RLENGTH)
    sub(/^\//, "", path)
    return path
}

function folder(file) {
    return file ~ /\// ? substr(file, 1, match(file, /[^\/]*$/) - 1) : ""
}

{
    rest = $0
    while (match(rest, / (id|href|src)="[^"]*"/)) {
        what = substr(rest, RSTART + 1, RLENGTH - 2)
        rest = substr(rest, RSTART + RLENGTH)
        kind = substr(what, 1, index(what, "=") - 1)
        value = substr(what, index(what, "\"") + 1)
        if (kind == "id") {
            id[FILENAME "#" value] = 1
        } else if (value !~ /^[a-z]+:/) {
            links++
            from[links] = FILENAME
            to[links] = value
        } else if (kind == "src" || $0 ~ /<link/) {
            print FILENAME ": from outside: " value
            dead++
        }
    }
}

END {
    for (i = 1; i <= links; i++) {
        file = mark = to[i]
        sub(/#.*/, "", file)
        if (!sub(/^[^#]*#/, "", mark))
            mark = ""
        file = file == "" ? from[i] : normal(folder(from[i]) file)
        if (there[file] && (mark == "" || (file "#" mark) in id))
            continue
        print from[i] ": dead: " to[i]
        dead++
    }
    exit dead > 0
}
