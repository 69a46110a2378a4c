// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <simdjson.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "kube/decode.h"
#include "kube/http_message.h"
#include "kube/http_query.h"
#include "kube/kubeconfig.h"
#include "kube/rfc3339.h"
#include "kube/watch_stream.h"
#include "kube/yaml.h"
#include "kube/yaml_reader.h"
#include "test/fuzz/targets.h"

namespace dlws::fuzz {

namespace {

using namespace kube;

// A server that sends these bytes, at most so many at once.
class Script final : public internal::Connection {
  public:
    Script(std::string_view bytes, std::size_t chunk) : left_(bytes), chunk_(chunk) {}

    Awaitable<std::expected<internal::ResponseHead, internal::Failure>> Start(
        std::string_view, std::string_view, internal::Clock::time_point) override {
        internal::ResponseHead head;
        head.status = 200;
        co_return head;
    }
    Awaitable<Result<std::size_t>> ReadBody(char* data, std::size_t size,
                                            internal::Clock::time_point) override {
        const std::size_t n = std::min({size, chunk_, left_.size()});
        std::memcpy(data, left_.data(), n);
        left_.remove_prefix(n);
        co_return n;
    }
    Awaitable<Result<std::string>> ReadAll(std::size_t, internal::Clock::time_point) override {
        co_return std::string();
    }
    bool Reusable() const override { return false; }
    bool StillOpen() override { return true; }

  private:
    std::string_view left_;
    const std::size_t chunk_;
};

Awaitable<void> ReadWatch(std::string_view bytes, std::size_t chunk,
                          std::vector<std::string>& seen) {
    internal::LineWatchStream stream(std::make_unique<Script>(bytes, chunk), "watch",
                                     std::chrono::seconds(1));
    bool more = true;
    while (more) {
        auto event = co_await stream.Next();
        more = event.has_value();
        if (more)
            seen.push_back(fmt::format("{} {} {} {}", int(event->type), event->initial_events_end,
                                       event->object->meta.name, event->object->raw));
        else
            seen.push_back(fmt::format("{} {} {}", int(event.error().kind), event.error().code,
                                       event.error().message));
    }
}

std::vector<std::string> WatchOf(std::string_view bytes, std::size_t chunk) {
    static boost::asio::io_context io(1);
    std::vector<std::string> seen;
    boost::asio::co_spawn(io, ReadWatch(bytes, chunk, seen), [](std::exception_ptr error) {
        if (error) std::abort();
    });
    io.restart();
    io.run();
    return seen;
}

// The same events however the bytes are split; the first byte says how.
void Watch(std::string_view bytes) {
    if (bytes.empty()) return;
    const auto chunk = std::size_t(static_cast<unsigned char>(bytes.front())) + 1;
    bytes.remove_prefix(1);
    if (WatchOf(bytes, bytes.size() + 1) != WatchOf(bytes, chunk)) std::abort();
}

// ParseObject reads no further than it must, so what is no JSON at all may still be kept.
bool IsJson(std::string_view bytes) {
    simdjson::dom::parser parser;
    return parser.parse(bytes.data(), bytes.size()).error() == simdjson::SUCCESS;
}

// What is kept of an object is an object with the same header.
void CheckKept(const Object& object) {
    if (!IsJson(object.raw)) return;
    const auto again = ParseObject(object.raw);
    if (!again) std::abort();
    const Meta &a = object.meta, &b = (*again)->meta;
    if (a.name != b.name || a.ns != b.ns || a.uid != b.uid || a.labels != b.labels ||
        a.resource_version != b.resource_version || a.controller_uid != b.controller_uid)
        std::abort();
}

void OneObject(std::string_view bytes) {
    const auto object = ParseObject(std::string(bytes));
    if (object) CheckKept(**object);
}

void List(std::string_view bytes) {
    std::string body(bytes);
    const auto page = internal::DecodeList(body);
    if (!page) return;
    for (const ObjectPtr& item : page->items)
        CheckKept(*item);
}

void Status(std::string_view bytes) {
    for (int code : {0, 409, 503}) {
        const Error error = internal::DecodeStatus("GET /x", code, bytes);
        if (error.message.empty() || (code != 0 && error.code != code)) std::abort();
    }
}

void KubeconfigFile(std::string_view bytes) {
    const int fd = memfd_create("kubeconfig", MFD_CLOEXEC);
    if (fd < 0 || write(fd, bytes.data(), bytes.size()) != ssize_t(bytes.size())) std::abort();
    internal::Kubeconfig merged;
    const auto added = merged.AddFile(fmt::format("/proc/self/fd/{}", fd));
    close(fd);
    if (!added && added.error().message.empty()) std::abort();
    const auto config = merged.Resolve("");
    if (!config && config.error().message.empty()) std::abort();
}

void Rfc3339(std::string_view bytes) {
    (void)internal::ParseRfc3339(bytes);
}

// What is taken has one Host, no more body than is allowed, and no field that was folded.
void HttpHeaderText(std::string_view bytes) {
    const auto header = ParseHttpHeader(bytes, 1000);
    if (!header) {
        const int status = header.error().status;
        if (status != 400 && status != 411 && status != 413 && status != 431) std::abort();
        return;
    }
    if (header->body_length > 1000 || header->request.method.empty()) std::abort();
    if (header->request.path.find('?') != std::string::npos) std::abort();
    for (const auto& [name, value] : header->request.fields)
        if (name.empty() || (name + value).find_first_of("\r\n") != std::string::npos) std::abort();
}

std::string Escaped(std::string_view text) {
    std::string out;
    for (const char c : text)
        out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    return out;
}

// What is taken of a query or a path is proper text, and means itself when it is escaped whole.
void HttpTarget(std::string_view bytes) {
    static constexpr HttpParameter kKnown[] = {{"q"}, {"phase", true}};
    const auto check = [](const std::string& text) {
        if (text.find('\0') != text.npos || !simdjson::validate_utf8(text)) std::abort();
    };
    if (const auto query = ParseHttpQuery(bytes, kKnown)) {
        if (query->All("q").size() > 1 || query->All("phase").size() > kMaxHttpParameters)
            std::abort();
        std::string again = "q=" + Escaped(query->Find("q") ? *query->Find("q") : "");
        for (const std::string& phase : query->All("phase")) {
            check(phase);
            again += "&phase=" + Escaped(phase);
        }
        const auto same = ParseHttpQuery(again, kKnown);
        // Escaped whole it is three times as long.
        if (again.size() <= kMaxHttpQuery && query->Find("q") &&
            (!same || *same->Find("q") != *query->Find("q") ||
             same->All("phase") != query->All("phase")))
            std::abort();
    } else if (query.error().empty() || query.error().size() > 400) {
        std::abort();
    }
    if (const auto segments = SplitHttpPath(bytes)) {
        std::string again;
        for (const std::string& segment : *segments) {
            check(segment);
            again += "/" + Escaped(segment);
        }
        const auto same = SplitHttpPath(again);
        if (!same || *same != *segments) std::abort();
    } else if (segments.error().empty() || segments.error().size() > 400) {
        std::abort();
    }
}

// What is taken can be written and read again, and every path has a line.
void Yaml(std::string_view bytes) {
    const auto read = ReadYaml(bytes);
    if (!read) {
        if (read.error().message.empty() || read.error().line < 1) std::abort();
        return;
    }
    for (const char* path : {"", "a", "a.b[0]", "[0]", "a[b].c"})
        if (read->lines.LineOf(path) < 1) std::abort();
    const auto again = ReadYaml(ToYaml(read->value));
    if (!again || again->value != read->value) std::abort();
}

constexpr Target kTargets[] = {
    {"watch", Watch},         {"object", OneObject},          {"list", List},
    {"status", Status},       {"kubeconfig", KubeconfigFile}, {"rfc3339", Rfc3339},
    {"http", HttpHeaderText}, {"http-target", HttpTarget},    {"yaml", Yaml}};

}  // namespace

std::span<const Target> KubeTargets() {
    return kTargets;
}

const Target* FindTarget(std::string_view name) {
    for (const auto targets : {KubeTargets(), ModelTargets(), PortalTargets(), WebhookTargets()})
        for (const Target& target : targets)
            if (target.name == name) return &target;
    return nullptr;
}

}  // namespace dlws::fuzz
