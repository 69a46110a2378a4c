#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root of the digits image: puts right what unpacking without installation leaves open, and takes
# out what no training job loads. Debian's PyTorch brings compilers, headers and a whole video stack.
# Usage: prune.sh ROOT (changed in place)
set -euo pipefail
cd "$1"
lib=usr/lib/x86_64-linux-gnu

# What the packages' installation scripts would have set up.
for name in libblas.so.3 liblapack.so.3 libopenblas.so.0; do
    ln -sf "openblas-pthread/$name" "$lib/$name"
done
[ -e bin/sh ] || ln -s bash bin/sh
cat >etc/passwd <<'END'
root:x:0:0:root:/root:/bin/bash
worker:x:1000:1000:worker:/tmp:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
cat >etc/group <<'END'
root:x:0:
worker:x:1000:
nogroup:x:65534:
END
echo 'hosts: files dns' >etc/nsswitch.conf
rm -f usr/bin/torchrun
cat >usr/bin/torchrun <<'END'
#!/usr/bin/python3
"""Starts a distributed PyTorch job: the same as python3 -m torch.distributed.run."""
from torch.distributed.run import main

main()
END
chmod 755 usr/bin/torchrun

# Files that are never read. Licences (share/doc/*/copyright) stay.
python=usr/lib/python3/dist-packages
rm -rf usr/include usr/lib/{gcc,llvm-*,libtorch-test,cmake,systemd,udev,R} usr/games usr/local/* boot media opt srv \
    usr/share/{man,info,locale,icons,fonts,mime,iso-codes,xml,perl,perl5,gdal,proj,X11,glvnd,drirc.d,bash-completion} \
    usr/share/{lintian,bug,zoneinfo,libdrm,libthai,alsa,qt5,misc,i18n,tabset,mysql,opencv4,javascript,sphinx_rtd_theme} \
    usr/share/{applications,pixmaps,zsh,gcc,gdb,mfx,vdpau,libwacom,hwdata,initramfs-tools,apport,metainfo} \
    "$python"/{pythran,torch/bin/test_*,torch/include,torch/test,caffe2,omp} var/{cache,log,lib/apt,lib/dpkg/info} \
    etc/{X11,fonts,mysql,OpenCL,perl,ld.so.cache,init.d,rc*.d,cron*}
find usr/share/doc -type f ! -name copyright -delete
find "$python"/{scipy,sklearn,sympy,numpy,torch,mpmath} -type d \( -name tests -o -name testing_data \) -prune -exec rm -rf {} +
find bin usr/bin usr/sbin sbin -regextype egrep \
    -regex '.*/(x86_64-linux-gnu-.*|gcc.*|g\+\+.*|c\+\+.*|cpp.*|perl.*|lto-dump.*|c89.*|c99.*|ld|ld[.](bfd|gold)|gold|as|dpkg.*|update-.*|gdk.*|pythran.*)' -delete
find "$lib" -mindepth 1 -maxdepth 1 -type d ! -name openblas-pthread ! -name gconv -exec rm -rf {} +
find "$lib/gconv" -type f ! -name 'gconv-modules*' ! -name 'UTF*' ! -name 'UNICODE*' ! -name 'ISO8859-1.so' -delete
find . -xdev -name '*.a' -delete

# Libraries: those stay that Python, its modules, PyTorch and the programs need, all the way down.
roots="$(mktemp)"
kept="$(mktemp)"
trap 'rm -f "$roots" "$kept"' EXIT
{
    find usr/lib/python3 usr/lib/python3.11 -name '*.so*' -type f
    find bin sbin usr/bin usr/sbin -type f
    find "$lib" lib/x86_64-linux-gnu -maxdepth 1 -type f -regextype egrep \
        -regex '.*/(ld-linux|lib(c|m|dl|rt|util|resolv|anl|pthread|gcc_s|nss_.*|torch|torch_(cpu|global_deps|python)|shm|c10))[-.].*so.*'
} >"$roots"
ldconfig -r .
{
    { xargs chroot . ldd <"$roots" 2>/dev/null || true; } | awk '/=> \// { print $3 }' | sort -u | while read -r file; do
        echo ".$file"
        realpath --no-symlinks --relative-to=. ".$(chroot . readlink -f "$file")" | sed 's|^|./|'
    done
    sed 's|^|./|' "$roots"
} | sort -u >"$kept"
find "./$lib" -maxdepth 1 -name '*.so*' | sort | comm -23 - "$kept" | xargs --no-run-if-empty rm -f
find . -xdev -xtype l \( -path "./$lib/*" -o -path './usr/bin/*' -o -path './bin/*' \) -delete
ldconfig -r .

# Compiled once here, because a job's root is read-only. By content, so that time stamps do not matter.
chroot . python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash /usr/lib/python3 /usr/lib/python3.11 || true

mkdir -p data work mnt var/log tmp proc sys dev
chmod 1777 tmp
