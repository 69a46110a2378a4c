// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dlws::kube {

/// Where each part of a document stands.
class YamlLines {
  public:
    /// The line, from 1, of a path as Kubernetes writes it in Status.details.causes:
    /// `spec.roles[0].gpus`, `metadata.labels[a.b/c]`. Of what is not there, for example a required
    /// field, it is the line of the nearest part around it.
    int LineOf(std::string_view path) const;

  private:
    friend class YamlBuilder;
    struct Node {
        int line = 1;
        bool list = false;
        std::string name;  ///< of the field that it is; empty in a list
        std::vector<Node> parts;
    };
    Node root_;
};

struct YamlDocument {
    boost::json::value value;
    YamlLines lines;
};

/// One sentence for who wrote the document, with what to write instead.
struct YamlError {
    int line = 1;
    std::string message;
};

inline constexpr std::size_t kMaxYamlBytes = 1 << 20;
inline constexpr std::size_t kMaxYamlNodes = 20'000;  ///< keys count too
inline constexpr std::size_t kMaxYamlDepth = 64;

/// Reads one document as JSON, with the types of YAML 1.2's core schema: `yes` and 1:30 are text,
/// and so is what stands in quotes. Unlike there 0644 is octal, as for kubectl.
///
///     auto read = ReadYaml(text);
///     if (!read) ... read.error().line, read.error().message ...
///     int line = read->lines.LineOf("spec.roles[0].gpus");
///
/// Refused, beside what is no YAML and what is over the limits above: anchors and aliases, tags,
/// merge keys, a key that is there twice or is no string, a second document, an empty one, and
/// numbers that JSON cannot hold. A number without a fraction is an integer in any spelling (8.0,
/// 1e3).
/// Pure; thread-safe. Source: https://yaml.org/spec/1.2.2/#103-core-schema.
std::expected<YamlDocument, YamlError> ReadYaml(std::string_view text);

}  // namespace dlws::kube
