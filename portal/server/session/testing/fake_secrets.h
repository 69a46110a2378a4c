// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "kube/api.h"
#include "kube/informer.h"

namespace dlws::portal::testing {

/// What an API server does with Secrets, in memory: resourceVersions, preconditions, label
/// selectors of one equation. A watcher is told of changes when Tell() is called: a watch lags.
///
///     FakeSecrets secrets(io.get_executor());
///     SessionStore store(secrets, …);
///     secrets.Watch([&](const kube::Change& change) { store.Observe(change); });
class FakeSecrets : public kube::Api {
  public:
    explicit FakeSecrets(boost::asio::any_io_executor executor) : executor_(std::move(executor)) {}

    /// Told of all there is, and of each change after it, by Tell().
    void Watch(std::function<void(const kube::Change&)> watcher);
    void Tell();

    /// From now on all calls fail so; 0: they do not.
    int fails = 0;
    /// Called before a call that writes ("create", "update", "delete"); false: it fails as by a
    /// lost connection after `lost_after` has let it happen or not.
    std::function<bool(const std::string& verb)> before_write;
    bool lost_after = false;  ///< the write happens and its answer is lost

    int reads = 0;
    std::function<void()> after_read;           ///< called when a read's answer is on its way
    std::map<std::string, std::string> stored;  ///< by name: the JSON, as etcd has it

    boost::asio::any_io_executor Executor() const override { return executor_; }
    kube::Awaitable<kube::Result<kube::ObjectPtr>> Get(kube::Resource, kube::ObjectKey key,
                                                       kube::CallOptions) override;
    kube::Awaitable<kube::Result<kube::ListPage>> List(kube::Resource,
                                                       kube::ListOptions options) override;
    kube::Awaitable<kube::Result<kube::ObjectPtr>> Create(kube::Resource, std::string ns,
                                                          std::string body,
                                                          kube::WriteOptions) override;
    kube::Awaitable<kube::Result<kube::ObjectPtr>> Update(kube::Resource, kube::ObjectKey key,
                                                          std::string body,
                                                          kube::WriteOptions) override;
    kube::Awaitable<kube::Result<kube::ObjectPtr>> Patch(kube::Resource, kube::ObjectKey,
                                                         kube::PatchType, std::string,
                                                         kube::WriteOptions) override;
    kube::Awaitable<kube::Result<std::string>> Ask(kube::Resource, std::string,
                                                   kube::CallOptions) override;
    std::chrono::system_clock::time_point ServerTime() const override { return {}; }
    kube::Awaitable<kube::Result<void>> Delete(kube::Resource, kube::ObjectKey key,
                                               kube::DeleteOptions options) override;

  private:
    kube::Result<kube::ObjectPtr> Put(std::string name, std::string body, const std::string& uid);
    bool Lost(const std::string& verb);

    boost::asio::any_io_executor executor_;
    std::uint64_t version_ = 100;
    std::vector<std::function<void(const kube::Change&)>> watchers_;
    std::vector<kube::Change> untold_;
};

}  // namespace dlws::portal::testing
