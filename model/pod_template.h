// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

/// @file
/// Internal to model/: the administrator's podTemplate as a document to build on.
///
///     PodTemplate base = PodTemplate::Parse(cluster.podTemplate);
///     json::object& security = base.ObjectAt(base.spec(), "securityContext");
///     if (!base.error().empty()) …   // once, at the end: "spec.securityContext must be an object"
///
/// The template was written by hand and nothing has checked it. A part with the wrong type is
/// replaced by an empty one, so that callers can go on, and named in error(); the result is then
/// not to be used.

namespace dlws::model {

class PodTemplate {
  public:
    /// `raw`: a PodTemplateSpec, or empty. Keeps labels and annotations of its metadata, and its
    /// spec, with container `main` first (added if it is not there).
    static PodTemplate Parse(std::string_view raw);

    boost::json::object& metadata() { return metadata_; }
    boost::json::object& spec() { return spec_; }
    /// Container `main`. The reference is valid until containers are added.
    boost::json::object& main();

    /// The object or list under `key`, made if absent or null.
    boost::json::object& ObjectAt(boost::json::object& parent, std::string_view key);
    boost::json::array& ArrayAt(boost::json::object& parent, std::string_view key);

    /// Puts `item` into `list` in place of the item whose `key` has the same text, or at the end.
    void PutByKey(boost::json::array& list, std::string_view key, boost::json::object item);

    const std::string& error() const { return error_; }
    void SetError(std::string text) {
        if (error_.empty()) error_ = std::move(text);
    }

  private:
    boost::json::object metadata_;
    boost::json::object spec_;
    std::string error_;
};

}  // namespace dlws::model
