#!/usr/bin/env bash
# Installs, on Debian 12 as root, what goalgap's tests need beside Go: a C compiler, Jupyter, a browser, PyTorch, and an
# emulator of arm64 for the kernels that this processor cannot run.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
packages="gcc libc6-dev git ca-certificates jupyter-notebook jupyter-nbconvert jupyter-client python3-jupyter-kernel-test
  chromium chromium-driver python3-selenium python3-torch python3-protobuf qemu-user-static"
missing=""
for p in $packages; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  # shellcheck disable=SC2086 # a list of words
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq $missing >/dev/null
fi
export PATH="$PATH:/usr/local/go/bin"
command -v go >/dev/null || { echo "Go is missing: install Go 1.26 or later from https://go.dev/dl"; exit 1; }
go version
gcc --version | head -1
jupyter --version | head -20
chromium --version 2>/dev/null || true
