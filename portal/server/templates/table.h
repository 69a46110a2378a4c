// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kube/informer.h"

namespace dlws::portal {

/// What ListTemplates shows of a template, and what it looks at.
struct TemplateRow {
    std::string ns, name, uid;
    std::string text;  ///< what `q` searches, in lower case
    std::string json;  ///< schema TemplateRow
};

/// The templates of all namespaces by name, kept by their informer. Confined to its executor.
class TemplateTable {
  public:
    /// Call once, before the informer runs; we must outlive it.
    void Follow(kube::Informer& informer);
    void Apply(const kube::Change& change);

    /// By name, then by uid: those for which `fits` says yes. Valid until the next change.
    template <typename Fits>
    std::vector<const TemplateRow*> Select(Fits fits) const {
        std::vector<const TemplateRow*> found;
        for (const auto& [place, row] : rows_)
            if (fits(row)) found.push_back(&row);
        return found;
    }
    /// How many there are, by namespace.
    const std::map<std::string, std::size_t>& Namespaces() const { return namespaces_; }

  private:
    std::map<std::pair<std::string, std::string>, TemplateRow> rows_;  // by name and uid
    std::map<std::string, std::size_t> namespaces_;
};

/// What the portal keeps of a DLJobTemplate: the JSON of its row, some 5 KiB at most, in place of
/// up to 1 MiB.
kube::Informer::Settings TemplateCacheSettings();

}  // namespace dlws::portal
