// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kube/object.h"

namespace dlws::kube {

/// What an informer knows: immutable objects by key, with secondary indexes.
///
/// Confined to the executor of its informer: no locks. The pointers handed out may travel.
class Store {
  public:
    /// Values under which an object is found; empty: in no list of this index.
    using IndexFunction = std::function<std::vector<std::string>(const Object&)>;

    /// Before the first object only. `name` e.g. "controller-uid".
    void AddIndex(std::string name, IndexFunction function);

    ObjectPtr Get(const ObjectKey& key) const;  ///< null when absent
    /// Objects with this index value, ordered by key (so that callers are deterministic).
    std::vector<ObjectPtr> ByIndex(std::string_view index, const std::string& value) const;
    std::vector<ObjectPtr> All() const;
    std::size_t Size() const { return objects_.size(); }

    /// Inserts or replaces; returns the old one. An older resourceVersion of the same uid is
    /// ignored (returns the newer one that is kept).
    ObjectPtr Put(ObjectPtr object);
    ObjectPtr Remove(const ObjectKey& key);

  private:
    struct Index {
        std::string name;
        IndexFunction function;
        std::unordered_map<std::string, std::map<ObjectKey, ObjectPtr>> values;
    };
    void Unindex(const Object& object);

    std::unordered_map<ObjectKey, ObjectPtr, ObjectKeyHash> objects_;
    std::vector<Index> indexes_;
};

}  // namespace dlws::kube
