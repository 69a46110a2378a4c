// SPDX-License-Identifier: Apache-2.0
#include "model/ssh.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "model/frameworks.h"
#include "model/names.h"
#include "model/owned.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

// Only for the pods of this job, by the name of its Service: an image's own settings and, say,
// github.com stay as they are.
constexpr std::string_view kSshConfig = R"(Host *.{job}
    Port {port}
    IdentityFile {keys}/id_ed25519
    IdentitiesOnly yes
    BatchMode yes
    HostKeyAlias dlws
    UserKnownHostsFile {keys}/known_hosts
    StrictHostKeyChecking yes
    ConnectTimeout 10
    ConnectionAttempts 10
    ServerAliveInterval 30
    LogLevel ERROR
)";

// StrictModes asks for files of the user's own; those of a Secret are root's, and read-only.
constexpr std::string_view kSshdConfig = R"(Port {port}
HostKey {keys}/id_ed25519
AuthorizedKeysFile {keys}/authorized_keys
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
X11Forwarding no
PidFile none
MaxStartups 1000
LogLevel ERROR
ForceCommand exec /bin/sh {files}/login
)";

// A session of sshd begins with an empty environment: libraries, NCCL's settings and the names of
// the job would be missing. Told to end, the server takes no new sessions and lets the others end.
constexpr std::string_view kWorker = R"(#!/bin/sh
# Runs an ssh server, through which the launcher starts its processes here.
sshd=$(PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"; command -v sshd) || {{
    echo "the image has no sshd: install openssh-server in it, or give this role a command" >&2
    exit 127
}}
umask 077
DLWS_FOLDER=$PWD
export DLWS_FOLDER
export -p >/tmp/.dlws-environment || exit 1
"$sshd" -D -e -f {files}/sshd_config &
server=$!
ending=
trap 'ending=yes; kill "$server" 2>/dev/null' TERM INT
wait "$server"
status=$?
[ -n "$ending" ] || exit "$status"
while kill -0 -1 2>/dev/null; do sleep 1; done
exit 0
)";

constexpr std::string_view kLogin = R"(#!/bin/sh
# What the ssh server runs for each session: the command, in the container's environment and folder.
. /tmp/.dlws-environment
cd "$DLWS_FOLDER"
unset DLWS_FOLDER OLDPWD
exec /bin/sh -c "${{SSH_ORIGINAL_COMMAND:-exec /bin/sh}}"
)";

// A name without an address is a pod that waits for a node, for as long as it takes. A pod with an
// address has a node, and pulls its image at the most.
constexpr std::string_view kWait = R"(#!/bin/sh
# Waits until every host of the hostfile lets us in. Fails when all have addresses and one still
# does not answer after an hour.
command -v ssh >/dev/null || {{
    echo "the image has no ssh: install openssh-client in it" >&2
    exit 127
}}
try() {{
    said=$(ssh -n -F {files}/ssh_config -o ConnectTimeout=5 -o ConnectionAttempts=1 "$1" true 2>&1) && return
    case $said in
        *resolve*) echo "$1 has no address yet" ;;
        *) echo "$1 does not answer: $said" ;;
    esac
}}
try_all() {{
    tries=0
    while read -r host slots; do
        try "$host" &
        tries=$((tries + 1))
        [ $((tries % 16)) -ne 0 ] || wait
    done <{job_files}/hostfile
    wait
}}
since=$(date +%s)
told=0
last=
while missing=$(try_all); [ -n "$missing" ]; do
    now=$(date +%s)
    case $missing in *"has no address yet"*) since=$now ;; esac
    if [ $((now - since)) -ge 3600 ]; then
        echo "$missing" | head -n 1
        exit 1
    fi
    first=$(echo "$missing" | head -n 1)
    [ "$first" = "$last" ] && pause=60 || pause=5
    if [ $((now - told)) -ge $pause ]; then
        told=$now
        last=$first
        echo "waiting: $first"
    fi
    sleep 1
done
)";

std::string Filled(std::string_view text, const DLJob& job) {
    return fmt::format(fmt::runtime(text), fmt::arg("job", job.meta.name),
                       fmt::arg("port", kSshPort), fmt::arg("keys", kSshKeysPath),
                       fmt::arg("files", kSshFilesPath), fmt::arg("job_files", kFilesMountPath));
}

// Every pod but the launcher, as mpirun and deepspeed want it.
std::string Hosts(const DLJob& job) {
    std::string text;
    for (const Role& role : job.spec.roles) {
        if (role.name == kLauncherRole) continue;
        for (int i = 0; i < role.replicas; ++i)
            text += fmt::format("{} slots={}\n", PeerAddress(job, role, i),
                                Slots(job.spec.framework, role));
    }
    return text;
}

}  // namespace

std::vector<JobFile> SshFiles(const DLJob& job) {
    const auto ours = [](std::string_view name, std::string content) {
        return JobFile{fmt::format("dlws-{}", name), fmt::format(".dlws/{}", name),
                       std::move(content)};
    };
    return {{"hostfile", "hostfile", Hosts(job)},
            ours("ssh_config", Filled(kSshConfig, job)),
            ours("sshd_config", Filled(kSshdConfig, job)),
            ours("worker", Filled(kWorker, job)),
            ours("login", Filled(kLogin, job)),
            ours("wait", Filled(kWait, job))};
}

std::string SshWorkerScript() {
    return fmt::format("{}/worker", kSshFilesPath);
}

std::string SshWaitScript() {
    return fmt::format("{}/wait", kSshFilesPath);
}

std::string MakeSshSecret(const Metadata& job, std::string_view private_key,
                          std::string_view public_key) {
    return json::serialize(
        json::object{{"apiVersion", "v1"},
                     {"kind", "Secret"},
                     {"metadata", OwnedMeta(job, SshSecretName(job.name, job.uid))},
                     {"immutable", true},
                     {"stringData",
                      {{"id_ed25519", private_key},
                       {"authorized_keys", fmt::format("{}\n", public_key)},
                       {"known_hosts", fmt::format("dlws {}\n", public_key)}}}});
}

}  // namespace dlws::model
