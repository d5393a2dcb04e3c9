# SPDX-License-Identifier: Apache-2.0
# One page of the site: HTML of cmark-gfm in, a whole page out. -v page: the source's path in the
# tree; -v nav: what site_nav.awk has made. Headings get the names that GitHub gives them, links to
# sources lead to their pages, and so does a configuration that is named as code. The whole page is
# kept until its end, since the navigation shows the page's own sections.

BEGIN {
    up = page
    gsub(/[^\/]+\//, "../", up)
    sub(/[^\/]*$/, "", up)
    while ((getline line < nav) > 0) {
        split(line, part, "\t")
        items++
        section[items] = part[1]
        path[items] = part[2]
        title[items] = part[3]
        if (part[2] == page)
            here = items
    }
}

function plain(html) {
    gsub(/<[^>]*>/, "", html)
    return html
}

# As GitHub: lower case, letters, digits, "-" and "_" stay, spaces become "-"; a name that was there
# gets a number.
function slug(html,    s) {
    s = tolower(plain(html))
    gsub(/&[a-z]+;/, "", s)
    gsub(/[^a-z0-9_ -]/, "", s)
    gsub(/ /, "-", s)
    return used[s]++ ? s "-" (used[s] - 1) : s
}

# What becomes of one address: only those of sources in the tree change.
function target(address) {
    if (address ~ /^[a-z]+:/)
        return address
    if (address ~ /\.md(#|$)/)
        sub(/\.md/, ".html", address)
    else if (address ~ /\.conf$/)
        address = address ".html"
    return address
}

function links(html,    done, address) {
    done = ""
    while (match(html, /(href|src)="[^"]*"/)) {
        address = substr(html, RSTART, RLENGTH)
        sub(/^[a-z]+="/, "", address)
        sub(/"$/, "", address)
        done = done substr(html, 1, RSTART - 1) (substr(html, RSTART, 1) == "h" ? "href" : "src") \
            "=\"" target(address) "\""
        html = substr(html, RSTART + RLENGTH)
    }
    return done html
}

# <code>conf/examples/tls.conf</code> outside a link.
function named(html,    done, file) {
    done = ""
    while (match(html, /<code>conf\/[a-z0-9_\/]+\.conf<\/code>/)) {
        file = substr(html, RSTART + 6, RLENGTH - 13)
        done = done substr(html, 1, RSTART - 1)
        if (done ~ /<a [^>]*>$/)
            done = done "<code>" file "</code>"
        else
            done = done "<a href=\"" up file ".html\"><code>" file "</code></a>"
        html = substr(html, RSTART + RLENGTH)
    }
    return done html
}

/<pre/ { verbatim = 1 }
/^<h[1-6]>/ {
    level = substr($0, 3, 1)
    id = slug(substr($0, 5, length($0) - 9))
    if (level == 1 && heading == "")
        heading = plain($0)
    if (level == 2) {
        parts++
        part_id[parts] = id
        part_text[parts] = plain($0)
    }
    sub(/>/, " id=\"" id "\">")
}
{ text[++lines] = verbatim ? $0 : named(links($0)) }
/<\/pre>/ { verbatim = 0 }

function item(i) {
    return "<a href=\"" up target(path[i]) "\"" (i == here ? " aria-current=\"page\"" : "") ">" title[i] "</a>"
}

function navigation(    i, k) {
    print "<nav aria-label=\"Manuals\">"
    print "<p class=\"home\"><a href=\"" up "docs/index.html\">Weir</a></p>"
    for (i = 1; i <= items; i++) {
        if (section[i] != section[i - 1])
            print (i > 1 ? "</ul>\n" : "") "<h2>" section[i] "</h2>\n<ul>"
        print "<li>" item(i)
        if (i == here && parts) {
            print "<ul>"
            for (k = 1; k <= parts; k++)
                print "<li><a href=\"#" part_id[k] "\">" part_text[k] "</a></li>"
            print "</ul>"
        }
        print "</li>"
    }
    print "</ul>\n</nav>"
}

END {
    print "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
    print "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    print "<title>" heading (heading == "Weir" ? "" : " - Weir") "</title>"
    print "<link rel=\"stylesheet\" href=\"" up "style.css\">\n</head>\n<body>"
    print "<a class=\"skip\" href=\"#main\">To the text</a>"
    navigation()
    print "<main id=\"main\">"
    for (i = 1; i <= lines; i++)
        print text[i]
    if (here) {
        print "<p class=\"turn\">"
        if (here > 1)
            print "<span>Before: " item(here - 1) "</span>"
        if (here < items)
            print "<span>Next: " item(here + 1) "</span>"
        print "</p>"
    }
    print "</main>\n</body>\n</html>"
}
