// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/archive_client.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "model/log_archive.h"

namespace dlws::portal {
namespace {

kube::Config Beside(int port) {
    kube::Config config;
    config.host = "127.0.0.1";
    config.port = fmt::to_string(port);
    config.tls = false;
    return config;
}

kube::Client::Settings Settings() {
    kube::Client::Settings settings;
    settings.max_connections = 64;
    settings.max_response_bytes = 16u << 20;
    return settings;
}

kube::CallOptions As(std::string token) {
    kube::CallOptions options;
    options.bearer = std::move(token);
    options.deadline = std::chrono::seconds(8);
    return options;
}

/// All of it are names as Kubernetes takes them, so nothing needs to be encoded.
std::string Target(std::string_view path, const ArchiveOf& of) {
    return fmt::format("{}?namespace={}&job={}&user={}", path, of.ns, of.job, of.user);
}

LogFailure FailureOf(const kube::Error& error) {
    LogFailure failure;
    failure.status = error.code;
    switch (error.code) {
        case 401:
        case 403:
            failure.kind = LogFailure::kDenied;
            break;
        case 404:
            failure.kind = LogFailure::kAbsent;
            break;
        case 409:
            failure.kind = LogFailure::kRefused;
            failure.why =
                "The archive cannot be read: something else is in the place of the file, or it is "
                "closed to its own user.";
            break;
        default:
            failure.why = "The storage of the archived logs does not answer.";
    }
    return failure;
}

LogFailure NotUnderstood() {
    LogFailure failure;
    failure.why = "The archive gave an answer that cannot be read.";
    return failure;
}

std::optional<LogPage> ParsePage(const std::string& body) {
    LogPage page;
    const std::size_t feed = body.find('\n');
    if (feed == body.npos) return std::nullopt;
    const char* end = body.data() + feed;
    const auto offset = std::from_chars(body.data(), end, page.offset);
    if (offset.ec != std::errc() || offset.ptr == end) return std::nullopt;
    const auto size = std::from_chars(offset.ptr + 1, end, page.size);
    if (size.ec != std::errc() || size.ptr != end) return std::nullopt;
    page.bytes = body.substr(feed + 1);
    return page;
}

}  // namespace

HttpLogArchive::HttpLogArchive(boost::asio::any_io_executor executor, int port)
    : client_(std::move(executor), Beside(port), Settings()) {}

Awaitable<LogResult<ArchivedLogs>> HttpLogArchive::List(std::string token, ArchiveOf of) {
    const kube::CallOptions options = As(std::move(token));
    const auto body = co_await client_.GetRaw(Target("/v1/list", of), options);
    if (!body) co_return std::unexpected(FailureOf(body.error()));
    boost::system::error_code error;
    const boost::json::value list = boost::json::parse(*body, error);
    const auto* files = error ? nullptr : list.find_pointer("/files", error);
    if (!files || !files->is_array()) co_return std::unexpected(NotUnderstood());
    ArchivedLogs archived;
    const auto* cut = list.get_object().if_contains("cut");
    archived.cut = cut && cut->is_bool() && cut->get_bool();
    for (const boost::json::value& file : files->get_array()) {
        const auto* name = file.is_object() ? file.get_object().if_contains("name") : nullptr;
        const auto* bytes = file.is_object() ? file.get_object().if_contains("bytes") : nullptr;
        if (!name || !name->is_string() || !bytes || !bytes->is_int64())
            co_return std::unexpected(NotUnderstood());
        const auto parsed = model::ParseArchiveFileName(std::string_view(name->get_string()));
        if (!parsed) continue;
        ArchivedLog log;
        log.role = parsed->role;
        log.index = parsed->index;
        log.attempt = parsed->attempt;
        log.bytes = std::uint64_t(bytes->get_int64());
        archived.logs.push_back(std::move(log));
    }
    co_return archived;
}

Awaitable<LogResult<LogPage>> HttpLogArchive::Read(std::string token, ArchiveOf of,
                                                   LogSource source, LogPageAsk ask,
                                                   std::size_t bytes) {
    std::string target = Target("/v1/page", of);
    const std::string file = model::ArchiveFileName({source.role, source.index, source.attempt});
    target += fmt::format("&file={}&bytes={}", file, bytes);
    if (ask.offset)
        target += fmt::format("&offset={}", *ask.offset);
    else if (ask.tail)
        target += fmt::format("&tail={}", *ask.tail);
    else if (ask.time)
        target += fmt::format("&time={}", *ask.time);
    const kube::CallOptions options = As(std::move(token));
    const auto body = co_await client_.GetRaw(std::move(target), options);
    if (!body) co_return std::unexpected(FailureOf(body.error()));
    auto page = ParsePage(*body);
    if (!page) co_return std::unexpected(NotUnderstood());
    co_return std::move(*page);
}

}  // namespace dlws::portal
