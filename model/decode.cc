// SPDX-License-Identifier: Apache-2.0
#include "model/decode.h"

#include <fmt/format.h>

namespace dlws::model {

Document::Document(std::string_view json) {
    thread_local simdjson::dom::parser parser;
    simdjson::dom::element element;
    if (auto e = parser.parse(json.data(), json.size()).get(element); e != simdjson::SUCCESS) {
        error_ = fmt::format("not a JSON document: {}", simdjson::error_message(e));
    } else if (!element.is_object()) {
        error_ = "not a JSON object";
    } else {
        root_ = Node(this, element);
    }
}

Node Node::operator[](std::string_view key) const {
    if (!present_) return {};
    simdjson::dom::object object;
    if (element_.get(object) != simdjson::SUCCESS) {
        Wrong("an object");
        return {};
    }
    simdjson::dom::element value;
    if (object.at_key(key).get(value) != simdjson::SUCCESS) return {};
    Node child(doc_, value);
    child.path_ = path_;
    child.depth_ = depth_;
    child.Push({key, 0});
    return child;
}

std::string Node::Text(std::string_view otherwise) const {
    if (!present_) return std::string(otherwise);
    std::string_view text;
    if (element_.get(text) != simdjson::SUCCESS) {
        Wrong("text");
        return std::string(otherwise);
    }
    return std::string(text);
}

bool Node::Bool(bool otherwise) const {
    if (!present_) return otherwise;
    bool value = otherwise;
    if (element_.get(value) != simdjson::SUCCESS) Wrong("true or false");
    return value;
}

std::int64_t Node::Int64(std::int64_t otherwise) const {
    if (!present_) return otherwise;
    std::int64_t value = otherwise;
    if (element_.get(value) != simdjson::SUCCESS) {
        Wrong("a whole number");
        return otherwise;
    }
    return value;
}

int Node::Int(int otherwise) const {
    const std::int64_t value = Int64(otherwise);
    if (value < std::numeric_limits<int>::min() || value > std::numeric_limits<int>::max()) {
        Wrong("a whole number of 32 bits");
        return otherwise;
    }
    return static_cast<int>(value);
}

std::optional<Time> Node::AsTime() const {
    if (!present_) return std::nullopt;
    auto time = ParseTime(Text());
    if (!time) {
        Fail(time.error());
        return std::nullopt;
    }
    return *time;
}

std::string Node::QuantityText(std::string_view otherwise) const {
    if (!present_) return std::string(otherwise);
    if (element_.is_string()) return Text(otherwise);
    if (element_.is_number()) return simdjson::minify(element_);
    Wrong("a quantity");
    return std::string(otherwise);
}

std::vector<std::string> Node::Texts() const {
    std::vector<std::string> texts;
    Each([&](const Node& item) { texts.push_back(item.Text()); });
    return texts;
}

std::map<std::string, std::string> Node::TextMap() const {
    std::map<std::string, std::string> map;
    if (!present_) return map;
    simdjson::dom::object object;
    if (element_.get(object) != simdjson::SUCCESS) {
        Wrong("an object");
        return map;
    }
    for (auto [key, value] : object)
        map.emplace(std::string(key), (*this)[key].Text());
    return map;
}

std::string Node::Path() const {
    std::string path;
    for (std::size_t i = 0; i < depth_; ++i) {
        if (i == path_.size()) return path + "…";
        if (path_[i].key.empty()) {
            path += fmt::format("[{}]", path_[i].index);
        } else {
            if (!path.empty()) path += '.';
            path += path_[i].key;
        }
    }
    return path;
}

void Node::Fail(std::string_view what) const {
    if (doc_) doc_->SetError(fmt::format("{}: {}", Path(), what));
}

void Node::Wrong(std::string_view what) const {
    if (doc_) doc_->SetError(fmt::format("{} must be {}", Path(), what));
}

Metadata ReadMetadata(Node metadata) {
    Metadata m;
    m.name = metadata["name"].Text();
    m.ns = metadata["namespace"].Text();
    m.uid = metadata["uid"].Text();
    m.resourceVersion = metadata["resourceVersion"].Text();
    m.generation = metadata["generation"].Int64();
    m.creationTimestamp = metadata["creationTimestamp"].AsTime();
    m.deletionTimestamp = metadata["deletionTimestamp"].AsTime();
    m.labels = metadata["labels"].TextMap();
    m.annotations = metadata["annotations"].TextMap();
    m.finalizers = metadata["finalizers"].Texts();
    return m;
}

}  // namespace dlws::model
