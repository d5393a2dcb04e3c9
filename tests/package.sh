#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# package.sh BUILD [SUITE]: the packages, as an operator meets them. Debian's go into a fresh system of
# that suite (bookworm): installed, started with the configuration that they bring, reloaded,
# upgraded while requests come in, removed. The RPM's files are unpacked and started there as well.
# Packages of the suite's system come from Debian's mirror; Weir runs in a network of its own. Needs
# to be root, as whom "./dev package test" calls it. Prints "N passed, N failed".
#
# The first part builds and prepares; then it calls itself as "package.sh inside ...", with no
# network and a process namespace of its own, which ends whatever is left in it.
set -u
cd "$(dirname "$0")/.." || exit 1
here=$(pwd)
passed=0 failed=0

# check WHAT COMMAND...: the command has to succeed. need: nothing that follows makes sense without.
need() {
    local before=$failed
    check "$@"
    [ "$failed" = "$before" ] || finish
}
finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}
check() {
    local what=$1
    shift
    if "$@" >"$scratch/out" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "not ok: $what"
        tail -n 40 "$scratch/out"
    fi
}

# soon COMMAND...: within twenty seconds.
soon() {
    for _ in {1..200}; do
        "$@" >"$scratch/tried" 2>&1 && return 0
        sleep 0.1
    done
    cat "$scratch/tried"
    return 1
}

# says TEXT COMMAND...: among what the command prints there is this text.
says() {
    local text=$1
    shift
    "$@" >"$scratch/said" 2>&1
    grep -qF -- "$text" "$scratch/said" || { cat "$scratch/said"; return 1; }
}

# says_not TEXT COMMAND...
says_not() {
    ! says "$@" >/dev/null || { cat "$scratch/said"; return 1; }
}

# in_root COMMAND...: in the system that was made.
in_root() {
    chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive "$@"
}

# -- the first part: with a network -------------------------------------------------------------------

make_root() { # FOLDER PACKAGE,...
    mmdebstrap --quiet --variant=apt --include="$2" --aptopt='Apt::Install-Recommends "false"' "$suite" "$1"
}

# Build dependencies stand in debian/control.
make_build_root() {
    make_root "$scratch/build" build-essential &&
        cp -r packaging/debian "$scratch/build/debian" &&
        mkdir -p "$scratch/build/control" && mv "$scratch/build/debian" "$scratch/build/control/" &&
        chroot "$scratch/build" sh -c 'cd /control && apt-get -qq update && apt-get -qq -y --no-install-recommends build-dep ./'
}

build_packages() {
    tools/package.sh deb "$build" "$scratch/old" && tools/package.sh deb "$build" "$scratch/new" 0.1.99
}

lint() {
    (cd "$scratch/old" && lintian --allow-root --fail-on error weir_*.changes)
}

install_first() {
    mkdir -p "$root/packages" && cp "$scratch"/old/*.deb "$scratch"/new/*.deb "$root/packages/"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    # What Weir needs, without Weir: whatever is there afterwards and not before is Weir's.
    in_root apt-get -qq update &&
        in_root apt-get -qq -y --no-install-recommends -o Dpkg::Use-Pty=0 install "./packages/$first" &&
        in_root dpkg -P weir
}

outside() {
    scratch=$(mktemp -d) || exit 1
    trap 'rm -rf "$scratch"' EXIT
    root=$scratch/root
    if [ "$(id -u)" != 0 ]; then
        echo "a system of its own can be made by root only: nothing was tried"
        echo "0 passed, 0 failed"
        exit 0
    fi
    if [ "$suite" != "$(. /etc/os-release && echo "${VERSION_CODENAME:-}")" ]; then
        need "a system to build in" make_build_root
        export PACKAGE_ROOT=$scratch/build
    fi
    need "Debian packages are built, of two versions" build_packages
    check "lintian finds no error" lint
    # They need the libraries of the system on which they are built.
    [ -n "${PACKAGE_ROOT:-}" ] || need "RPMs are built" tools/package.sh rpm "$build" "$scratch/rpm"
    first=$(basename "$scratch"/old/weir_*.deb)
    need "a fresh system" make_root "$root" logrotate
    need "the package can be installed with what it needs" install_first
    unshare --net --mount --pid --fork --mount-proc --kill-child \
        "$here/tests/package.sh" inside "$scratch" "$passed" "$failed"
}

# -- the second part: in a network of its own ---------------------------------------------------------

# Everything in the system but what packages' own administration changes.
files_of_root() {
    (cd "$root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/log -prune -o -path ./var/cache -o -path ./packages \
        -o -path ./proc -o -path ./tmp -o -path ./var/lib/apt -o -path ./dev -o -path ./var/lib/systemd/deb-systemd-helper-enabled \) -prune -o -print | sort)
    (cd "$root" && find ./var/log/weir 2>/dev/null)
}

# What systemd does before it starts the service, as the unit says.
start_weir() {
    local unit=$root/$1 line
    line=$(sed -n 's/^ExecStart=//p' "$unit")
    [ -n "$line" ] || return 1
    grep -q '^User=weir$' "$unit" && grep -q '^AmbientCapabilities=CAP_NET_BIND_SERVICE$' "$unit" || return 1
    in_root install -d -o weir -g weir /run/weir && in_root install -d -o weir -g weir -m 750 /var/lib/weir
    # shellcheck disable=SC2086 # a line of words
    in_root setpriv --reuid=weir --regid=weir --init-groups --no-new-privs \
        --bounding-set=-all,+net_bind_service --inh-caps=-all,+net_bind_service \
        --ambient-caps=-all,+net_bind_service $line >"$scratch/log" 2>&1 &
}

# The page is there, and $weir is the master process.
begins() {
    weir=$(pgrep -f 'weir: master') && serves
}

get() { # PATH
    curl -s -S -m 10 "http://127.0.0.1$1"
}

# Every process of it is the user weir and has one capability at most: CAP_NET_BIND_SERVICE (0x400).
is_unprivileged() {
    local pid n=0 uid
    uid=$(in_root id -u weir)
    for pid in $(pgrep -u "$uid"); do
        grep -qE '^CapEff:.*0000000400$' "/proc/$pid/status" && grep -qE '^CapBnd:.*0000000400$' "/proc/$pid/status" || {
            cat "/proc/$pid/status"
            return 1
        }
        n=$((n + 1))
    done
    [ "$n" -ge 3 ]
}

serves() {
    says "Weir works" get /
}

greets() {
    get /hello | grep -qx hello
}

conf() {
    echo "$root/etc/weir/weir.conf"
}

break_conf() {
    cp "$(conf)" "$scratch/good.conf"
    sed -i 's/workers = "auto"/wrokers = 3/' "$(conf)"
}

# An operator adds a route.
edit_conf() {
    cp "$scratch/good.conf" "$(conf)"
    sed -i 's|^routes = (|routes = ( { name = "hello"; match = { path = "/hello"; }; respond = { body = "hello\\n"; }; },|' "$(conf)"
}

is_edited() {
    grep -q 'name = "hello"' "$(conf)"
}

mode_of() { # FILE MODE:USER:GROUP
    says "$2" in_root stat -c '%a:%U:%G' "$1"
}

rotate() {
    in_root logrotate -f -s /tmp/status /etc/logrotate.d/weir &&
        get / >/dev/null &&
        soon says welcome in_root cat /var/log/weir/access.log &&
        mode_of /var/log/weir/access.log 640:weir:adm
}

# Requests without a pause, each on a connection of its own, until the file is gone.
load() { # NAME
    while [ -e "$scratch/load" ]; do
        curl -s -m 10 -o /dev/null -w '%{http_code} %{errormsg}\n' http://127.0.0.1/ >>"$scratch/codes.$1"
    done
}

binary_of() { # PID
    readlink "/proc/$1/exe"
}

has_ended() {
    ! kill -0 "$1" 2>/dev/null || grep -q '^State:.Z' "/proc/$1/status"
}

# The master that is left is another one.
took_over() {
    next=$(pgrep -f 'weir: master' | grep -vx "$weir" | head -n 1)
    [ -n "$next" ] && has_ended "$weir"
}

all_answered() {
    sort "$scratch"/codes.* | uniq -c
    [ "$(cat "$scratch"/codes.* | wc -l)" -ge 20 ] && ! grep -qv '^200 *$' "$scratch"/codes.*
}

stop_weir() { # PID
    kill -QUIT "$1" && soon has_ended "$1"
}

nothing_left() {
    files_of_root >"$scratch/after"
    diff "$scratch/before" "$scratch/after"
}

try_debian() {
    local one two unit
    unit=$(in_root dpkg-deb -c "/packages/$(basename "$scratch"/old/weir_*.deb)" | grep -o '[^ ]*/weir.service$')
    one=$(basename "$scratch"/old/weir_*.deb) two=$(basename "$scratch"/new/weir_*.deb)
    files_of_root >"$scratch/before"
    need "it is installed" in_root dpkg -i "/packages/$one"
    check "its folder of keys is the group's" mode_of /etc/weir/tls 750:root:weir
    check "its folder of logs is for adm" mode_of /var/log/weir 2750:weir:adm
    check "it brings a shell's completion" says "complete -F" in_root cat /usr/share/bash-completion/completions/weirctl
    check "its configuration is right" in_root weir -t
    start_weir "$unit"
    need "it starts with that" soon begins
    check "nothing of it has more rights than it needs" is_unprivileged
    check "weirctl reloads" says "Generation 2 serves" in_root weirctl reload
    break_conf
    check "a wrong configuration is refused" says "wrokers" in_root weirctl reload
    check "... and by the unit's first ExecReload" says "can't be used" in_root weir -t -c /etc/weir/weir.conf
    check "... and it goes on" serves
    edit_conf
    check "what was mended is right, also while it runs" in_root setpriv --reuid=weir --regid=weir \
        --init-groups --inh-caps=+net_bind_service --ambient-caps=+net_bind_service weir -t
    kill -HUP "$weir"
    check "a signal reloads what the operator has written" soon greets
    check "logs are rotated" rotate
    check "metrics are on the admin socket" says 'weir_route_requests_total{route="welcome"}' \
        curl -s -S -m 10 --unix-socket "$root/run/weir/admin.sock" http://admin/metrics

    touch "$scratch/load"
    load a &
    loads=$!
    load b &
    loads="$loads $!"
    check "a newer package is installed while it runs" in_root dpkg -i "/packages/$two"
    check "the operator's configuration is kept" is_edited
    check "the old binary goes on" says "(deleted)" binary_of "$weir"
    kill -USR2 "$weir"
    check "the new one takes over when it is told to" soon took_over
    check "... it is the new one" says_not "(deleted)" binary_of "$next"
    sleep 1
    rm "$scratch/load"
    # shellcheck disable=SC2086 # two of them
    wait $loads
    check "no request was lost" all_answered
    check "it serves what the operator has written" greets
    check "weirctl is the new one's" says "0.1.99" in_root weirctl --version
    check "it can do so again" says "The new binary serves" in_root weirctl upgrade
    weir=$next
    check "the last one has ended" soon took_over

    check "it stops" stop_weir "$next"
    check "it is removed" in_root dpkg -r weir
    check "the operator's configuration stays" is_edited
    check "it is purged" in_root dpkg -P weir
    check "nothing is left" nothing_left
}

# -- the RPM -------------------------------------------------------------------------------------------

# Owners and modes, which cpio has not kept.
unpack_rpm() {
    local rpm file mode user group
    rpm=$(ls "$scratch"/rpm/weir-0*."$(uname -m)".rpm) || return 1
    (cd "$root" && rpm2cpio "$rpm" | cpio -idm --quiet) || return 1
    in_root systemd-sysusers >/dev/null 2>&1
    rpm -qp --qf '[%{FILENAMES} %{FILEMODES:octal} %{FILEUSERNAME} %{FILEGROUPNAME}\n]' "$rpm" >"$scratch/files" || return 1
    while read -r file mode user group; do
        [ "$user:$group" = root:root ] || in_root chown "$user:$group" "$file" || return 1
        [ -L "$root$file" ] || in_root chmod "${mode: -4}" "$file" || return 1
    done <"$scratch/files"
}

scriptlets_restart_nothing() {
    rpm -qp --scripts "$scratch"/rpm/weir-0*."$(uname -m)".rpm >"$scratch/said" || return 1
    grep -q preset "$scratch/said" && ! grep -qE 'restart|systemctl (start|reload)' "$scratch/said"
}

try_rpm() {
    need "the RPM is unpacked" unpack_rpm
    check "its configuration is the operator's" says /etc/weir/weir.conf rpm -qpc "$scratch"/rpm/weir-0*."$(uname -m)".rpm
    check "what it does when it is installed restarts nothing" scriptlets_restart_nothing
    check "it has the headers of modules" says /usr/include/weir/module.h rpm -qpl "$scratch"/rpm/weir-devel-*.rpm
    start_weir usr/lib/systemd/system/weir.service
    check "symbols for debuggers are in a package of their own" says /usr/sbin/weir- \
        rpm -qpl "$scratch"/rpm/weir-debuginfo-*.rpm
    need "it starts as well" soon begins
    check "nothing of the RPM's has more rights" is_unprivileged
    check "weirctl of the RPM reloads" says "Generation 2 serves" in_root weirctl reload
    check "it stops too" stop_weir "$weir"
}

inside() {
    trap 'rm -f "$scratch/load"' EXIT
    root=$scratch/root
    ip link set lo up
    mount -t proc proc "$root/proc"
    try_debian
    [ ! -d "$scratch/rpm" ] || try_rpm
    umount "$root/proc"
    finish
}

if [ "$1" = inside ]; then
    scratch=$2 passed=$3 failed=$4
    inside
else
    build=$1 suite=${2:-bookworm}
    outside
fi
