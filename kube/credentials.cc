// SPDX-License-Identifier: Apache-2.0
#include "kube/credentials.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "kube/base64.h"
#include "kube/client_request.h"
#include "kube/config_files.h"
#include "kube/log.h"

namespace dlws::kube::internal {

namespace asio = boost::asio;

namespace {

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view kLogger = "credentials";
/// A plugin's credential is renewed so long before it ends.
constexpr std::chrono::seconds kExpiryMargin{10};

}  // namespace

Credentials::Credentials(asio::any_io_executor executor, Config config, Settings settings)
    : executor_(std::move(executor)), config_(std::move(config)), settings_(settings) {
    material_ = {config_.token, config_.ca_pem, config_.client_cert_pem, config_.client_key_pem};
}

bool Credentials::ExecDue() const {
    if (!config_.exec) return false;
    if (!exec_done_once_) return true;
    return exec_.expiration &&
           *exec_.expiration <= std::chrono::system_clock::now() + kExpiryMargin;
}

const IdentityPtr& Credentials::Fresh() const {
    static const IdentityPtr kNone;
    if (!identity_ || ExecDue()) return kNone;
    const auto now = Clock::now();
    return now < token_due_ && now < certificate_due_ ? identity_ : kNone;
}

bool Credentials::ReadToken(Material& material, std::string& complaint) const {
    if (config_.token_file.empty()) return true;
    auto text = ReadSmallFile(config_.token_file);
    if (!text) {
        complaint = text.error().message;
        return false;
    }
    material.token = Trimmed(*text);
    if (material.token.empty()) {
        complaint = fmt::format("{} is empty: it must hold the bearer token", config_.token_file);
        return false;
    }
    return true;
}

bool Credentials::ReadCertificates(Material& material, std::string& complaint) const {
    const auto read = [&](const std::string& file, std::string& into) {
        if (file.empty()) return true;
        auto text = ReadSmallFile(file);
        if (!text) {
            complaint = text.error().message;
            return false;
        }
        into = std::move(*text);
        return true;
    };
    return read(config_.ca_pem.empty() ? config_.ca_file : "", material.ca) &&
           read(config_.client_cert_pem.empty() ? config_.client_cert_file : "",
                material.certificate) &&
           read(config_.client_key_pem.empty() ? config_.client_key_file : "", material.key);
}

Result<void> Credentials::Adopt(Material material) {
    if (identity_ && material == material_) return {};
    auto identity = std::make_shared<Identity>();
    const bool same_tls = identity_ && material.ca == material_.ca &&
                          material.certificate == material_.certificate &&
                          material.key == material_.key;
    if (config_.tls && same_tls) {
        identity->tls = identity_->tls;
    } else if (config_.tls) {
        auto tls = MakeTlsContext({.ca_pem = material.ca,
                                   .certificate_pem = material.certificate,
                                   .key_pem = material.key,
                                   .insecure_skip_verify = config_.insecure_skip_verify});
        if (!tls) return std::unexpected(tls.error());
        identity->tls = std::move(*tls);
    }
    if (!material.token.empty()) {
        auto line = BearerLine(material.token);
        if (!line) return std::unexpected(line.error());
        identity->authorization = std::move(*line);
    } else if (!config_.username.empty()) {
        identity->authorization = fmt::format(
            "Authorization: Basic {}\r\n", EncodeBase64(config_.username + ":" + config_.password));
    }
    identity->generation = identity_ ? identity_->generation + 1 : 1;
    identity_ = std::move(identity);
    material_ = std::move(material);
    return {};
}

Result<void> Credentials::ReadFiles(bool force) {
    const auto now = Clock::now();
    Material material = material_;
    std::string complaint;
    bool ok = true;
    if (force || now >= token_due_) {
        token_due_ =
            config_.token_file.empty() ? Clock::time_point::max() : now + settings_.token_reload;
        ok = ReadToken(material, complaint);
    }
    if (ok && (force || now >= certificate_due_)) {
        const bool files = !config_.ca_file.empty() || !config_.client_cert_file.empty();
        certificate_due_ = files ? now + settings_.certificate_reload : Clock::time_point::max();
        ok = ReadCertificates(material, complaint);
    }
    if (config_.exec) {
        if (!exec_.token.empty()) material.token = exec_.token;
        if (!exec_.certificate_pem.empty()) {
            material.certificate = exec_.certificate_pem;
            material.key = exec_.key_pem;
        }
    }
    if (ok) {
        const auto adopted = Adopt(std::move(material));
        if (adopted) return {};
        complaint = adopted.error().message;
    }
    if (identity_) {
        // Caught between two writes, most likely: do not wait five minutes for the second.
        if (certificate_due_ != Clock::time_point::max()) {
            certificate_due_ = std::min(certificate_due_, now + settings_.token_reload);
        }
        LogWarning(kLogger, "kept the credentials there were: {}", complaint);
        return {};
    }
    token_due_ = certificate_due_ = {};  // look again at the next call
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(complaint)});
}

Awaitable<void> Credentials::PluginTask(std::shared_ptr<Credentials> self) {
    auto result =
        co_await RunExecPlugin(self->executor_, self->config_, self->settings_.exec_patience);
    self->exec_running_ = false;
    if (result) {
        self->exec_ = std::move(*result);
        self->exec_done_once_ = true;
        self->exec_result_ = {};
    } else {
        self->exec_result_ = std::unexpected(result.error());
    }
    for (auto* waiter : self->exec_waiters_)
        waiter->cancel();
}

Awaitable<Result<void>> Credentials::RunPlugin(Clock::time_point deadline) {
    // One run serves all the calls that wait; it goes on when one of them is cancelled.
    if (!exec_running_) {
        exec_running_ = true;
        asio::co_spawn(executor_, PluginTask(shared_from_this()), asio::detached);
    }
    asio::steady_timer timer(executor_, deadline);
    struct Guard {
        std::list<asio::steady_timer*>& list;
        asio::steady_timer* timer;
        Guard(std::list<asio::steady_timer*>& l, asio::steady_timer* t) : list(l), timer(t) {
            list.push_back(timer);
        }
        Guard(const Guard&) = delete;
        Guard& operator=(const Guard&) = delete;
        ~Guard() { list.remove(timer); }
    } const guard(exec_waiters_, &timer);
    const auto [error] = co_await timer.async_wait(kTuple);
    if (!exec_running_) co_return exec_result_;
    if (error) {
        co_return std::unexpected(Error{.kind = ErrorKind::kCancelled,
                                        .message = "cancelled, waiting for a credential plugin"});
    }
    co_return std::unexpected(Error{
        .kind = ErrorKind::kTimeout,
        .message = fmt::format("the credential plugin '{}' did not answer before the deadline",
                               config_.exec->command)});
}

Awaitable<Result<IdentityPtr>> Credentials::Refresh(Clock::time_point deadline) {
    const auto self = shared_from_this();
    bool force = false;
    if (ExecDue()) {
        const auto ran = co_await RunPlugin(deadline);
        if (!ran) co_return std::unexpected(ran.error());
        force = true;
    }
    const auto read = ReadFiles(force);
    if (!read) co_return std::unexpected(read.error());
    co_return identity_;
}

Awaitable<bool> Credentials::Reload(std::uint64_t used, Clock::time_point deadline) {
    const auto self = shared_from_this();
    if (identity_ && identity_->generation != used) co_return true;  // somebody was faster
    const bool files = !config_.token_file.empty() || !config_.client_cert_file.empty();
    if (!files && !config_.exec) co_return false;
    if (config_.exec) {
        const auto ran = co_await RunPlugin(deadline);
        if (!ran) {
            LogWarning(kLogger, "{}", ran.error().message);
            co_return false;
        }
    }
    co_return ReadFiles(true).has_value();
}

}  // namespace dlws::kube::internal
