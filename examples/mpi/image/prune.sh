#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root of the MPI image: puts right what unpacking without installation leaves open, and takes out what
# no MPI job loads.
# Usage: prune.sh ROOT (changed in place)
set -euo pipefail
cd "$1"
lib=usr/lib/x86_64-linux-gnu

# What the packages' installation scripts would have set up.
ln -sf mpirun.openmpi usr/bin/mpirun
ln -sf mpiexec.openmpi usr/bin/mpiexec
[ -e bin/sh ] || ln -s dash bin/sh
echo 'worker:x:1000:1000:worker:/tmp:/bin/sh' >etc/passwd
echo 'worker:x:1000:' >etc/group
echo 'hosts: files dns' >etc/nsswitch.conf

# Network cards of no interest: their libraries would be chosen by the installation, and each start would complain.
rm -f "$lib"/openmpi/lib/openmpi3/mca_mtl_psm{,2}.so

rm -rf usr/share/{man,info,locale,perl,perl5,lintian,bug,zoneinfo,i18n,bash-completion,systemd,runit} usr/share/doc-base \
    "$lib"/{perl,perl-base,gconv,systemd} usr/lib/systemd lib/systemd usr/bin/perl* usr/games boot media srv opt \
    var/{cache,log,lib/apt,lib/dpkg/info} etc/{init.d,rc*.d,cron*,perl}
find usr/share/doc -type f ! -name copyright -delete
mkdir -p etc/ssh/ssh_config.d mnt var/log tmp proc sys dev
chmod 1777 tmp
ldconfig -r .
