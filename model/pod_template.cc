// SPDX-License-Identifier: Apache-2.0
#include "model/pod_template.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "model/names.h"

namespace dlws::model {

namespace json = boost::json;

namespace {

bool HasText(const json::value& item, std::string_view key, std::string_view text) {
    const json::object* object = item.if_object();
    const json::value* value = object ? object->if_contains(key) : nullptr;
    return value && value->is_string() && value->get_string() == text;
}

}  // namespace

PodTemplate PodTemplate::Parse(std::string_view raw) {
    PodTemplate result;
    json::object root;
    if (!raw.empty()) {
        json::error_code error;
        json::value value = json::parse(raw, error);
        if (error)
            result.SetError(error.message());
        else if (!value.is_object())
            result.SetError("it must be an object");
        else
            root = std::move(value.get_object());
    }
    json::object& metadata = result.ObjectAt(root, "metadata");
    for (std::string_view part : {"labels", "annotations"}) {
        json::object& map = result.ObjectAt(metadata, part);
        for (const auto& [key, value] : map)
            if (!value.is_string())
                result.SetError(
                    fmt::format("metadata.{}.{} must be text", part, std::string_view(key)));
        result.metadata_[part] = map;
    }
    result.spec_ = std::move(result.ObjectAt(root, "spec"));

    json::array& containers = result.ArrayAt(result.spec_, "containers");
    for (std::size_t i = 0; i < containers.size(); ++i)
        if (!containers[i].is_object())
            result.SetError(fmt::format("spec.containers[{}] must be an object", i));
    const auto main = std::ranges::find_if(
        containers, [](const json::value& c) { return HasText(c, "name", kMainContainer); });
    json::value found = main == containers.end() ? json::object{{"name", kMainContainer}} : *main;
    if (main != containers.end()) containers.erase(main);
    containers.insert(containers.begin(), std::move(found));
    return result;
}

json::object& PodTemplate::main() {
    return spec_["containers"].get_array().front().get_object();
}

json::object& PodTemplate::ObjectAt(json::object& parent, std::string_view key) {
    json::value& value = parent[key];
    if (!value.is_object()) {
        if (!value.is_null()) SetError(fmt::format("{} must be an object", key));
        value.emplace_object();
    }
    return value.get_object();
}

json::array& PodTemplate::ArrayAt(json::object& parent, std::string_view key) {
    json::value& value = parent[key];
    if (!value.is_array()) {
        if (!value.is_null()) SetError(fmt::format("{} must be a list", key));
        value.emplace_array();
    }
    return value.get_array();
}

void PodTemplate::PutByKey(json::array& list, std::string_view key, json::object item) {
    const std::string_view text = item.at(key).as_string();
    const auto same = std::ranges::find_if(
        list, [&](const json::value& other) { return HasText(other, key, text); });
    if (same == list.end())
        list.push_back(std::move(item));
    else
        *same = std::move(item);
}

}  // namespace dlws::model
