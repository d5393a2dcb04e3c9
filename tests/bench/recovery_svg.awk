# SPDX-License-Identifier: Apache-2.0
# Draws the records of recovery_load: a panel for each file, called PROXY-FAILURE, a row for each
# proxy and a column for each failure, in the order in which they come. Red is the share of requests
# that failed in each second, from 0 to 100 %; blue their 99th percentile, from 1 ms to 10 s, by
# powers of ten.

BEGIN {
    width = 200; height = 80; left = 56; top = 70; gap = 84; gap_y = 26
}

FNR == 1 {
    file = FILENAME
    sub(/.*\//, "", file)
    split(file, part, "-")
    if (!(part[1] in row)) { row[part[1]] = rows; proxies[rows++] = part[1] }
    if (!(part[2] in column)) { column[part[2]] = columns; failures[columns++] = part[2] }
    runs[n_runs++] = file
}

{
    if (!($1 in begins)) { begins[$1] = $2; phases[n_phases++] = $1 }
    if ($2 >= seconds) seconds = $2 + 1
    n[file, $2]++
    failed[file, $2] += $5 == "failed"
    keep(file SUBSEP $2, $4)
}

# The three longest of each second: of 250 requests the third one is the 99th percentile.
function keep(at, us,    had, i) {
    for (i = 1; i <= 3; i++)
        if (us > longest[at, i]) { had = longest[at, i]; longest[at, i] = us; us = had }
}

function x_of(second) { return second * width / seconds }

function y_of_us(us,    ms) {
    ms = us / 1000
    if (ms < 1) ms = 1
    if (ms > 10000) ms = 10000
    return height - height * log(ms) / log(10000)
}

function text(x, y, class, what) {
    printf "<text x=\"%d\" y=\"%d\" class=\"%s\">%s</text>\n", x, y, class, what
}

function draw_phases(    i, until) {
    for (i = 0; i < n_phases; i++) {
        until = i + 1 < n_phases ? begins[phases[i + 1]] : seconds
        printf "<rect x=\"%.0f\" width=\"%.0f\" height=\"%d\" class=\"%s\"/>\n", x_of(begins[phases[i]]),
            x_of(until - begins[phases[i]]), height, phases[i]
    }
}

function draw_lines(run,    s, area, line) {
    area = "M0 " height
    for (s = 0; s < seconds; s++) {
        area = area sprintf("V%.1fH%.0f", height - height * failed[run, s] / n[run, s], x_of(s + 1))
        line = line sprintf("%s%.0f,%.1f", s ? " " : "", x_of(s + 0.5), y_of_us(longest[run, s, 3]))
    }
    printf "<path d=\"%sV%dZ\" class=\"e\"/><polyline points=\"%s\" class=\"p\"/>\n", area, height, line
}

function draw_panel(run,    part, x, y) {
    split(run, part, "-")
    x = left + column[part[2]] * (width + gap)
    y = top + row[part[1]] * (height + gap_y)
    printf "<g transform=\"translate(%d %d)\">\n<use href=\"#back\"/>\n", x, y
    draw_lines(run)
    print "</g>"
}

END {
    whole_x = left + columns * (width + gap); whole_y = top + rows * (height + gap_y)
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n", whole_x, whole_y
    print "<style>.healthy,.recovered{fill:#f4f7f4}.slow{fill:#fdf3d0}.dead{fill:#f9dcdc}" \
        ".e{fill:#d22;fill-opacity:.75}.p{fill:none;stroke:#15c;stroke-width:1.5}" \
        ".h{font-weight:bold}.r{fill:#b11}.b{fill:#15c}.t{fill:#666}</style>"
    printf "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<defs><g id=\"back\">\n", whole_x, whole_y
    draw_phases()
    text(width + 3, 9, "r", "100 %")
    text(width + 3, height, "r", "0 %")
    text(-26, 9, "b", "10 s")
    text(-32, height / 4 + 4, "b", "1 s")
    text(-42, height / 2 + 4, "b", "100 ms")
    text(-36, height * 3 / 4 + 4, "b", "10 ms")
    print "</g></defs>"
    text(4, 14, "t", "One of three backends: well, slow (yellow), dead in one of four ways (red), well again; " seconds " s in all.")
    text(4, 28, "r", "Red: share of requests that failed.")
    text(220, 28, "b", "Blue: 99th percentile of their latency.")
    for (i = 0; i < columns; i++)
        text(left + i * (width + gap) + width / 2 - 20, top - 22, "h", failures[i])
    for (i = 0; i < rows; i++)
        text(left, top + i * (height + gap_y) - 5, "h", proxies[i])
    for (i = 0; i < n_runs; i++)
        draw_panel(runs[i])
    print "</svg>"
}
