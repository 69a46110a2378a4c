// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "kube/http_message.h"

namespace dlws::portal {

/// portal/openapi.yaml, as it was when the program was compiled.
std::string_view OpenApiYaml();

/// The same as JSON, without the operations that are not in `served` (operationIds): what the
/// server answers 404 to is not in the document it serves. Throws std::runtime_error when the
/// document is none.
std::string OpenApiJson(const std::set<std::string, std::less<>>& served);

/// crds/dljob.yaml, as it was when the program was compiled.
std::string_view DLJobYaml();

/// The JSON schema of a DLJob as people write one (apiVersion, kind, metadata and spec), made of
/// that definition for editors. Throws std::runtime_error when it is none.
std::string JobSchemaJson();

/// A JSON text that is the same for everybody: its ETag and its compressed form are made once, and
/// no answer has a copy of it.
class SharedJson {
  public:
    SharedJson() : SharedJson("{}") {}
    explicit SharedJson(std::string text);
    kube::HttpAnswer AnswerTo(const kube::HttpRequest& request) const;

  private:
    std::shared_ptr<const std::string> plain_, gzip_;
    std::string tag_;
};

}  // namespace dlws::portal
