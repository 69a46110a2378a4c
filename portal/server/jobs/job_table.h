// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "kube/informer.h"
#include "model/resources.h"
#include "portal/server/jobs/row.h"

namespace dlws::portal {

/// A row for each DLJob, kept by an informer.
///
///     kube::Informer informer(client, JobCacheSettings(), random);
///     JobTable jobs;
///     jobs.Follow(informer);
///     jobs.OnChange([](const RowPtr& before, const RowPtr& after) { … });
///
/// There is no index but namespace, uid and name: one pass over 10,000 rows is some tenths of a
/// millisecond (`job_pass_bench`), and nobody asks more often than that is worth. Confined to the
/// informer's executor. Rows may travel.
class JobTable {
  public:
    /// In no order.
    using Rows = std::vector<RowPtr>;
    /// `before` null: appeared; `after` null: gone. Called after the table has changed.
    using Handler = std::function<void(const RowPtr& before, const RowPtr& after)>;

    /// Call once, before the informer runs; we must outlive it.
    void Follow(kube::Informer& informer);
    void Apply(const kube::Change& change);
    void OnChange(Handler handler) { handlers_.push_back(std::move(handler)); }

    std::size_t Size() const { return by_uid_.size(); }
    RowPtr ByUid(const std::string& uid) const;  ///< null: there is none
    RowPtr ByName(const std::string& ns, const std::string& name) const;
    /// By namespace; those without jobs are not there. Valid until the next change.
    const std::map<std::string, Rows>& Namespaces() const { return namespaces_; }

  private:
    struct Where {
        Rows* rows = nullptr;
        std::size_t index = 0;
    };
    void Put(RowPtr row);
    void Remove(const Row& row);

    std::map<std::string, Rows> namespaces_;
    std::unordered_map<std::string, Where> by_uid_;
    std::unordered_map<kube::ObjectKey, RowPtr, kube::ObjectKeyHash> by_name_;
    std::vector<Handler> handlers_;
};

/// What the portal keeps of a DLJob: all of its spec and status but the contents of `spec.files`
/// (`size`, bytes of UTF-8, stands for `content`), its labels, no annotations (kubectl writes the
/// whole manifest into one). What is no JSON object stays as it is. `meta.labels` of what is kept
/// are empty.
kube::Informer::Settings JobCacheSettings();
std::string JobProjection(std::string_view dljob);

}  // namespace dlws::portal
