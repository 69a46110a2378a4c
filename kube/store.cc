// SPDX-License-Identifier: Apache-2.0
#include "kube/store.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace dlws::kube {

namespace {

auto KeyOf(const ObjectPtr& object) {
    return std::tie(object->meta.ns, object->meta.name);
}

}  // namespace

bool Store::ByKey::operator()(const ObjectPtr& a, const ObjectPtr& b) const {
    return KeyOf(a) < KeyOf(b);
}
std::size_t Store::KeyHash::operator()(const ObjectPtr& object) const {
    return ObjectKeyHash::Of(object->meta.ns, object->meta.name);
}
bool Store::KeyEqual::operator()(const ObjectPtr& a, const ObjectPtr& b) const {
    return KeyOf(a) == KeyOf(b);
}
bool Store::KeyEqual::operator()(const ObjectKey& a, const ObjectPtr& b) const {
    return std::tie(a.ns, a.name) == KeyOf(b);
}

void Store::AddIndex(std::string name, IndexFunction function) {
    if (!objects_.empty())
        throw std::logic_error("Store::AddIndex(" + name + ") after the first object");
    indexes_.push_back({std::move(name), std::move(function), {}});
}

ObjectPtr Store::Get(const ObjectKey& key) const {
    auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : *found;
}

std::vector<ObjectPtr> Store::ByIndex(std::string_view index, const std::string& value) const {
    auto found = std::ranges::find(indexes_, index, &Index::name);
    if (found == indexes_.end())
        throw std::logic_error("Store::ByIndex: no index " + std::string(index));
    auto list = found->values.find(value);
    if (list == found->values.end()) return {};
    return {list->second.begin(), list->second.end()};
}

std::vector<ObjectPtr> Store::All() const {
    std::vector<ObjectPtr> objects(objects_.begin(), objects_.end());
    std::ranges::sort(objects, ByKey());
    return objects;
}

ObjectPtr Store::Put(ObjectPtr object) {
    auto [place, inserted] = objects_.insert(object);
    if (inserted) {
        AddToIndexes(object);
        return nullptr;
    }
    const Meta& kept = (*place)->meta;
    if (kept.uid == object->meta.uid && object->meta.resource_version < kept.resource_version)
        return *place;
    auto node = objects_.extract(place);
    ObjectPtr old = std::exchange(node.value(), object);
    objects_.insert(std::move(node));
    RemoveFromIndexes(old);
    AddToIndexes(object);
    return old;
}

ObjectPtr Store::Remove(const ObjectKey& key) {
    auto found = objects_.find(key);
    if (found == objects_.end()) return nullptr;
    ObjectPtr old = *found;
    objects_.erase(found);
    RemoveFromIndexes(old);
    return old;
}

void Store::AddToIndexes(const ObjectPtr& object) {
    for (Index& index : indexes_) {
        for (const std::string& value : index.function(*object))
            index.values[value].insert(object);
    }
}

void Store::RemoveFromIndexes(const ObjectPtr& object) {
    for (Index& index : indexes_) {
        for (const std::string& value : index.function(*object)) {
            auto list = index.values.find(value);
            if (list == index.values.end()) continue;
            list->second.erase(object);
            // Values are often uids: an empty list kept for each would grow without end.
            if (list->second.empty()) index.values.erase(list);
        }
    }
}

}  // namespace dlws::kube
