// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "kube/object.h"

namespace dlws::kube {

/// What an informer knows: immutable objects by key, with secondary indexes.
///
///     store.AddIndex("controller-uid", [](const Object& o) {
///         return std::vector<std::string>{o.meta.controller_uid};
///     });
///     for (const ObjectPtr& pod : store.ByIndex("controller-uid", job_uid)) ...
///
/// Confined to the executor of its informer: no locks. The pointers handed out may travel.
class Store {
  public:
    /// Values under which an object is found; empty: in no list of this index. A value given twice
    /// counts once. Pure: called again when the object leaves, and must answer the same.
    using IndexFunction = std::function<std::vector<std::string>(const Object&)>;

    /// Before the first object only (std::logic_error afterwards). `name` e.g. "controller-uid".
    void AddIndex(std::string name, IndexFunction function);

    ObjectPtr Get(const ObjectKey& key) const;  ///< null when absent
    /// Objects with this index value, ordered by key (so that callers are deterministic).
    /// std::logic_error for an index nobody added.
    std::vector<ObjectPtr> ByIndex(std::string_view index, const std::string& value) const;
    std::vector<ObjectPtr> All() const;  ///< ordered by key
    std::size_t Size() const { return objects_.size(); }

    /// Inserts or replaces; returns the old one. An older resourceVersion of the same uid is
    /// ignored (returns the newer one that is kept).
    ObjectPtr Put(ObjectPtr object);
    ObjectPtr Remove(const ObjectKey& key);

  private:
    // The key of an object is in the object: one more copy for each list would be most of what a
    // small object costs.
    struct ByKey {
        bool operator()(const ObjectPtr& a, const ObjectPtr& b) const;
    };
    struct KeyHash {
        using is_transparent = void;
        std::size_t operator()(const ObjectKey& key) const { return ObjectKeyHash()(key); }
        std::size_t operator()(const ObjectPtr& object) const;
    };
    struct KeyEqual {
        using is_transparent = void;
        bool operator()(const ObjectPtr& a, const ObjectPtr& b) const;
        bool operator()(const ObjectKey& a, const ObjectPtr& b) const;
    };
    struct Index {
        std::string name;
        IndexFunction function;
        std::unordered_map<std::string, std::set<ObjectPtr, ByKey>> values;
    };
    void AddToIndexes(const ObjectPtr& object);
    void RemoveFromIndexes(const ObjectPtr& object);

    std::unordered_set<ObjectPtr, KeyHash, KeyEqual> objects_;
    std::vector<Index> indexes_;
};

}  // namespace dlws::kube
