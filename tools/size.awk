# SPDX-License-Identifier: Apache-2.0
# Prints how long files and functions are: median, p99 and largest. Exits 1 when a file is longer
# than 600 lines, or when the p99 of the functions is over 60 lines. A function is what clang-format
# makes of one: its name in the first column, its braces alone on theirs.
#
# usage: awk -f tools/size.awk FILE...
BEGIN {
    FILE_MAX = 600
    FUNCTION_P99_MAX = 60
}

FNR == 1 {
    if (file != "") file_n[++files] = lines " " file
    file = FILENAME
    in_function = 0
}
{ lines = FNR }

/^[a-z_A-Z].*\(/ && !in_function { name = $0; begin = FNR }
/^\{$/ { in_function = 1 }
/^\}$/ && in_function {
    in_function = 0
    sub(/\(.*/, "", name)
    sub(/.*[ *]/, "", name)
    function_n[++functions] = (FNR - begin + 1) " " file ":" begin " " name
}

# Sorts a[1..n] by the number in front, by insertion into a heap that is then taken apart.
function sort(a, n,   i, t) {
    for (i = int(n / 2); i >= 1; i--) sift(a, i, n)
    for (i = n; i > 1; i--) {
        t = a[1]; a[1] = a[i]; a[i] = t
        sift(a, 1, i - 1)
    }
}
function sift(a, i, n,   k, t) {
    while ((k = 2 * i) <= n) {
        if (k < n && a[k] + 0 < a[k + 1] + 0) k++
        if (a[i] + 0 >= a[k] + 0) return
        t = a[i]; a[i] = a[k]; a[k] = t
        i = k
    }
}

function part(a, n, share,   i) {
    i = int(n * share + 0.999999)
    return a[i < 1 ? 1 : i] + 0
}

function report(what, a, n,   largest) {
    sort(a, n)
    largest = a[n]
    sub(/^[0-9]+ /, "", largest)
    printf "%-9s %5d  median %3d  p99 %3d  largest %3d (%s)\n", what, n, part(a, n, 0.5), part(a, n, 0.99),
        a[n] + 0, largest
}

END {
    file_n[++files] = lines " " file
    report("files", file_n, files)
    if (functions) report("functions", function_n, functions)
    for (i = files; i >= 1 && file_n[i] + 0 > FILE_MAX; i--) {
        split(file_n[i], f, " ")
        print f[2] " has " f[1] " lines, more than " FILE_MAX
        bad = 1
    }
    if (functions && part(function_n, functions, 0.99) > FUNCTION_P99_MAX) {
        print "more than one function in a hundred is longer than " FUNCTION_P99_MAX " lines:"
        for (i = functions; i >= 1 && function_n[i] + 0 > FUNCTION_P99_MAX; i--) print "  " function_n[i]
        bad = 1
    }
    exit bad
}
