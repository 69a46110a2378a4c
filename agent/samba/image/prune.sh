#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the root of the Samba server's image: puts right what unpacking without installation leaves open, and takes
# out what smbd, winbindd and their tools do not load.
# Usage: prune.sh ROOT (changed in place)
set -euo pipefail
cd "$1"
lib=usr/lib/x86_64-linux-gnu

# Who there is comes with the settings, and changes while the server runs.
for file in passwd group; do
    rm -f "etc/$file"*
    ln -s "/run/dlws-samba/$file" "etc/$file"
done
printf 'passwd: files\ngroup: files\nhosts: files dns\n' >etc/nsswitch.conf
echo '# The settings are in /run/dlws-samba.' >etc/samba/smb.conf

# Shells, interpreters and what only a domain controller runs. The conversions that stay are those of names of files.
rm -rf usr/bin/{perl*,python*,pydoc*,py3*,samba-tool,dpkg*,apt*} usr/sbin/{samba,samba_*,nmbd,dpkg*,invoke-rc.d,update-rc.d,service} \
    usr/lib/{python3*,systemd,apt,dpkg,tmpfiles.d,sysusers.d} "$lib"/{perl,perl-base,python3*,libpython3*,libperl.so*,systemd,samba/bind9,samba/service} \
    usr/share/{man,info,locale,perl,perl5,python*,lintian,bug,zoneinfo,i18n,bash-completion,systemd,runit,doc-base,menu,pixmaps,applications,debconf,gdb} \
    usr/games lib/systemd etc/{init.d,rc*.d,cron*,perl,python*,apt,dpkg,logrotate.d} boot media mnt srv opt home var/{log,cache,lib/apt,lib/dpkg,backups}
find "$lib/gconv" -type f ! -name 'gconv-modules*' ! -name 'IBM850.so' ! -name 'UTF-*.so' ! -name 'ISO8859-1.so' -delete
find usr/share/doc -type f ! -name copyright -delete
mkdir -p var/log/samba var/cache/samba var/lib/samba run tmp proc sys dev
chmod 1777 tmp
ldconfig -r .
