#!/bin/sh
# Bring promtool, which checks alert rules, from Debian's package `prometheus`, unless it is there. The package is only
# unpacked into build/: installed it would start a server. Needs no root, but lists of packages that are not stale.
set -eu
cd "$(dirname "$0")/.."
if command -v promtool >/dev/null 2>&1 || [ -x build/promtool ]; then exit 0; fi
echo "下载 promtool · fetching promtool from Debian's package prometheus"
draft=$(mktemp -d)
trap 'rm -rf "$draft"' EXIT
(cd "$draft" && apt-get download -q prometheus >log 2>&1 && dpkg-deb -x prometheus_*.deb .) || {
    cat "$draft/log" >&2
    echo "下载失败,请先运行 apt-get update · the download failed: run apt-get update first" >&2
    exit 1
}
mkdir -p build
mv "$draft/usr/bin/promtool" build/promtool
