#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The manuals as a site of plain files, to be read without a server or network: tools/site.sh OUT,
# from the root of the tree. OUT has the tree's own layout (docs/tls.md is OUT/docs/tls.html), so
# that links are right as they stand; OUT/index.html leads to docs/index.html, whose lists are the
# navigation. A link, or a file named as code below conf/, that leads nowhere fails.
set -eu
out=${1:?usage: tools/site.sh OUT}
tools=$(cd "$(dirname "$0")" && pwd)
command -v cmark-gfm >/dev/null || {
    echo "site.sh: cmark-gfm is missing (Debian's package of that name)" >&2
    exit 1
}
rm -rf "$out"
mkdir -p "$out/docs"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# page SOURCE MARKDOWN: the page of SOURCE, whose text is in the file MARKDOWN.
page() {
    mkdir -p "$out/$(dirname "$1")"
    cmark-gfm -e table -e autolink "$2" |
        awk -v page="$1" -v nav="$work/nav" -f "$tools/site.awk" >"$out/${1%.md}.html"
}

# Where each item of the navigation leads, from the root: "section<TAB>path<TAB>title".
awk -v folder=docs -f "$tools/site_nav.awk" docs/index.md >"$work/nav"

for file in docs/*.md *.md; do
    page "$file" "$file"
done
for file in conf/*.conf conf/examples/*.conf; do
    { printf '# %s\n\n````libconfig\n' "$file" && cat "$file" && printf '````\n'; } >"$work/conf.md"
    page "$file" "$work/conf.md"
done
find docs -maxdepth 1 \( -name "*.svg" -o -name "*.json" \) -exec cp {} "$out/docs/" \;
cp LICENSE "$out/"
cp "$tools/site.css" "$out/style.css"
printf '%s\n' '<!DOCTYPE html>' '<html lang="en">' '<meta charset="utf-8">' '<title>Weir</title>' \
    '<meta http-equiv="refresh" content="0; url=docs/index.html">' \
    '<p><a href="docs/index.html">The manuals of Weir</a></p>' '</html>' >"$out/index.html"

(cd "$out" && find . -type f | sed 's|^\./||' | sort) >"$work/files"
# shellcheck disable=SC2046 # no name has white space
(cd "$out" && awk -v files="$work/files" -f "$tools/site_links.awk" $(grep '\.html$' "$work/files"))
