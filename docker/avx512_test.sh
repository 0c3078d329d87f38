#!/usr/bin/env bash
# Runs the tests of lib/nn's AVX-512 kernels on a processor that has no AVX-512: in a small Linux on an emulated one
# (Bochs, as Skylake-X). On Debian 12, as root; it installs the emulator, and fetches a kernel that it does not install.
# Takes 3 minutes.
#
#   docker/avx512_test.sh [pattern]     the tests whose names match; without it those of the kernels
set -euo pipefail
cd "$(dirname "$0")/.."
pattern=${1:-'^Test(GEMM|LargeGEMM|GEMMFrom|GEMMRows.*|SumOfProducts|RectifierAndPooling|Dots|Transpose|SparseRows|Compact|Tanh|Elementwise.*|AdamKernel)$/AVX-512'}
case $pattern in *[[:space:]]*) echo "a pattern without spaces is wanted" >&2; exit 2 ;; esac

export DEBIAN_FRONTEND=noninteractive
packages="bochs bochsbios vgabios bochs-term busybox-static isolinux syslinux-common xorriso cpio"
# shellcheck disable=SC2086 # a list of words
if ! dpkg-query -W $packages >/dev/null 2>&1; then
  apt-get -o DPkg::Lock::Timeout=600 update -qq
  apt-get -o DPkg::Lock::Timeout=600 install -y -qq --no-install-recommends $packages >/dev/null
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as another user
mkdir -p "$work"/{deb,iso/isolinux,root/bin,root/proc,root/dev,root/tmp}
image=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ {print $2; exit}')
(cd "$work/deb" && apt-get download -qq "$image" && dpkg-deb -x ./*.deb .)
cp "$work"/deb/boot/vmlinuz-* "$work/iso/isolinux/vmlinuz"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$work/iso/isolinux/"
cp /bin/busybox "$work/root/bin/"
CGO_ENABLED=0 go test -c -o "$work/root/bin/test" ./lib/nn

cat >"$work/root/init" <<E1
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox grep -q avx512f /proc/cpuinfo || echo "no AVX-512"
/bin/test -test.v -test.short -test.run '$pattern'
echo "exit status \$?"
/bin/busybox poweroff -f
E1
chmod +x "$work/root/init"
(cd "$work/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >"$work/iso/isolinux/initrd"
# Bochs gives the size that the registers take where they are saved compactly even to a kernel that asks for the other.
cat >"$work/iso/isolinux/isolinux.cfg" <<E2
DEFAULT linux
TIMEOUT 1
LABEL linux
  KERNEL vmlinuz
  APPEND initrd=initrd console=ttyS0,115200 quiet clearcpuid=xsaves,xsavec mitigations=off tsc=reliable
E2
xorriso -as mkisofs -quiet -o "$work/linux.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot \
  -boot-load-size 4 -boot-info-table "$work/iso" 2>/dev/null
cat >"$work/bochsrc" <<E3
cpu: model=corei7_skylake_x, count=1, ips=100000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path=$work/linux.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$work/serial
plugin_ctrl: speaker=0, parallel=0, iodebug=0, gameport=0
speaker: enabled=0
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
display_library: term
clock: sync=none
log: $work/log
panic: action=fatal
E3
echo c >"$work/rc" # Debian's Bochs has its debugger built in, which waits to be told to go on
# It draws on a terminal, which script stands in for.
TERM=xterm timeout 20m script -qc "stty rows 30 cols 100; bochs -q -f '$work/bochsrc' -rc '$work/rc'" /dev/null \
  </dev/null >"$work/screen" 2>&1 || true
tr -d '\r' <"$work/serial" | grep -E '^ *(---|===|PASS|FAIL|no AVX-512|exit status|kernels)|_test\.go:|panic' || true
if ! tr -d '\r' <"$work/serial" | grep -qx 'exit status 0' || grep -q 'no AVX-512' "$work/serial" ||
  ! grep -q -- '--- PASS: .*/AVX-512' "$work/serial"; then
  echo "the tests did not pass under AVX-512; the end of what the machine printed:" >&2
  tail -20 "$work/serial" >&2
  exit 1
fi
