#!/usr/bin/env bash
# Builds JupyterLab into a folder (default /opt/goalgap-lab) from its npm packages, on Debian 12 as root: Debian has its
# server, but not its front end.
#
#   bash docker/install-jupyterlab.sh [FOLDER]
#   /usr/bin/python3 FOLDER/lab.py --ServerApp.root_dir=notebooks
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-/opt/goalgap-lab}
export DEBIAN_FRONTEND=noninteractive
packages="python3-jupyterlab-server python3-jupyter-server"
command -v node >/dev/null || packages="$packages nodejs"
command -v npm >/dev/null || packages="$packages npm"
missing=""
for p in $packages; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  # shellcheck disable=SC2086 # a list of words
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends $missing >/dev/null
fi
[ -f "$target/build/main.js" ] && cmp -s "$here/jupyterlab/package.json" "$target/package.json" && exit 0
mkdir -p "$target"
cp -r "$here/jupyterlab/." "$target"
cd "$target"
npm install --legacy-peer-deps --no-audit --no-fund --loglevel=error
npx webpack --stats=errors-only
mkdir -p build/settings
cp overrides.json build/settings/
rm -rf node_modules # what is needed is in build/
echo "JupyterLab is in $target"
