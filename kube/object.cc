// SPDX-License-Identifier: Apache-2.0
#include "kube/object.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <utility>

#include "kube/decode.h"

namespace dlws::kube {
namespace {

namespace ondemand = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

static_assert(internal::kPadding >= simdjson::SIMDJSON_PADDING);

Error Malformed(std::string_view what, std::string_view why) {
    return {.kind = ErrorKind::kProtocol, .message = fmt::format("{}: {}", what, why)};
}

/// simdjson's buffers for this thread. One huge document must not keep its memory for ever.
class Parser {
  public:
    Parser() : parser_(Mine()) {}
    ~Parser() {
        if (parser_.capacity() > kKeep) parser_ = ondemand::parser();
    }
    Parser(const Parser&) = delete;
    Parser& operator=(const Parser&) = delete;
    ondemand::parser* operator->() { return &parser_; }

  private:
    static constexpr std::size_t kKeep = 8u << 20;
    static ondemand::parser& Mine() {
        thread_local ondemand::parser parser;
        return parser;
    }
    ondemand::parser& parser_;
};

/// A part of an object's text, as offsets from its first byte.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
};

std::string_view Trim(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ' || text.back() == '\r' ||
                             text.back() == '\t')) {
        text.remove_suffix(1);
    }
    return text;
}

error_code ReadString(ondemand::value value, std::string& out) {
    std::string_view text;
    if (const error_code error = value.get_string().get(text)) return error;
    out.assign(text);
    return SUCCESS;
}

error_code ReadOwners(ondemand::value value, Meta& meta) {
    ondemand::array owners;
    if (const error_code error = value.get_array().get(owners)) return error;
    for (auto item : owners) {
        ondemand::object owner;
        if (const error_code error = item.get_object().get(owner)) return error;
        std::string uid, kind, name;
        bool controller = false;
        for (auto field : owner) {
            std::string_view key;
            if (const error_code error = field.unescaped_key().get(key)) return error;
            ondemand::value inner;
            error_code error = SUCCESS;
            if (key == "uid") {
                if (!(error = field.value().get(inner))) error = ReadString(inner, uid);
            } else if (key == "kind") {
                if (!(error = field.value().get(inner))) error = ReadString(inner, kind);
            } else if (key == "name") {
                if (!(error = field.value().get(inner))) error = ReadString(inner, name);
            } else if (key == "controller") {
                error = field.value().get_bool().get(controller);
            }
            if (error) return error;
        }
        if (controller) {
            meta.controller_uid = std::move(uid);
            meta.controller_kind = std::move(kind);
            meta.controller_name = std::move(name);
        }
    }
    return SUCCESS;
}

error_code ReadLabels(ondemand::value value, std::map<std::string, std::string>& labels) {
    ondemand::object object;
    if (const error_code error = value.get_object().get(object)) return error;
    for (auto field : object) {
        std::string_view key;
        if (const error_code error = field.unescaped_key().get(key)) return error;
        std::string name(key);
        std::string_view text;
        if (const error_code error = field.value().get_string().get(text)) return error;
        labels.insert_or_assign(labels.end(), std::move(name), std::string(text));
    }
    return SUCCESS;
}

struct Header {
    Meta meta;
    Span managed_fields;  ///< with the comma that goes with it; empty when there is none
    bool initial_events_end = false;
};

error_code ReadInitialEventsEnd(ondemand::value value, bool& out) {
    ondemand::object annotations;
    if (const error_code error = value.get_object().get(annotations)) return error;
    std::string_view text;
    const error_code error =
        annotations.find_field_unordered("k8s.io/initial-events-end").get_string().get(text);
    if (error == simdjson::NO_SUCH_FIELD) return SUCCESS;
    if (!error) out = text == "true";
    return error;
}

/// The bytes of `"managedFields":[...]` and of the one comma that has to go with it.
Span CutSpan(const char* base, const char* key, std::string_view value) {
    value = Trim(value);
    const char* begin = key;
    const char* end = value.data() + value.size();
    const char* after = end;
    while (*after == ' ' || *after == '\n' || *after == '\r' || *after == '\t')
        ++after;
    if (*after == ',') {
        end = after + 1;
    } else {
        const char* before = begin;
        do {
            --before;
        } while (*before == ' ' || *before == '\n' || *before == '\r' || *before == '\t');
        if (*before == ',') begin = before;
    }
    return {static_cast<std::size_t>(begin - base), static_cast<std::size_t>(end - base)};
}

// What a field holds is read unless it is null. `is_null()` itself may find that it is neither null
// nor anything else, and would throw if asked for a plain bool.
template <typename Read>
error_code UnlessNull(ondemand::value value, Read read) {
    bool null = false;
    const error_code error = value.is_null().get(null);
    return error || null ? error : read();
}

error_code ReadMetadata(ondemand::object metadata, const char* base, bool bookmark,
                        Header& header) {
    Meta& meta = header.meta;
    for (auto field : metadata) {
        ondemand::raw_json_string raw_key;
        if (const error_code error = field.key().get(raw_key)) return error;
        ondemand::value value;
        if (const error_code error = field.value().get(value)) return error;
        error_code error = SUCCESS;
        if (raw_key == "name") {
            error = ReadString(value, meta.name);
        } else if (raw_key == "namespace") {
            error = ReadString(value, meta.ns);
        } else if (raw_key == "uid") {
            error = ReadString(value, meta.uid);
        } else if (raw_key == "resourceVersion") {
            std::string_view text;
            if (!(error = value.get_string().get(text))) {
                // Not a number: stays 0, "unknown"; only real API servers promise integers.
                std::from_chars(text.data(), text.data() + text.size(), meta.resource_version);
            }
        } else if (raw_key == "generation") {
            error = value.get_int64().get(meta.generation);
        } else if (raw_key == "deletionTimestamp") {
            bool null = false;
            error = value.is_null().get(null);
            meta.deleting = !null;
        } else if (raw_key == "labels") {
            error = UnlessNull(value, [&] { return ReadLabels(value, meta.labels); });
        } else if (raw_key == "ownerReferences") {
            error = UnlessNull(value, [&] { return ReadOwners(value, meta); });
        } else if (bookmark && raw_key == "annotations") {
            error = UnlessNull(
                value, [&] { return ReadInitialEventsEnd(value, header.initial_events_end); });
        } else if (raw_key == "managedFields") {
            ondemand::array array;
            error = value.get_array().get(array);
            std::string_view text;
            if (!error) error = array.raw_json().get(text);
            if (!error) header.managed_fields = CutSpan(base, raw_key.raw() - 1, text);
        }
        if (error) return error;
    }
    return SUCCESS;
}

/// Reads the header of one object; `text` becomes its bytes.
error_code ReadObject(ondemand::object object, bool bookmark, Header& header,
                      std::string_view& text) {
    if (const error_code error = object.raw_json().get(text)) return error;
    text = Trim(text);
    if (const error_code error = object.reset().error()) return error;
    ondemand::object metadata;
    if (const error_code error = object.find_field_unordered("metadata").get_object().get(metadata))
        return error;
    if (const error_code error = ReadMetadata(metadata, text.data(), bookmark, header))
        return error;
    // In bytes that are no JSON the object may end before its metadata does.
    return header.managed_fields.end <= text.size() ? SUCCESS : simdjson::TAPE_ERROR;
}

ObjectPtr Keep(Header header, std::string_view text) {
    auto object = std::make_shared<Object>();
    object->meta = std::move(header.meta);
    const Span cut = header.managed_fields;
    object->raw.reserve(text.size() - (cut.end - cut.begin));
    object->raw.append(text.substr(0, cut.begin));
    object->raw.append(text.substr(cut.end));
    return object;
}

}  // namespace

Result<ObjectPtr> ParseObject(std::string raw) {
    raw.reserve(raw.size() + internal::kPadding);
    Header header;
    std::string_view text;
    {
        Parser parser;
        ondemand::document document;
        ondemand::object root;
        error_code error =
            parser->iterate(raw.data(), raw.size(), raw.capacity() + 1).get(document);
        if (!error) error = document.get_object().get(root);
        if (!error) error = ReadObject(root, false, header, text);
        if (error) {
            return std::unexpected(Malformed("not a Kubernetes object", error_message(error)));
        }
    }
    if (header.meta.name.empty()) {
        return std::unexpected(Malformed("not a Kubernetes object", "it has no metadata.name"));
    }
    // Object texts begin at the first byte in everything a server sends; be exact all the same.
    const auto begin = static_cast<std::size_t>(text.data() - raw.data());
    const Span cut = header.managed_fields;
    auto object = std::make_shared<Object>();
    raw.resize(begin + text.size());
    if (cut.end > cut.begin) raw.erase(begin + cut.begin, cut.end - cut.begin);
    if (begin > 0) raw.erase(0, begin);
    object->meta = std::move(header.meta);
    // A body grew in steps: what it has too much would stay as long as the object does.
    if (raw.capacity() > raw.size() + raw.size() / 4 + internal::kPadding) raw.shrink_to_fit();
    object->raw = std::move(raw);
    return object;
}

namespace internal {

Result<ListPage> DecodeList(std::string& body) {
    body.reserve(body.size() + kPadding);
    ListPage page;
    Parser parser;
    ondemand::document document;
    ondemand::object root;
    error_code error = parser->iterate(body.data(), body.size(), body.capacity() + 1).get(document);
    if (!error) error = document.get_object().get(root);
    bool has_items = false;
    if (!error) {
        for (auto field : root) {
            ondemand::raw_json_string key;
            ondemand::value value;
            if ((error = field.key().get(key)) || (error = field.value().get(value))) break;
            if (key == "metadata") {
                ondemand::object metadata;
                if ((error = value.get_object().get(metadata))) break;
                for (auto inner : metadata) {
                    ondemand::raw_json_string name;
                    ondemand::value content;
                    if ((error = inner.key().get(name)) || (error = inner.value().get(content)))
                        break;
                    std::string_view text;
                    if (name == "resourceVersion") {
                        if ((error = content.get_string().get(text))) break;
                        std::from_chars(text.data(), text.data() + text.size(),
                                        page.resource_version);
                    } else if (name == "continue") {
                        if ((error = ReadString(content, page.continue_token))) break;
                    }
                }
                if (error) break;
            } else if (key == "items") {
                has_items = true;
                bool null = false;
                if ((error = value.is_null().get(null))) break;
                if (null) continue;
                ondemand::array items;
                if ((error = value.get_array().get(items))) break;
                for (auto item : items) {
                    ondemand::object object;
                    Header header;
                    std::string_view text;
                    if ((error = item.get_object().get(object)) ||
                        (error = ReadObject(object, false, header, text))) {
                        break;
                    }
                    if (header.meta.name.empty()) {
                        return std::unexpected(
                            Malformed("not a Kubernetes list", "an item has no metadata.name"));
                    }
                    page.items.push_back(Keep(std::move(header), text));
                }
                if (error) break;
            }
        }
    }
    if (error) return std::unexpected(Malformed("not a Kubernetes list", error_message(error)));
    if (!has_items) return std::unexpected(Malformed("not a Kubernetes list", "it has no items"));
    return page;
}

Result<WatchEvent> DecodeWatchLine(const char* data, std::size_t size, std::size_t capacity) {
    const auto malformed = [](std::string_view why) {
        return std::unexpected(Malformed("not a watch event", why));
    };
    Parser parser;
    ondemand::document document;
    ondemand::object root;
    error_code error = parser->iterate(data, size, capacity).get(document);
    if (!error) error = document.get_object().get(root);
    std::string_view type;
    if (!error) error = root.find_field_unordered("type").get_string().get(type);
    ondemand::object object;
    if (!error) error = root.find_field_unordered("object").get_object().get(object);
    if (error) return malformed(error_message(error));

    WatchEvent event;
    if (type == "ADDED") {
        event.type = WatchEventType::kAdded;
    } else if (type == "MODIFIED") {
        event.type = WatchEventType::kModified;
    } else if (type == "DELETED") {
        event.type = WatchEventType::kDeleted;
    } else if (type == "BOOKMARK") {
        event.type = WatchEventType::kBookmark;
    } else if (type == "ERROR") {
        std::string_view text;
        if ((error = object.raw_json().get(text))) return malformed(error_message(error));
        const std::string status(Trim(text));
        return std::unexpected(DecodeStatus("watch", 0, status));
    } else {
        return malformed(fmt::format("unknown type '{}'", type.substr(0, 40)));
    }
    const bool bookmark = event.type == WatchEventType::kBookmark;
    Header header;
    std::string_view text;
    if ((error = ReadObject(object, bookmark, header, text)))
        return malformed(error_message(error));
    if (!bookmark && header.meta.name.empty()) return malformed("its object has no metadata.name");
    event.initial_events_end = header.initial_events_end;
    event.object = Keep(std::move(header), text);
    return event;
}

namespace {

/// What a proxy says between us and the API server: one line of it, without control characters.
std::string FirstWords(std::string_view body) {
    std::string out;
    for (const char c : body.substr(0, 200)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte == '\n' && !out.empty()) break;
        if (byte >= 0x20 && byte < 0x7f) out += c;
    }
    return out;
}

error_code ReadCauses(ondemand::value value, std::vector<Error::Cause>& causes) {
    ondemand::array array;
    if (const error_code error = value.get_array().get(array)) return error;
    for (auto item : array) {
        ondemand::object object;
        if (const error_code error = item.get_object().get(object)) return error;
        Error::Cause cause;
        for (auto field : object) {
            ondemand::raw_json_string key;
            ondemand::value content;
            error_code error = field.key().get(key);
            if (!error) error = field.value().get(content);
            if (error) return error;
            if (key == "field") {
                error = ReadString(content, cause.field);
            } else if (key == "reason") {
                error = ReadString(content, cause.reason);
            } else if (key == "message") {
                error = ReadString(content, cause.message);
            }
            if (error) return error;
        }
        causes.push_back(std::move(cause));
    }
    return SUCCESS;
}

error_code ReadStatus(ondemand::object root, Error& out, std::string& message) {
    for (auto field : root) {
        ondemand::raw_json_string key;
        ondemand::value value;
        error_code error = field.key().get(key);
        if (!error) error = field.value().get(value);
        if (error) return error;
        if (key == "message") {
            error = ReadString(value, message);
        } else if (key == "reason") {
            error = ReadString(value, out.reason);
        } else if (key == "code") {
            std::int64_t code = 0;
            error = value.get_int64().get(code);
            // The HTTP status says what happened; the body's code speaks only where there is none.
            if (!error && out.code == 0) out.code = static_cast<int>(code);
        } else if (key == "details") {
            error = UnlessNull(value, [&] {
                ondemand::object details;
                const error_code wrong = value.get_object().get(details);
                ondemand::value causes;
                if (wrong || details.find_field_unordered("causes").get(causes)) return wrong;
                return UnlessNull(causes, [&] { return ReadCauses(causes, out.causes); });
            });
        }
        if (error) return error;
    }
    return SUCCESS;
}

}  // namespace

Error DecodeStatus(std::string_view request, int code, std::string_view body) {
    Error out{.kind = ErrorKind::kStatus, .code = code};
    std::string message;
    std::string padded;
    padded.reserve(body.size() + kPadding);
    padded.assign(body);
    Parser parser;
    ondemand::document document;
    ondemand::object root;
    error_code error =
        parser->iterate(padded.data(), padded.size(), padded.capacity() + 1).get(document);
    if (!error) error = document.get_object().get(root);
    if (!error) error = ReadStatus(root, out, message);
    if (error && message.empty()) message = FirstWords(body);
    if (message.empty()) message = "the server gave no reason";
    out.message = out.reason.empty()
                      ? fmt::format("{}: {} ({})", request, message, out.code)
                      : fmt::format("{}: {} ({} {})", request, message, out.code, out.reason);
    return out;
}

}  // namespace internal
}  // namespace dlws::kube
