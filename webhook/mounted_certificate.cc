// SPDX-License-Identifier: Apache-2.0
#include "webhook/mounted_certificate.h"

#include <fmt/format.h>

#include <fstream>

#include "kube/log.h"
#include "kube/wait_list.h"

namespace dlws::webhook {

namespace {

constexpr std::string_view kLog = "certificates";
constexpr std::chrono::seconds kPause{10};
constexpr std::streamsize kMaxFile = 64 << 10;

kube::Result<std::string> ReadSmall(const std::filesystem::path& file) {
    const auto refuse = [&](const char* why) {
        return std::unexpected(kube::Error{.kind = kube::ErrorKind::kInvalidArgument,
                                           .message = fmt::format("{} {}", file.native(), why)});
    };
    std::ifstream in(file, std::ios::binary);
    if (!in) return refuse("cannot be read");
    std::string text(std::size_t(kMaxFile) + 1, '\0');
    in.read(text.data(), std::streamsize(text.size()));
    if (in.gcount() > kMaxFile) return refuse("is over 64 KiB");
    text.resize(std::size_t(in.gcount()));
    return text;
}

kube::Result<kube::PemPair> ReadFolder(const std::filesystem::path& folder) {
    // The kubelet puts all files into another folder and swaps the link to it: both files are read
    // through what it means now.
    std::error_code error;
    std::filesystem::path now = std::filesystem::canonical(folder / "..data", error);
    if (error) now = folder;
    auto certificate = ReadSmall(now / "tls.crt");
    if (!certificate) return std::unexpected(certificate.error());
    auto key = ReadSmall(now / "tls.key");
    if (!key) return std::unexpected(key.error());
    return kube::PemPair{std::move(*certificate), std::move(*key)};
}

}  // namespace

MountedCertificate::MountedCertificate(kube::ServerTls& tls, std::filesystem::path folder,
                                       std::string dns_name)
    : tls_(tls), folder_(std::move(folder)), dns_name_(std::move(dns_name)) {}

kube::Awaitable<void> MountedCertificate::Run() {
    bool goes_on = true;
    while (goes_on) {
        Look();
        goes_on = co_await kube::SleepFor(kPause);
    }
}

bool MountedCertificate::Look() {
    auto pair = ReadFolder(folder_);
    if (pair && pair->certificate == shown_) return true;
    auto validity = pair ? kube::ReadPair(*pair, dns_name_) : std::unexpected(pair.error());
    auto used = validity ? tls_.Use(pair->certificate, pair->key)
                         : kube::Result<void>(std::unexpected(validity.error()));
    if (!used) {
        if (used.error().message != refused_) kube::LogError(kLog, "{}", used.error().message);
        refused_ = used.error().message;
        return false;
    }
    kube::LogInfo(kLog, "a new certificate for {} is shown", dns_name_);
    shown_ = pair->certificate;
    refused_.clear();
    expires_ = validity->to;
    return true;
}

}  // namespace dlws::webhook
