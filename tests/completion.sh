#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What weirctl completion prints, in the shells that it is for: bash, and zsh and fish where they are
# installed. Runs in the build directory. Prints "N passed, N failed".
set -u
weirctl=$PWD/weirctl
passed=0 failed=0
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
mkdir sockets && touch sockets/admin.sock

# expect WHAT WANTED GOT
expect() {
    if [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'not ok: %s\n    wanted: %s\n    got:    %s\n' "$1" "$2" "$3"
    fi
}

# in_bash WORD...: what bash offers for the last word of such a line.
in_bash() {
    bash --norc -c '
        compopt() { :; } # which only works while a key is pressed
        . ./weirctl.bash
        function=$(complete -p weirctl) || exit
        function=${function#*-F } function=${function%% *}
        COMP_WORDS=(weirctl "$@") COMP_CWORD=$#
        $function weirctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        echo "${COMPREPLY[*]-}"' bash "$@" 2>&1
}

# in_zsh WORD...: likewise; what its own completion functions are told.
in_zsh() {
    zsh -f -c '
        compdef() { loaded=$2; }
        _describe() { compadd -- ${${(P)2}%%:*}; }
        compadd() { shift; print -l -- ${(M)@:#${words[CURRENT]}*}; }
        _files() { print files; }
        . ./weirctl.zsh
        words=($loaded "$@") CURRENT=$(($# + 1))
        _weirctl' zsh "$@" 2>&1 | sort | tr '\n' ' ' | sed 's/ $//'
}

# in_fish WORD...: likewise.
in_fish() {
    HOME=$scratch XDG_CONFIG_HOME=$scratch fish --no-config -c '
        source weirctl.fish
        complete -C "weirctl '"$*"'"' 2>&1 | cut -f 1 | sort -u | tr '\n' ' ' | sed 's/ $//'
}

# same SHELL: what is the same in all of them.
same() {
    local first='breaker canary clusters completion config dark diff drain endpoint events explain fault fleet help log logs mirror outlier overrides reload rollback routes status top upgrade workers'
    expect "$1: the first words" "$first" "$("in_$1" "")"
    expect "$1: the beginning of one" "dark diff drain" "$("in_$1" d)"
    expect "$1: the second word" "get set" "$("in_$1" canary "")"
    expect "$1: a command that is the beginning of others" "decisions forget" "$("in_$1" fleet "")"
    expect "$1: a name that is nobody's to know" "" "$("in_$1" canary get re)"
    expect "$1: words to choose from" "bash fish zsh" "$("in_$1" completion "")"
    expect "$1: help of a command" "stop-all" "$("in_$1" help fault st)"
    expect "$1: options of a command" "--fleet --for" "$("in_$1" dark grant --f)"
    expect "$1: those of another" "" "$("in_$1" dark list --f)"
    expect "$1: options before its words" "grant list revoke" "$("in_$1" --json -s /run/x.sock dark "")"
    expect "$1: the value of an option" "" "$("in_$1" dark grant --for "")"
    expect "$1: behind that" "--fleet" "$("in_$1" dark grant --for 2h --fl)"
}

for shell in bash zsh fish; do
    "$weirctl" completion $shell >weirctl.$shell
    expect "weirctl completion $shell" 0 $?
done
same bash
expect "bash: the path of a socket" "sockets/admin.sock" "$(in_bash -s sockets/)"
expect "bash: a value behind =" "--fleet" "$(in_bash dark grant --for = 2h --fl)"
expect "bash: with = alone" "" "$(in_bash dark grant --for =)"
expect "bash: a path behind =" "sockets" "$(in_bash --socket = so)"
for shell in zsh fish; do
    if command -v $shell >/dev/null; then
        same $shell
    fi
done
! command -v zsh >/dev/null || expect "zsh: the path of a socket" "files" "$(in_zsh -s so)"

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
