#!/usr/bin/env bash
# Builds docker/Dockerfile on Debian 12 as root, without a container daemon and without a registry: buildah runs its steps
# in a chroot; a fresh Debian and this machine's Go stand in for the base images. Then the kernel answers inside.
set -euo pipefail
cd "$(dirname "$0")/.."
export DEBIAN_FRONTEND=noninteractive
for p in buildah debootstrap; do
  command -v "$p" >/dev/null || apt-get -o DPkg::Lock::Timeout=600 install -y -qq "$p" >/dev/null
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase bookworm "$work/debian" >"$work/debootstrap.log"
# What this machine trusts, the image trusts: tests may run behind a proxy with a certificate of its own.
mkdir -p "$work/debian/usr/local/share/ca-certificates"
csplit -s -z -f "$work/debian/usr/local/share/ca-certificates/host" -b '%03d.crt' /etc/ssl/certs/ca-certificates.crt '/-BEGIN CERTIFICATE-/' '{*}'
image() { # NAME FOLDER TARGET: an image of a folder
  c=$(buildah from scratch)
  buildah add -q "$c" "$2" "$3" >/dev/null
  buildah commit -q "$c" "$1" >/dev/null
  buildah rm "$c" >/dev/null
}
image docker.io/library/debian:bookworm-slim "$work/debian" /
image docker.io/library/golang:1.26.8-bookworm "$(go env GOROOT)" /usr/local/go
git ls-files -z | tar --null -T - -c | (mkdir "$work/context" && tar -x -C "$work/context")
buildah bud --isolation chroot --pull-never -q --build-arg NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt -t goalgap-test -f docker/Dockerfile "$work/context"
c=$(buildah from --pull-never goalgap-test)
inside() { buildah run --isolation chroot "$c" -- "$@"; }
[ "$(inside id -un)" = researcher ]
[ "$(echo 'fmt.Println(6 * 7)' | inside go run ./kernel/goalgap console)" = 42 ]
# The command of the image, with a token that is known here.
inside env JUPYTER_TOKEN=known /usr/bin/python3 /opt/goalgap-lab/lab.py --ServerApp.ip=127.0.0.1 --ServerApp.port=18888 \
  --ServerApp.port_retries=0 --ServerApp.open_browser=False --ServerApp.root_dir=/home/researcher >"$work/lab.log" 2>&1 &
server=$!
stop() { pkill -TERM -P "$server" 2>/dev/null || true; }
trap 'stop; rm -rf "$work"' EXIT
for _ in $(seq 100); do
  curl -fsS -o /dev/null http://127.0.0.1:18888/api 2>/dev/null && break
  sleep 0.2
done
curl -fsS -H 'Authorization: token known' http://127.0.0.1:18888/api/kernelspecs | grep -q '"goalgap"'
curl -fsS -H 'Authorization: token known' http://127.0.0.1:18888/lab | grep -q jupyter-config-data
[ "$(curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1:18888/api/kernelspecs)" = 403 ]
kernel=$(curl -fsS -X POST -H 'Authorization: token known' -d '{"name": "goalgap"}' http://127.0.0.1:18888/api/kernels)
echo "$kernel" | grep -q '"goalgap"'
stop
buildah rm "$c" >/dev/null
echo "the image works"
