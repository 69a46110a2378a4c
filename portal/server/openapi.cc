// SPDX-License-Identifier: Apache-2.0
#include "portal/server/openapi.h"

#include <yaml-cpp/yaml.h>

#include <boost/json.hpp>
#include <charconv>
#include <stdexcept>

#include "kube/http_encoding.h"
#include "model/render.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

// A plain scalar by the core schema of YAML 1.2 (10.3.2); what stands in quotes is text.
json::value ScalarOf(const YAML::Node& node) {
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return json::value(text);
    if (text == "true" || text == "false") return text == "true";
    if (text == "null" || text == "~" || text.empty()) return nullptr;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc() && end == text.data() + text.size()) return number;
    double real = 0;
    const auto [stop, wrong] = std::from_chars(text.data(), text.data() + text.size(), real);
    if (wrong == std::errc() && stop == text.data() + text.size()) return real;
    return json::value(text);
}

// Our own document: its aliases are ours, and few.
json::value JsonOf(const YAML::Node& node) {
    switch (node.Type()) {
        case YAML::NodeType::Scalar:
            return ScalarOf(node);
        case YAML::NodeType::Sequence: {
            json::array items;
            for (const YAML::Node& item : node)
                items.push_back(JsonOf(item));
            return items;
        }
        case YAML::NodeType::Map: {
            json::object fields;
            for (const auto& field : node)
                fields[field.first.Scalar()] = JsonOf(field.second);
            return fields;
        }
        default:
            return nullptr;
    }
}

}  // namespace

std::string OpenApiJson(const std::set<std::string, std::less<>>& served) {
    json::value document = JsonOf(YAML::Load(std::string(OpenApiYaml())));
    json::object& paths = document.at("paths").as_object();
    json::object kept;
    for (auto& [path, item] : paths) {
        json::object operations;
        bool any = false;
        for (auto& [method, operation] : item.as_object()) {
            const json::value* id =
                operation.is_object() ? operation.as_object().if_contains("operationId") : nullptr;
            if (id && !served.contains(std::string_view(id->as_string()))) continue;
            any = any || id;
            operations[method] = operation;
        }
        if (any) kept[path] = std::move(operations);
    }
    paths = std::move(kept);
    return json::serialize(document);
}

std::string JobSchemaJson() {
    const json::value definition = JsonOf(YAML::Load(std::string(DLJobYaml())));
    json::object schema =
        definition.at_pointer("/spec/versions/0/schema/openAPIV3Schema").as_object();
    // Who writes a job does not write what becomes of it.
    schema.at("properties").as_object().erase("status");
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    schema["required"] = {"apiVersion", "kind", "metadata", "spec"};
    return json::serialize(schema);
}

SharedJson::SharedJson(std::string text)
    : plain_(std::make_shared<const std::string>(std::move(text))),
      gzip_(std::make_shared<const std::string>(kube::Gzip(*plain_))),
      tag_("W/\"" + model::Sha256Hex(*plain_).substr(0, 32) + "\"") {}

kube::HttpAnswer SharedJson::AnswerTo(const kube::HttpRequest& request) const {
    kube::HttpAnswer answer;
    answer.content_type = "application/json";
    answer.fields = {{"ETag", tag_}, {"Vary", "Accept-Encoding"}};
    answer.shared_body = plain_;
    if (kube::AcceptsGzip(request)) {
        answer.shared_body = gzip_;
        answer.fields.emplace_back("Content-Encoding", "gzip");
    }
    return answer;
}

}  // namespace dlws::portal
