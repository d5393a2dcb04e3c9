#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# package.sh deb|rpm BUILD FOLDER [VERSION]: packages from what "make dist" in BUILD puts together,
# into FOLDER. With a VERSION they, and the programs in them, are of that one: an upgrade is tried
# so. Where $PACKAGE_ROOT names a Debian system, Debian's packages are built inside of it.
set -euo pipefail
kind=$1
build=$(cd "$2" && pwd)
mkdir -p "$3"
folder=$(cd "$3" && pwd)
cd "$(dirname "$0")/.."
released=$(sed -n 's/^AC_INIT(\[weir\], \[\(.*\)\])$/\1/p' configure.ac)
version=${4:-$released}
work=$build/package-$kind${PACKAGE_ROOT:+-inside}
jobs=$(nproc 2>/dev/null || echo 2)

# quiet WHAT COMMAND...: its output stays in the working folder, and is shown where it fails.
quiet() {
    local what=$1
    shift
    if ! "$@" >"$work/log" 2>&1; then
        tail -n 60 "$work/log" >&2
        echo "package: $what failed" >&2
        return 1
    fi
}

# The released files in $work/weir, as of another version if that is asked for, and a tarball of
# them. The folder's name is the same for all versions: it stands in the compiler's arguments, and a
# cache of compilations has them already.
unpack() {
    rm -rf "$work"
    mkdir -p "$work"
    quiet "make dist" make -s -C "$build" dist
    tar -xf "$build/weir-$released.tar.xz" -C "$work"
    mv "$work/weir-$released" "$work/weir"
    if [ "$version" != "$released" ]; then
        sed -i "s/^AC_INIT(\[weir\], .*/AC_INIT([weir], [$version])/" "$work/weir/configure.ac"
    fi
    tar -cJf "$work/weir_$version.orig.tar.xz" -C "$work" --transform "s/^weir/weir-$version/" weir
}

# add_debian TREE: debhelper looks for debian/ at the top, which the released files don't have.
add_debian() {
    local log=packaging/debian/changelog
    cp -r packaging/debian "$1/debian"
    [ "$version" != "$released" ] || return 0
    printf 'weir (%s-1) unstable; urgency=medium\n\n  * Version %s.\n\n%s\n\n' \
        "$version" "$version" "$(grep -m 1 '^ -- ' $log)" | cat - $log >"$1/debian/changelog"
}

build_deb() {
    local at=$work
    add_debian "$work/weir"
    if [ -n "${PACKAGE_ROOT:-}" ]; then
        at=$PACKAGE_ROOT/package
        rm -rf "$at"
        cp -a "$work" "$at"
        quiet dpkg-buildpackage env -u CC chroot "$PACKAGE_ROOT" sh -c "cd /package/weir &&
            DEB_BUILD_OPTIONS='nocheck parallel=$jobs' dpkg-buildpackage -us -uc"
    else
        (cd "$work/weir" && DEB_BUILD_OPTIONS="nocheck parallel=$jobs" \
            quiet dpkg-buildpackage dpkg-buildpackage -us -uc)
    fi
    cp "$at"/weir*_"$version"* "$folder"
}

# An RPM that is built on Debian can't know that what it needs to be built is there.
build_rpm() {
    local nodeps=
    [ -e /etc/redhat-release ] || nodeps=--nodeps
    mkdir -p "$work/SOURCES"
    mv "$work/weir_$version.orig.tar.xz" "$work/SOURCES/weir-$version.tar.xz"
    sed "s/^\(Version: *\).*/\1$version/" packaging/rpm/weir.spec >"$work/weir.spec"
    quiet rpmbuild rpmbuild $nodeps -ba --define "_topdir $work" --define "_smp_mflags -j$jobs" "$work/weir.spec"
    cp "$work"/RPMS/*/*.rpm "$work"/SRPMS/*.rpm "$folder"
}

# debhelper gives builds a home of their own, where a cache would begin empty each time.
if command -v ccache >/dev/null; then
    export CC="${CC:-ccache gcc}" CCACHE_DIR="${CCACHE_DIR:-$(ccache -k cache_dir)}"
fi
unpack
"build_$kind"
