// SPDX-License-Identifier: Apache-2.0
#include "kube/mounted_certificate.h"

#include <fmt/format.h>

#include "kube/certificates.h"
#include "kube/config_files.h"
#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::kube {

namespace {

constexpr std::string_view kLog = "certificates";
constexpr std::chrono::seconds kPause{10};
constexpr std::size_t kMaxFile = 64 << 10;

Result<PemPair> ReadFolder(const std::filesystem::path& folder) {
    auto certificate = ReadSmallFile(folder / "tls.crt", kMaxFile);
    if (!certificate) return std::unexpected(certificate.error());
    auto key = ReadSmallFile(folder / "tls.key", kMaxFile);
    if (!key) return std::unexpected(key.error());
    return PemPair{std::move(*certificate), std::move(*key)};
}

}  // namespace

MountedCertificate::MountedCertificate(ServerTls& tls, std::filesystem::path folder,
                                       std::string dns_name)
    : tls_(tls), folder_(std::move(folder)), dns_name_(std::move(dns_name)) {}

Awaitable<void> MountedCertificate::Run() {
    bool goes_on = true;
    while (goes_on) {
        Look();
        goes_on = co_await SleepFor(kPause);
    }
}

bool MountedCertificate::Look() {
    // The kubelet puts all files into a folder and then has a link mean that one: both files are
    // read through what it means now.
    std::error_code error;
    std::filesystem::path folder = std::filesystem::canonical(folder_ / "..data", error);
    if (error) folder = folder_;
    auto pair = ReadFolder(folder);
    auto validity = pair ? ReadPair(*pair, dns_name_) : std::unexpected(pair.error());
    if (validity && pair->certificate == shown_) {
        refused_.clear();
        return true;
    }
    auto used = validity ? tls_.Use(pair->certificate, pair->key)
                         : Result<void>(std::unexpected(validity.error()));
    if (!used) {
        std::string why = fmt::format("{}: {}", folder.native(), used.error().message);
        if (why != refused_) LogError(kLog, "{}", why);
        refused_ = std::move(why);
        return false;
    }
    LogInfo(kLog, "a new certificate for {} is shown", dns_name_);
    shown_ = pair->certificate;
    refused_.clear();
    expires_ = validity->to;
    return true;
}

}  // namespace dlws::kube
