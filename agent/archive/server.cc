// SPDX-License-Identifier: Apache-2.0
#include "agent/archive/server.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse_query.hpp>
#include <charconv>
#include <map>
#include <set>

#include "agent/archive/archive_files.h"
#include "model/log_archive.h"

namespace dlws::agent {
namespace {

using kube::HttpAnswer;
using kube::Refusal;

struct Asked {
    std::string ns, job, user;
    PageRequest page;
};

/// Names as the API server takes them, so that no path or body can be built of anything else.
bool IsName(std::string_view text) {
    constexpr std::size_t kMost = 63;
    return !text.empty() && text.size() <= kMost &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == text.npos;
}

std::expected<std::map<std::string, std::string>, std::string> Parameters(std::string_view query) {
    std::map<std::string, std::string> out;
    const auto parsed = boost::urls::parse_query(query);
    if (!parsed) return std::unexpected("the query cannot be read");
    for (const auto& param : *parsed) {
        const auto decoded = boost::urls::param(param);
        if (!out.emplace(decoded.key, decoded.value).second)
            return std::unexpected(fmt::format("{} is given twice", decoded.key));
    }
    return out;
}

template <typename Number>
bool Read(const std::string& text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
}

/// Error: what is wrong with the query.
std::expected<Asked, std::string> ReadQuery(std::string_view query, bool page) {
    const auto parameters = Parameters(query);
    if (!parameters) return std::unexpected(parameters.error());
    Asked asked;
    for (const auto& [name, value] : *parameters) {
        bool good = true;
        std::uint64_t number = 0;
        if (name == "namespace") {
            good = IsName(asked.ns = value);
        } else if (name == "job") {
            good = IsName(asked.job = value);
        } else if (name == "user") {
            good = IsName(asked.user = value);
        } else if (page && name == "file") {
            good = model::ParseArchiveFileName(asked.page.file = value).has_value();
        } else if (page && name == "time") {
            good = Read(value, asked.page.time.emplace());
        } else if (page && (name == "offset" || name == "tail" || name == "end")) {
            good = Read(value, number);
            (name == "offset" ? asked.page.offset
             : name == "tail" ? asked.page.tail
                              : asked.page.end) = number;
        } else if (page && name == "bytes") {
            good = Read(value, asked.page.bytes) && asked.page.bytes >= 1 &&
                   asked.page.bytes <= kMaxPageBytes;
        } else {
            return std::unexpected(fmt::format("there is no parameter {}", name));
        }
        if (!good) return std::unexpected(fmt::format("{} cannot be \"{}\"", name, value));
    }
    if (asked.ns.empty() || asked.job.empty() || asked.user.empty())
        return std::unexpected("namespace, job and user must be given");
    if (page && asked.page.file.empty()) return std::unexpected("file must be given");
    if (asked.page.offset.has_value() + asked.page.time.has_value() + asked.page.tail.has_value() >
        1)
        return std::unexpected("only one of offset, time and tail can be given");
    return asked;
}

int StatusOf(const FileError& error) {
    switch (error.code) {
        case ENOENT:
            return 404;
        // What a user has put in the place of a log, or closed.
        case EPERM:
        case EACCES:
        case ELOOP:
        case EXDEV:
        case ENOTDIR:
            return 409;
        default:
            return 503;
    }
}

HttpAnswer Refused(const kube::Error& error) {
    const bool told = error.code == 401 || error.code == 403 || error.code == 404;
    return Refusal(told ? error.code : 503, error.message);
}

HttpAnswer DoesNotAnswer() {
    return Refusal(503, "The storage of the archived logs does not answer.");
}

HttpAnswer ListAnswer(const FileResult<ArchiveList>& list) {
    namespace json = boost::json;
    if (!list) return Refusal(StatusOf(list.error()), list.error().message);
    json::array files;
    for (const ArchiveEntry& entry : list->files)
        files.push_back(json::object{{"name", entry.name}, {"bytes", entry.bytes}});
    HttpAnswer answer;
    answer.content_type = "application/json";
    answer.body = json::serialize(json::object{{"files", std::move(files)}, {"cut", list->cut}});
    return answer;
}

HttpAnswer PageAnswer(const FileResult<ArchivePage>& page) {
    if (!page) return Refusal(StatusOf(page.error()), page.error().message);
    HttpAnswer answer;
    answer.content_type = "application/octet-stream";
    answer.body = fmt::format("{} {}\n", page->offset, page->size);
    answer.body.append(page->bytes);
    return answer;
}

}  // namespace

ArchiveServer::ArchiveServer(kube::Api& users, Settings settings)
    : settings_(std::move(settings)), access_(users), pool_(users.Executor(), settings_.threads) {}

kube::Awaitable<HttpAnswer> ArchiveServer::Answer(kube::HttpRequest request) {
    const bool page = request.path == "/v1/page";
    if (!page && request.path != "/v1/list") co_return Refusal(404, "there is no such path");
    if (request.method != "GET") co_return Refusal(405, "only GET");
    constexpr std::string_view kBearer = "Bearer ";
    const std::string_view token = request.Field("Authorization");
    if (!token.starts_with(kBearer) || token.size() == kBearer.size())
        co_return Refusal(401, "a bearer token must be given: that of who wants to read");
    auto asked = ReadQuery(request.query, page);
    if (!asked) co_return Refusal(400, asked.error());
    auto reader =
        co_await access_.ReaderOf(std::string(token.substr(kBearer.size())), asked->ns, asked->job);
    if (!reader) co_return Refused(reader.error());
    const JobFolderPath folder{settings_.root, asked->user, reader->folder};
    if (!page) {
        std::function<FileResult<ArchiveList>()> list = [folder] { return ListArchives(folder); };
        const auto listed = co_await pool_.Run(reader->username, std::move(list));
        co_return listed ? ListAnswer(*listed) : DoesNotAnswer();
    }
    std::function<FileResult<ArchivePage>()> read = [folder, page = std::move(asked->page)] {
        return ReadArchivePage(folder, page);
    };
    const auto got = co_await pool_.Run(reader->username, std::move(read));
    co_return got ? PageAnswer(*got) : DoesNotAnswer();
}

}  // namespace dlws::agent
