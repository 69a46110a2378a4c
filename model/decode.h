// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <simdjson.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/dljob.h"
#include "model/names.h"
#include "model/time.h"

/// @file
/// Internal to model/: reads JSON with simdjson into our structs, and says where a wrong value is.
///
///     Document doc(json);
///     DLJob job;
///     job.spec.image = doc.Root()["spec"]["image"].Text();
///     if (!doc.error().empty()) return std::unexpected(doc.error());
///
/// Absent and null values read as the default; a value of the wrong type reads as the default too
/// and leaves an error in the document (the first one is kept). A Node is valid while its Document
/// lives. A thread can have one Document at a time: the parser's buffers are kept from one to the
/// next.

namespace dlws::model {

class Document;

class Node {
  public:
    Node() = default;
    Node(Document* doc, simdjson::dom::element element)
        : doc_(doc), element_(element), present_(!element.is_null()) {}

    bool Present() const { return present_; }
    simdjson::dom::element element() const { return element_; }

    /// Field of an object; absent if this is absent.
    Node operator[](std::string_view key) const;

    std::string Text(std::string_view otherwise = {}) const;
    bool Bool(bool otherwise = false) const;
    std::int64_t Int64(std::int64_t otherwise = 0) const;
    int Int(int otherwise = 0) const;
    std::optional<Time> AsTime() const;
    /// Text or number, as quantities are written.
    std::string QuantityText(std::string_view otherwise = {}) const;
    std::vector<std::string> Texts() const;
    std::map<std::string, std::string> TextMap() const;

    /// f(Node) for each item of an array.
    template <class F>
    void Each(F&& f) const {
        if (!present_) return;
        simdjson::dom::array array;
        if (element_.get(array) != simdjson::SUCCESS) return Wrong("a list");
        std::size_t i = 0;
        for (simdjson::dom::element e : array) {
            Node item(doc_, e);
            item.path_ = path_;
            item.depth_ = depth_;
            item.Push({{}, i++});
            f(item);
        }
    }

    /// Leaves the error "<path>: <what>" in the document.
    void Fail(std::string_view what) const;
    /// "<path> must be <what>".
    void Wrong(std::string_view what) const;

  private:
    struct Step {
        std::string_view key;  // empty: an index
        std::size_t index = 0;
    };
    void Push(Step step) {
        if (depth_ < path_.size()) path_[depth_] = step;
        ++depth_;
    }
    std::string Path() const;

    Document* doc_ = nullptr;
    simdjson::dom::element element_;
    bool present_ = false;
    // Kept as steps, not as text: only an error pays for the text.
    std::array<Step, 10> path_{};
    std::size_t depth_ = 0;
};

class Document {
  public:
    explicit Document(std::string_view json);
    Document(const Document&) = delete;
    Document& operator=(const Document&) = delete;

    Node Root() { return root_; }
    const std::string& error() const { return error_; }
    void SetError(std::string text) {
        if (error_.empty()) error_ = std::move(text);
    }

  private:
    Node root_;
    std::string error_;
};

/// `metadata` of an object; an error if it has no uid or name.
Metadata ReadMetadata(Node metadata);

/// `status` of a DLJob.
JobStatus ReadStatus(Node status);

}  // namespace dlws::model
