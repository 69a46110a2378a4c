// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/body.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <boost/json.hpp>
#include <set>

namespace dlws::portal {

namespace {

namespace dom = simdjson::dom;
namespace json = boost::json;

constexpr std::size_t kMostDepth = kube::kMaxYamlDepth;

Problem Unreadable(std::string message, int line = 0) {
    Problem problem = BadRequest("body", std::move(message));
    problem.errors.front().line = std::uint32_t(line);
    return problem;
}

// What is wrong with a document that is JSON; empty: nothing.
class Check {
  public:
    std::string Of(dom::element value, std::size_t depth = 1) {
        if (++nodes_ > kube::kMaxYamlNodes)
            return fmt::format("has more than {} values and keys", kube::kMaxYamlNodes);
        if (depth > kMostDepth) return fmt::format("is more than {} levels deep", kMostDepth);
        dom::array array;
        dom::object object;
        if (value.get(array) == simdjson::SUCCESS) {
            for (const dom::element item : array)
                if (std::string wrong = Of(item, depth + 1); !wrong.empty()) return wrong;
        } else if (value.get(object) == simdjson::SUCCESS) {
            std::set<std::string_view> keys;
            for (const auto& [key, member] : object) {
                ++nodes_;
                if (!keys.insert(key).second)
                    return fmt::format("has the key {} twice in one object",
                                       json::serialize(json::value(key.substr(0, 64))));
                if (std::string wrong = Of(member, depth + 1); !wrong.empty()) return wrong;
            }
        }
        return "";
    }

  private:
    std::size_t nodes_ = 0;
};

std::expected<Body, Problem> ReadJson(std::string_view text) {
    {
        dom::parser parser;
        dom::element root;
        if (const auto error = parser.parse(text.data(), text.size()).get(root))
            return std::unexpected(
                Unreadable(fmt::format("is no JSON: {}", simdjson::error_message(error))));
        if (std::string wrong = Check().Of(root); !wrong.empty())
            return std::unexpected(Unreadable(std::move(wrong)));
    }
    json::parse_options options;
    options.max_depth = kMostDepth + 1;
    json::error_code error;
    Body body;
    body.value = json::parse({text.data(), text.size()}, error, {}, options);
    if (error) return std::unexpected(Unreadable("is no JSON: " + error.message()));
    return body;
}

}  // namespace

void Body::AddLines(Problem& problem) const {
    if (!lines) return;
    // Those that are told: each is looked for in the whole document.
    if (problem.errors.size() > kMostErrors) problem.errors.resize(kMostErrors);
    for (FieldError& error : problem.errors)
        if (!error.field.empty()) error.line = std::uint32_t(lines->LineOf(error.field));
}

std::expected<Body, Problem> ReadBody(std::string_view text, bool yaml) {
    if (!yaml) return ReadJson(text);
    auto document = kube::ReadYaml(text);
    if (!document)
        return std::unexpected(
            Unreadable("cannot be read: " + document.error().message, document.error().line));
    Body body;
    body.value = std::move(document->value);
    body.lines = std::move(document->lines);
    return body;
}

}  // namespace dlws::portal
