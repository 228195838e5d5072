#!/bin/sh
# Install Debian's Chromium and fonts for Chinese, unless they are there. Needs root or sudo.
set -eu
command -v chromium >/dev/null 2>&1 && fc-list 2>/dev/null | grep -qi 'noto.*cjk' && exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "需要 Chromium 和 Noto CJK 字体:请用系统的包管理器安装 · install Chromium and the Noto CJK fonts first" >&2
    exit 1
fi
sudo=''
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "安装浏览器需要 root 或 sudo · installing the browser needs root or sudo" >&2; exit 1; }
    sudo=sudo
fi
echo "安装浏览器 · installing Debian's Chromium and fonts"
log=$(mktemp)
if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium fonts-noto-cjk fontconfig; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
rm -f "$log"
