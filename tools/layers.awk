# SPDX-License-Identifier: Apache-2.0
# Holds the includes of gateway/ to the layers. A file may include its own folder and folders with
# a lower number; the exceptions stand in BEGIN. Nor may includes run in a circle. Prints a line for
# each offence and exits 1 when there was one.
#
# usage: awk -f tools/layers.awk FILE...      with paths that begin with "gateway/"
BEGIN {
    split("base 0 io 1 http 2 config 2 core 3 edge 4 upstream 4 control 5 dashboard 6 redis 6 fleet 7 process 8 weirctl 9", t, " ")
    for (i = 1; i in t; i += 2)
        layer[t[i]] = t[i + 1]
    top = 9 # main.c, beside the folders

    # Codecs and configuration are text in, values out. What the configuration says about targets and
    # forwarding are values that http defines, so it sees them; http doesn't see it.
    hidden["http", "io"]
    beside["config", "http"]
    # Of io it only knows the values that TLS contexts are made from, and digests of secrets.
    only["config", "io"] = " tls_conf.h secret.h "
    # The core knows time, the loop's queues and shared memory, but no socket and no byte pipe.
    only["core", "io"] = " loop.h timer.h offload.h shm.h tls.h proxy_header.h "

    # Libraries that only some folders may see; "*" stands for all headers below.
    library("ev.h", "io"); library("libconfig.h", "config"); library("pcre2.h", "config core")
    library("jansson.h", "control fleet process weirctl"); library("hiredis/*", "redis"); library("curl/*", "weirctl")
    library("ares.h", "control"); library("openssl/*", "io"); library("nghttp2/*", "http edge upstream")
    library("sys/socket.h", "base io edge upstream control process weirctl")
    library("netinet/*", "base io edge upstream control process weirctl")
    library("arpa/*", "base io edge upstream control process weirctl")
    library("sys/un.h", "base io edge upstream control process weirctl")
    library("netdb.h", "base io control")
    library("sys/epoll.h", "io")
    # The standard output of a service is a stream socket, and writing to it must not block.
    excused["core/log/access_log_sink.c", "sys/socket.h"]
    excused["http/websocket.c", "openssl/evp.h"] # one SHA-1, as RFC 6455 wants it
}

function library(header, folders) {
    may[header] = " " folders " "
}

function offend(text) {
    printf "%s:%d: %s\n", FILENAME, FNR, text
    offences++
}

FNR == 1 {
    path = FILENAME
    sub(/^.*gateway\//, "", path)
    folder = path
    if (!sub(/\/.*/, "", folder)) folder = ""
    if (folder == "include") folder = ""
    if (folder != "" && !(folder in layer)) offend("the folder " folder " has no layer")
}

/^#[ \t]*include[ \t]*"/ {
    name = $0
    sub(/^[^"]*"/, "", name)
    sub(/".*/, "", name)
    target = name
    if (!sub(/\/.*/, "", target)) {
        if (name != "config.h") offend("\"" name "\" without its folder")
        next
    }
    if (target == "weir") next
    if (!(target in layer)) {
        offend("\"" name "\" lies in no folder of the gateway")
        next
    }
    edges[path] = edges[path] " " name
    if (folder == "" || target == folder) next
    file = name
    sub(/^[^\/]*\//, "", file)
    if (layer[target] >= layer[folder] && !((folder, target) in beside))
        offend(folder " (layer " layer[folder] ") includes " name " (layer " layer[target] ")")
    else if ((folder, target) in hidden)
        offend(folder " does not see " target ": " name)
    else if ((folder, target) in only && !index(only[folder, target], " " file " "))
        offend(folder " sees only" only[folder, target] "of " target ", not " file)
}

/^#[ \t]*include[ \t]*</ {
    name = $0
    sub(/^[^<]*</, "", name)
    sub(/>.*/, "", name)
    group = name
    sub(/\/.*/, "/*", group)
    folders = name in may ? may[name] : group in may ? may[group] : ""
    if ((path, name) in excused) next
    if (folders != "" && folder != "" && !index(folders, " " folder " "))
        offend(folder " does not see <" name ">")
}

# Depth first; grey is on the way, black is done.
function visit(node, trail,   n, next_ones, i) {
    colour[node] = "grey"
    n = split(edges[node], next_ones, " ")
    for (i = 1; i <= n; i++) {
        if (colour[next_ones[i]] == "grey") {
            print "includes run in a circle:" trail " " node " " next_ones[i]
            offences++
        } else if (colour[next_ones[i]] == "") {
            visit(next_ones[i], trail " " node)
        }
    }
    colour[node] = "black"
}

END {
    for (node in edges)
        if (colour[node] == "") visit(node, "")
    exit offences > 0
}
