// SPDX-License-Identifier: Apache-2.0
#include "kube/yaml.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <set>
#include <string_view>

namespace dlws::kube {
namespace {

namespace json = boost::json;

// Words that some reader of YAML takes for no string.
bool IsWordOfYaml(std::string_view text) {
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    static const std::set<std::string, std::less<>> kWords{
        "true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"};
    return kWords.contains(lower);
}

bool IsPlain(std::string_view text) {
    if (text.empty() || !std::isalpha((unsigned char)text[0]) || IsWordOfYaml(text)) return false;
    return std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) || c == '-' || c == '_' || c == '.' || c == '/' || c == '@';
    });
}

// A block keeps its text exactly if it ends with one line feed and begins with no space.
bool IsBlock(std::string_view text) {
    if (text.size() < 2 || text.back() != '\n' || text[text.size() - 2] == '\n') return false;
    if (text[0] == ' ' || text[0] == '\n') return false;
    return std::ranges::all_of(text,
                               [](unsigned char c) { return c == '\n' || (c >= 32 && c < 127); });
}

void Write(YAML::Emitter& out, const json::value& value) {
    if (const json::object* object = value.if_object()) {
        if (object->empty()) out << YAML::Flow;
        out << YAML::BeginMap;
        for (const auto& [key, inner] : *object) {
            const std::string name(key);
            out << YAML::Key;
            if (!IsPlain(name)) out << YAML::DoubleQuoted;
            out << name << YAML::Value;
            Write(out, inner);
        }
        out << YAML::EndMap;
    } else if (const json::array* array = value.if_array()) {
        if (array->empty()) out << YAML::Flow;
        out << YAML::BeginSeq;
        for (const json::value& inner : *array)
            Write(out, inner);
        out << YAML::EndSeq;
    } else if (const json::string* text = value.if_string()) {
        const std::string whole(*text);
        if (IsBlock(whole))
            out << YAML::Literal << whole.substr(0, whole.size() - 1);
        else if (IsPlain(whole))
            out << whole;
        else
            out << YAML::DoubleQuoted << whole;
    } else if (value.is_null()) {
        out << YAML::LowerNull << YAML::Null;  // as text it would be quoted, and so a string
    } else {
        out << json::serialize(value);  // numbers, true and false are the same in both
    }
}

}  // namespace

std::string ToYaml(const json::value& document) {
    YAML::Emitter out;
    Write(out, document);
    return std::string(out.c_str()) + "\n";
}

}  // namespace dlws::kube
