# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2046,SC2086
# The system packages that each verb of ./dev needs: the one place where they stand. Sourced by
# ./dev, with bash. What is there already is neither installed nor asked for, so that a user without
# rights can work on a machine that has everything.
#
# verb  Debian package  Fedora package
packages_table() {
    cat <<'TABLE'
build    gcc                   gcc
build    libc6-dev             glibc-devel
build    make                  make
build    autoconf              autoconf
build    automake              automake
build    pkg-config            pkgconf-pkg-config
build    libev-dev             libev-devel
build    libconfig-dev         libconfig-devel
build    libc-ares-dev         c-ares-devel
build    libpcre2-dev          pcre2-devel
build    libssl-dev            openssl-devel
build    libnghttp2-dev        libnghttp2-devel
build    libjansson-dev        jansson-devel
build    libcrypt-dev          libxcrypt-devel
build    libhiredis-dev        hiredis-devel
build    libcurl4-openssl-dev  libcurl-devel
demo     curl                  curl
demo     openssl               openssl
demo     redis-server          redis
test     libcriterion-dev      libcriterion-devel
test     curl                  curl
test     chromium              chromium
test     chromium-driver       chromedriver
test     cmark-gfm             -
test     procps                procps-ng
test     scdoc                 scdoc
test     openssl               openssl
test     nghttp2-client        nghttp2
test     redis-server          redis
test     redis-sentinel        redis
test     prometheus            golang-github-prometheus
test     python3               python3
test     python3-grpcio        python3-grpcio
test     python3-h2            python3-h2
test     python3-prometheus-client  python3-prometheus_client
test     python3-websockets    python3-websockets
sanitize -                     libasan
sanitize -                     libubsan
fuzz     clang                 clang
fuzz     libclang-rt-dev       compiler-rt
fuzz     llvm                  llvm
bench    nginx                 nginx
bench    haproxy               haproxy
bench    h2o                   -
bench    nghttp2-proxy         nghttp2
bench    nghttp2-client        nghttp2
bench    openssl               openssl
bench    strace                strace
bench    procps                procps-ng
bench    redis-server          redis
tidy     clang-format          clang-tools-extra
tidy     clang-tidy            clang-tools-extra
format   clang-format          clang-tools-extra
package  ccache                ccache
package  cpio                  cpio
package  curl                  curl
package  debhelper             -
package  dh-apparmor           -
package  dpkg-dev              -
package  elfutils              elfutils
package  iproute2              iproute
package  lintian               -
package  mmdebstrap            -
package  rpm                   rpm-build
package  util-linux            util-linux
package  xz-utils              xz
docs     graphviz              graphviz
docs     cmark-gfm             -
docs     scdoc                 scdoc
TABLE
}

# packages_of COLUMN VERB...: the names for these verbs, each once.
packages_of() {
    packages_table | awk -v column="$1" -v verbs=" ${*:2} " '
        index(verbs, " " $1 " ") && $column != "-" && !seen[$column]++ { print $column }'
}

packages_missing_debian() {
    local wanted
    wanted=$(packages_of 2 "$@" | tr '\n' ' ')
    { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null || true; } | awk -v wanted="$wanted" '
        $1 ~ /^.i/ { have[$2] = 1 }
        END { n = split(wanted, w, " "); for (i = 1; i <= n; i++) if (!have[w[i]]) print w[i] }'
}

packages_missing_fedora() {
    local one
    for one in $(packages_of 3 "$@"); do
        rpm -q --quiet --whatprovides "$one" || echo "$one"
    done
}

# as_root COMMAND...: directly, or with sudo. sudo may ask for a password only where somebody can
# answer.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

can_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null || return 1
    [ -t 0 ] || sudo -n true 2>/dev/null
}

# Debian starts the services of nginx and haproxy when it installs them; what a benchmark needs is
# their programs alone. A policy of the machine's own, if there is one, stays; ours goes again even
# when the installation is interrupted, or no service would ever start here.
without_services() (
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap 'as_root rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
        as_root chmod 755 $policy
    fi
    "$@"
)

# One source of packages that can't be reached, of several, need not matter; if it does, installing
# fails and says so.
install_debian() {
    as_root apt-get -qq -o DPkg::Lock::Timeout=300 update || true
    without_services as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 --no-install-recommends install "$@"
}

install_fedora() {
    as_root dnf -q -y --setopt=install_weak_deps=False install "$@"
}

# packages_ensure VERB...: installs what these verbs need and the machine lacks. What the installer
# says goes to $log, a file of the caller's.
packages_ensure() {
    local system missing
    if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
        system=debian
    elif command -v dnf >/dev/null; then
        system=fedora
    else
        echo "dev: neither apt nor dnf here; needed are (names as in Debian):" $(packages_of 2 "$@") >&2
        return 0
    fi
    missing=$(packages_missing_$system "$@")
    [ -n "$missing" ] || return 0
    if ! can_be_root; then
        echo "dev: these packages are missing, and neither root nor sudo is at hand:" $missing >&2
        return 1
    fi
    echo "dev: installing" $missing
    if ! install_$system $missing >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "dev: installing failed:" $missing >&2
        return 1
    fi
}
