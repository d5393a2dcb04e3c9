# SPDX-License-Identifier: Apache-2.0
# Holds modules to their door. A file of modules/NAME/ includes <weir/module.h> and <weir/fleet.h> (not the
# parts of module.h, which may be cut differently one day), headers of its own folder as "NAME/file.h",
# those that modules share as "common/file.h", and headers of the system and of libraries: no other header
# of the gateway, of another module, nor libraries that are the gateway's own affair (its loop, its
# sessions, its configuration). Prints a line for each offence and exits 1 when there was one.
#
# usage: awk -f tools/modules.awk FILE...     with paths in which the module's folder stands
BEGIN {
    split("base io http config core edge upstream control fleet process weirctl", t, " ")
    for (i = 1; i in t; i++) gateway[t[i]] = 1
    split("ev.h libconfig.h ares.h nghttp2/nghttp2.h hiredis/hiredis.h", t, " ")
    for (i = 1; i in t; i++) withheld[t[i]] = 1
}

function offend(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    offences++
}

FNR == 1 {
    own = FILENAME
    sub(/\/[^\/]*$/, "", own)
    sub(/^.*\//, "", own)
}

/^[ \t]*#[ \t]*include/ {
    name = $0
    if (name !~ /include[ \t]*["<]/) {
        offend("an include that a macro names")
        next
    }
    quoted = name ~ /include[ \t]*"/
    sub(/^[^"<]*["<]/, "", name)
    sub(/[">].*/, "", name)
    folder = name
    if (!sub(/\/.*/, "", folder)) folder = ""
    if (name ~ /\.\./)
        offend(name " leaves its folder")
    else if (quoted && folder != own && folder != "common")
        offend("\"" name "\" is no header of the module: \"" own "/...\", \"common/...\" or <weir/module.h>")
    else if (!quoted && folder == "weir" && name != "weir/module.h" && name != "weir/fleet.h")
        offend("<" name "> is no header of modules: those are <weir/module.h> and <weir/fleet.h>")
    else if (!quoted && (folder in gateway))
        offend("<" name "> is the gateway's own")
    else if (!quoted && (name in withheld))
        offend("<" name "> is a library that only the gateway uses")
    next
}

# What could only be there to reach around the header.
/(^|[^a-z_])struct (exchange|worker|generation|route_conf)([^a-z_]|$)/ {
    offend("a struct of the gateway's own")
}

END { exit offences > 0 }
