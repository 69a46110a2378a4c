// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml_reader.h"

#include <fmt/format.h>
#include <simdjson.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <sstream>

namespace dlws::kube {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxQuoted = 64;

/// Thrown within this file only, through the parser.
struct YamlRefusal {
    YamlError error;
};

int LineOf(const YAML::Mark& mark) {
    return mark.is_null() ? 1 : mark.line + 1;
}

/// Of what somebody wrote, for a message.
std::string Quoted(const std::string& text) {
    return text.size() <= kMaxQuoted ? fmt::format("'{}'", text) : "(a long text)";
}

bool AllOf(std::string_view text, std::string_view chars) {
    return !text.empty() && text.find_first_not_of(chars) == text.npos;
}

constexpr std::string_view kDigits = "0123456789";

/// [-+]? ( \.[0-9]+ | [0-9]+ (\.[0-9]*)? ) ([eE][-+]?[0-9]+)?
bool IsDecimal(std::string_view text) {
    const auto digits = [&] {
        const auto n = std::min(text.find_first_not_of(kDigits), text.size());
        text.remove_prefix(n);
        return n;
    };
    const auto sign = [&] {
        if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
    };
    sign();
    const std::size_t whole = digits();
    if (text.starts_with('.')) {
        text.remove_prefix(1);
        if (digits() == 0 && whole == 0) return false;
    } else if (whole == 0) {
        return false;
    }
    if (text.starts_with('e') || text.starts_with('E')) {
        text.remove_prefix(1);
        sign();
        if (digits() == 0) return false;
    }
    return text.empty();
}

std::optional<json::value> Integer(std::string_view digits, int base, bool negative) {
    std::uint64_t magnitude = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
    if (error != std::errc() || end != digits.data() + digits.size()) return {};
    constexpr std::uint64_t kMaxSigned = INT64_MAX;
    if (!negative && magnitude > kMaxSigned) return json::value(magnitude);
    if (magnitude > kMaxSigned + (negative ? 1 : 0)) return {};
    return json::value(std::int64_t(negative ? 0 - magnitude : magnitude));
}

std::optional<json::value> Float(std::string_view text) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number))
        return {};
    // As JSON writes them, 8.0 would be 8E0, which nothing takes for an integer any more.
    constexpr double kExact = 9007199254740992;  // 2^53
    if (number == std::floor(number) && std::abs(number) <= kExact)
        return json::value(std::int64_t(number));
    return json::value(number);
}

/// A plain scalar by the core schema; the error is what is wrong with it.
std::expected<json::value, std::string> Resolve(const std::string& text) {
    static constexpr std::string_view kNull[] = {"", "~", "null", "Null", "NULL"};
    static constexpr std::string_view kTrue[] = {"true", "True", "TRUE"};
    static constexpr std::string_view kFalse[] = {"false", "False", "FALSE"};
    static constexpr std::string_view kNoNumber[] = {".inf", ".Inf", ".INF",
                                                     ".nan", ".NaN", ".NAN"};
    const auto is_one_of = [](std::string_view one, const auto& many) {
        return std::ranges::find(many, one) != std::end(many);
    };
    if (is_one_of(text, kNull)) return nullptr;
    if (is_one_of(text, kTrue)) return true;
    if (is_one_of(text, kFalse)) return false;

    std::string_view bare = text;
    const bool negative = bare.starts_with('-');
    if (negative || bare.starts_with('+')) bare.remove_prefix(1);
    if (is_one_of(bare, kNoNumber))
        return std::unexpected(
            "there is no such number in JSON; write a number, or quote the text");
    std::optional<json::value> number;
    if (text.starts_with("0x") && AllOf(bare.substr(2), "0123456789abcdefABCDEF")) {
        number = Integer(bare.substr(2), 16, false);
    } else if (text.starts_with("0o") && AllOf(bare.substr(2), "01234567")) {
        number = Integer(bare.substr(2), 8, false);
    } else if (AllOf(bare, kDigits)) {
        // As kubectl takes 0644, and as people mean it; decimal would be another file mode.
        const bool octal = bare.size() > 1 && bare.starts_with('0');
        if (octal && !AllOf(bare, "01234567"))
            return std::unexpected(fmt::format(
                "{} begins as an octal number and is none; quote it if it is text", Quoted(text)));
        number = Integer(bare, octal ? 8 : 10, negative);
    } else if (IsDecimal(text)) {
        number = Float(text.starts_with('+') ? bare : std::string_view(text));
    } else {
        return json::value(json::string(text));
    }
    if (number) return std::move(*number);
    return std::unexpected("the number is too large; quote it if it is text");
}

}  // namespace

/// Builds the document from the parser's events, and refuses as they come, so that nothing is
/// expanded before it has been counted.
class YamlBuilder : public YAML::EventHandler {
  public:
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > 1)
            Refuse(mark, "a second document begins here; write one, without '---' after it");
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        Admit(mark, "", anchor);
        if (AwaitsKey()) Refuse(mark, "a key is missing or null; quote it if it is text");
        Take(mark, nullptr);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
        Refuse(mark, "aliases (*name) are not read; write the value out");
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  const std::string& text) override {
        Admit(mark, tag, anchor);
        // yaml-cpp makes half a character of two escapes.
        if (!simdjson::validate_utf8(text.data(), text.size()))
            Refuse(mark, "the escapes \\N and \\_ cannot be read; write \\u0085 and \\u00a0");
        if (AwaitsKey()) {
            TakeKey(mark, text, tag == "?");
            return;
        }
        if (tag != "?") {
            Take(mark, json::string(text));
            return;
        }
        auto value = Resolve(text);
        if (!value) Refuse(mark, value.error());
        Take(mark, std::move(*value));
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        Open(mark, tag, anchor, json::array());
    }
    void OnSequenceEnd() override { Close(); }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        Open(mark, tag, anchor, json::object());
    }
    void OnMapEnd() override { Close(); }

    YamlDocument Take() { return std::move(done_); }

  private:
    using Node = YamlLines::Node;
    /// A map or list whose end has not come, and the key in it whose value has not.
    struct Level {
        json::value value;
        Node node;
        std::string key;
        int key_line = 0;  // 0: the next is a key, or this is a list
    };

    [[noreturn]] static void Refuse(const YAML::Mark& mark, std::string why) {
        throw YamlRefusal{{LineOf(mark), std::move(why)}};
    }

    void Admit(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        if (++nodes_ > kMaxYamlNodes)
            Refuse(mark, fmt::format("the document has over {} keys and values; write fewer",
                                     kMaxYamlNodes));
        if (anchor != YAML::NullAnchor)
            Refuse(mark, "anchors (&name) are not read; write the value out where it is needed");
        if (!tag.empty() && tag != "?" && tag != "!")
            Refuse(mark, "tags (as in !!str) are not read; quote the value if it is text");
    }

    bool AwaitsKey() const {
        return !open_.empty() && open_.back().value.is_object() && open_.back().key_line == 0;
    }

    void TakeKey(const YAML::Mark& mark, const std::string& key, bool plain) {
        Level& level = open_.back();
        if (plain && key == "<<")
            Refuse(mark, "merge keys (<<) are not read; write the fields out");
        if (level.value.as_object().contains(key)) {
            const auto first = std::ranges::find(level.node.parts, key, &Node::name);
            Refuse(mark, fmt::format("the key {} is there twice, first in line {}; write it once",
                                     Quoted(key), first->line));
        }
        level.key = key;
        level.key_line = LineOf(mark);
    }

    void Open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
              json::value empty) {
        Admit(mark, tag, anchor);
        if (AwaitsKey()) Refuse(mark, "a key must be text; a map or list cannot be one");
        if (open_.size() == kMaxYamlDepth)
            Refuse(mark, fmt::format("over {} levels; write it flatter", kMaxYamlDepth));
        Level level{std::move(empty), {}, {}, 0};
        level.node.line = LineOf(mark);
        level.node.list = level.value.is_array();
        open_.push_back(std::move(level));
    }

    void Close() {
        Level level = std::move(open_.back());
        open_.pop_back();
        Put(std::move(level.value), std::move(level.node));
    }

    void Take(const YAML::Mark& mark, json::value value) {
        Node node;
        node.line = LineOf(mark);
        Put(std::move(value), std::move(node));
    }

    void Put(json::value value, Node node) {
        if (open_.empty()) {
            done_.value = std::move(value);
            done_.lines.root_ = std::move(node);
            return;
        }
        Level& level = open_.back();
        if (level.node.list) {
            level.value.as_array().push_back(std::move(value));
            level.node.parts.push_back(std::move(node));
            return;
        }
        // A field is where its name stands.
        node.line = level.key_line;
        level.key_line = 0;
        level.value.as_object().emplace(level.key, std::move(value));
        node.name = std::move(level.key);
        level.node.parts.push_back(std::move(node));
    }

    std::vector<Level> open_;
    YamlDocument done_;
    std::size_t nodes_ = 0;
    int documents_ = 0;
};

namespace {

/// What the parser itself cannot know: bytes that are no text of YAML.
void CheckText(std::string_view text) {
    const auto refuse_at = [&](std::size_t at, std::string why) {
        const auto before = text.substr(0, at);
        throw YamlRefusal{{int(std::ranges::count(before, '\n')) + 1, std::move(why)}};
    };
    if (text.size() > kMaxYamlBytes)
        refuse_at(0, fmt::format("the document has {} bytes; send at most {}", text.size(),
                                 kMaxYamlBytes));
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            refuse_at(i, fmt::format("a control character (byte 0x{:02x}); in double quotes it is "
                                     "written \\x{:02x}",
                                     c, c));
    }
    if (simdjson::validate_utf8(text.data(), text.size())) return;
    // Line by line, to say in which.
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find('\n', at), text.size());
        if (!simdjson::validate_utf8(text.data() + at, end - at))
            refuse_at(at, "the text is not UTF-8; save it as UTF-8");
        at = end + 1;
    }
}

std::string_view LineText(std::string_view text, int line) {
    for (; line > 1; --line)
        text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    return text.substr(0, text.find('\n'));
}

/// The parser's words, and a hint where its words alone do not help.
YamlError Explain(const YAML::Exception& error, std::string_view text) {
    YamlError explained{LineOf(error.mark), "not YAML: " + error.msg};
    const std::string_view line = LineText(text, explained.line);
    const auto indent = line.substr(0, line.find_first_not_of(" \t"));
    if (indent.find('\t') != indent.npos) explained.message += "; indent with spaces, not tabs";
    return explained;
}

}  // namespace

std::expected<YamlDocument, YamlError> ReadYaml(std::string_view text) {
    try {
        CheckText(text);
        std::istringstream in{std::string(text)};
        YAML::Parser parser(in);
        YamlBuilder builder;
        while (parser.HandleNextDocument(builder)) {
        }
        YamlDocument document = builder.Take();
        if (document.value.is_null()) return std::unexpected(YamlError{1, "the document is empty"});
        return document;
    } catch (const YamlRefusal& refusal) {
        return std::unexpected(refusal.error);
    } catch (const YAML::Exception& error) {
        return std::unexpected(Explain(error, text));
    }
}

int YamlLines::LineOf(std::string_view path) const {
    const Node* node = &root_;
    while (!path.empty()) {
        if (path.starts_with('.')) path.remove_prefix(1);
        const Node* next = nullptr;
        std::size_t used = 0;
        const auto bracket = path.starts_with('[') ? path.find(']') : path.npos;
        if (bracket != path.npos && node->list) {
            std::size_t index = 0;
            const auto [end, error] =
                std::from_chars(path.data() + 1, path.data() + bracket, index);
            if (error == std::errc() && end == path.data() + bracket && index < node->parts.size())
                next = &node->parts[index];
            used = bracket + 1;
        } else {
            // A name may have dots itself: the longest that fits is meant.
            for (const Node& part : node->parts) {
                const std::string& name = part.name;
                const bool in_brackets =
                    bracket != path.npos && path.substr(1, bracket - 1) == name;
                const std::string_view rest = path.substr(std::min(path.size(), name.size()));
                const bool fits = path.starts_with(name) &&
                                  (rest.empty() || rest.front() == '.' || rest.front() == '[');
                const std::size_t size = in_brackets ? bracket + 1 : name.size();
                if ((in_brackets || fits) && !node->list && (!next || size > used)) {
                    next = &part;
                    used = size;
                }
            }
        }
        if (!next) break;
        node = next;
        path.remove_prefix(used);
    }
    return node->line;
}

}  // namespace dlws::kube
