#!/bin/sh
# Install what PostgreSQL and Kafka need, from Debian's packages, unless it is there; then fetch Kafka by Maven, and run it
# once for quicker starts.
# Needs root or sudo only when a package is missing. No database cluster is made or started by the packages.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

newest_java() { java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1; }

packages=''
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null 2>&1 || packages="$packages postgresql"
command -v java >/dev/null 2>&1 && [ "$(newest_java)" -ge 17 ] 2>/dev/null || packages="$packages default-jre-headless"
command -v mvn >/dev/null 2>&1 || packages="$packages maven"

if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "缺少$packages:请用系统的包管理器安装 · install with your package manager first:$packages" >&2
        exit 1
    fi
    sudo=''
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null 2>&1 || { echo "安装$packages 需要 root 或 sudo · installing needs root or sudo:$packages" >&2; exit 1; }
        sudo=sudo
    fi
    echo "安装服务器 · installing Debian's packages:$packages"
    # The package postgresql would make a cluster `main` and start it: kept from that for as long as we install.
    own=/etc/postgresql-common/createcluster.d/bizenv.conf
    $sudo mkdir -p "${own%/*}"
    echo 'create_main_cluster = false' | $sudo tee "$own" >/dev/null
    trap '$sudo rm -f "$own"' EXIT
    log=$(mktemp)
    # shellcheck disable=SC2086 # a list
    if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        --no-install-recommends $packages; } >"$log" 2>&1; then
        cat "$log" >&2
        exit 1
    fi
    rm -f "$log"
    $sudo rm -f "$own"
fi
exec "${PYTHON:-python3}" "$here/kafka/server.py" fetch
