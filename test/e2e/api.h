// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cpprest/json.h>

#include <memory>
#include <string>
#include <string_view>

/// @file
/// The test driver's own client of the Kubernetes API, on cpprestsdk: it shares no line with the
/// client under test, so the two cannot be wrong in the same way.
///
///     Api api("/var/lib/dlws-cluster/kubeconfig");
///     Reply pod = api.Get("/api/v1/namespaces/default/pods/a");
///     if (pod.ok()) Text(pod.body, "status/phase");
///
/// Nothing here throws on what the server says; a request that got no answer has code 0.

namespace dlws::e2e {

using Json = web::json::value;

/// The value at `path` (keys and list indices, separated by '/'); null where there is none.
const Json& At(const Json& value, std::string_view path);
/// The same as text: strings as they are, null as "", the rest as JSON.
std::string Text(const Json& value, std::string_view path);
int Number(const Json& value, std::string_view path, int otherwise = 0);
/// Items of the list at `path`, none when it is no list.
const web::json::array& List(const Json& value, std::string_view path);
const web::json::array& List(Json&& value, std::string_view path) = delete;  // would dangle

/// Manifests are written in YAML, which people can read. Plain scalars become numbers, booleans and
/// null as YAML says; quoted ones stay text.
Json FromYaml(const std::string& yaml);

struct Reply {
    int code = 0;  ///< 0: no answer; text says why
    Json body;     ///< null when the answer is not JSON
    std::string text;
    bool ok() const { return code >= 200 && code < 300; }
};

class Api {
  public:
    /// Throws when the kubeconfig cannot be used. Client certificates and tokens, inline or in
    /// files. `as`: asks in that user's name, which the kubeconfig's own must be allowed to.
    explicit Api(const std::string& kubeconfig, std::string as = "");
    ~Api();

    Reply Get(const std::string& path) const;
    /// The body as text alone: a watch is many documents.
    Reply GetText(const std::string& path) const;
    Reply Post(const std::string& path, const Json& body) const;
    Reply Put(const std::string& path, const Json& body) const;
    Reply Patch(const std::string& path, const Json& merge_patch) const;
    Reply Delete(const std::string& path, const Json& options = Json::object()) const;

  private:
    Reply Send(const std::string& method, const std::string& path, const std::string& body,
               const std::string& type, bool parse = true) const;
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace dlws::e2e
