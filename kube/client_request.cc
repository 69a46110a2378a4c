// SPDX-License-Identifier: Apache-2.0
#include "kube/client_request.h"

#include <fmt/format.h>

namespace dlws::kube::internal {
namespace {

std::unexpected<Error> Refuse(std::string message) {
    return std::unexpected(
        Error{.kind = ErrorKind::kInvalidArgument, .message = std::move(message)});
}

// A path segment "." or ".." would be folded away by whoever is between us and the API server.
bool IsSegment(std::string_view text) {
    return !text.empty() && text != "." && text != "..";
}

}  // namespace

std::string Encode(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
            (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '_' || byte == '.' ||
            byte == '~') {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    return out;
}

QueryString& QueryString::Add(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    text_ += text_.empty() ? '?' : '&';
    text_ += name;
    text_ += '=';
    text_ += Encode(value);
    return *this;
}

Result<std::string> CollectionPath(const Resource& resource, std::string_view ns) {
    if (!ns.empty() && !resource.namespaced) {
        return Refuse(fmt::format("{} are not namespaced, but the namespace '{}' was given",
                                  resource.plural, ns));
    }
    if (!ns.empty() && !IsSegment(ns)) return Refuse(fmt::format("'{}' is no namespace", ns));
    std::string path = resource.group.empty()
                           ? fmt::format("/api/{}", resource.version)
                           : fmt::format("/apis/{}/{}", resource.group, resource.version);
    if (!ns.empty()) {
        path += "/namespaces/";
        path += Encode(ns);
    }
    path += '/';
    path += resource.plural;
    return path;
}

Result<std::string> ObjectPath(const Resource& resource, const ObjectKey& key,
                               std::string_view subresource) {
    if (resource.namespaced && key.ns.empty()) {
        return Refuse(fmt::format("{} '{}': its namespace is missing", resource.plural, key.name));
    }
    if (!IsSegment(key.name)) {
        return Refuse(fmt::format("'{}' is no name of one of the {}", key.name, resource.plural));
    }
    auto path = CollectionPath(resource, key.ns);
    if (!path) return path;
    *path += '/';
    *path += Encode(key.name);
    if (!subresource.empty()) {
        *path += '/';
        *path += Encode(subresource);
    }
    return path;
}

std::string HostHeader(const Config& config) {
    const bool v6 = config.host.find(':') != std::string::npos;
    const bool standard = config.port == (config.tls ? "443" : "80");
    return fmt::format("{}{}{}{}{}", v6 ? "[" : "", config.host, v6 ? "]" : "", standard ? "" : ":",
                       standard ? "" : config.port);
}

Result<std::string> BearerLine(std::string_view token) {
    for (const char c : token) {
        if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
            return Refuse(
                "the bearer token holds characters that no token has (a line end inside "
                "it?)");
        }
    }
    return fmt::format("Authorization: Bearer {}\r\n", token);
}

std::string BuildHead(const HeadParts& parts) {
    std::string head;
    head.reserve(parts.method.size() + parts.target.size() + parts.constant.size() +
                 parts.authorization.size() + parts.content_type.size() + 96);
    head += parts.method;
    head += ' ';
    head += parts.target;
    head += " HTTP/1.1\r\n";
    head += parts.constant;
    head += "Accept: ";
    head += parts.accept;
    head += "\r\n";
    head += parts.authorization;
    if (!parts.content_type.empty()) {
        fmt::format_to(std::back_inserter(head), "Content-Type: {}\r\nContent-Length: {}\r\n",
                       parts.content_type, parts.body_size);
    }
    head += "\r\n";
    return head;
}

bool HasPrecondition(PatchType type, std::string_view body) {
    switch (type) {
        case PatchType::kApply:
            // Applying the same intent twice gives what applying it once gives.
            return true;
        case PatchType::kMerge:
            return body.find("\"resourceVersion\"") != std::string_view::npos;
        case PatchType::kJson:
            return body.find("\"test\"") != std::string_view::npos &&
                   body.find("/metadata/resourceVersion") != std::string_view::npos;
    }
    return false;
}

std::string WarningText(std::string_view header) {
    const std::size_t quote = header.find('"');
    if (quote == std::string_view::npos) return std::string(header);
    std::string text;
    for (std::size_t i = quote + 1; i < header.size() && header[i] != '"'; ++i) {
        if (header[i] == '\\' && i + 1 < header.size()) ++i;
        text += header[i];
    }
    return text;
}

}  // namespace dlws::kube::internal
