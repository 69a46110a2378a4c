// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

/// @file
/// Values that copies have in common until one of them is changed: an exploration keeps a million
/// states that differ in little.

namespace dlws::job::sim {

/// A map; reads as one. Whoever changes it must not hold iterators from before.
template <typename Map>
class SharedMap {
  public:
    using Key = typename Map::key_type;

    auto begin() const { return map_->begin(); }
    auto end() const { return map_->end(); }
    auto size() const { return map_->size(); }
    auto find(const Key& key) const { return map_->find(key); }
    const auto& at(const Key& key) const { return map_->at(key); }
    bool contains(const Key& key) const { return map_->contains(key); }
    operator const Map&() const { return *map_; }

    Map& Change() {
        if (map_.use_count() > 1) map_ = std::make_shared<Map>(*map_);
        return *map_;
    }

  private:
    std::shared_ptr<Map> map_ = std::make_shared<Map>();
};

}  // namespace dlws::job::sim
