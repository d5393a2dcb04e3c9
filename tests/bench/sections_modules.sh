# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
# What modules cost a request: ten that are loaded and that its route doesn't use, and the same ten
# where it does; and what a trace costs. Sourced by run.sh.

# Ten modules with every hook, of one source. conf_weir() names them for instances called *-unused
# (on the other of two routes) and *-used; *-two has these two routes and no modules.
build_modules() {
    local i
    mkdir -p "$scratch/modules"
    for ((i = 0; i < 10; i++)); do
        cc -std=gnu17 -O2 -fPIC -shared -I"$here/../../gateway/include" \
            -DUNUSED_NAME="\"bench$i\"" -o "$scratch/modules/bench$i.so" "$here/unused.c"
    done
}

# modules_of: their settings, for a route.
modules_of() {
    local i
    for ((i = 0; i < 10; i++)); do
        printf 'bench%d = { depth = 2; }; ' "$i"
    done
}

section_modules() {
    local few=500 many=4500 one few_ir
    local -a all=(weir-two weir-unused weir-used)
    build_modules
    title "modules: of Weir's worker, per request; two routes without modules, with ten on the other route, and with the ten on one"
    if have strace; then
        for one in "${all[@]}"; do
            start "$one"
            count_calls "$one" $((requests / 4))
            stop "$one"
        done
        print_calls "${all[@]}"
    fi
    have valgrind || return 0
    for one in "${all[@]}"; do
        instructions $few "$one"
        few_ir=$ir
        instructions $many "$one"
        printf '%-12s %8d instructions\n' "$one" $(((ir - few_ir) / (many - few)))
    done
}

# tracing_of INSTANCE: the module's settings, for weir-RATIO-traced. Nobody listens to what is
# exported; the queue has room for all of it, so that workers don't save what it costs to put it there.
tracing_of() {
    local ratio=${1#weir-}
    echo "modules = { tracing = { collector = \"http://127.0.0.1:9/v1/traces\"; queue = 16384;"
    echo "  sampling = { ratio = \"${ratio%-traced}%\"; }; }; };"
}

section_tracing() {
    local few=500 many=4500 one few_ir
    have valgrind || return 0
    title "tracing: instructions of Weir's worker per request, without any module, and with tracing of no request, of one in a hundred, and of all"
    for one in weir-bare weir-0-traced weir-1-traced weir-100-traced; do
        instructions $few "$one"
        few_ir=$ir
        instructions $many "$one"
        printf '%-16s %8d instructions\n' "$one" $(((ir - few_ir) / (many - few)))
    done
}
