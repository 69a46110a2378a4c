// SPDX-License-Identifier: Apache-2.0
#include "kube/store.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace dlws::kube {

void Store::AddIndex(std::string name, IndexFunction function) {
    if (!objects_.empty())
        throw std::logic_error("Store::AddIndex(" + name + ") after the first object");
    indexes_.push_back({std::move(name), std::move(function), {}});
}

ObjectPtr Store::Get(const ObjectKey& key) const {
    auto found = objects_.find(key);
    return found == objects_.end() ? nullptr : found->second;
}

std::vector<ObjectPtr> Store::ByIndex(std::string_view index, const std::string& value) const {
    auto found = std::ranges::find(indexes_, index, &Index::name);
    if (found == indexes_.end())
        throw std::logic_error("Store::ByIndex: no index " + std::string(index));
    std::vector<ObjectPtr> objects;
    auto list = found->values.find(value);
    if (list == found->values.end()) return objects;
    objects.reserve(list->second.size());
    for (const auto& [key, object] : list->second)
        objects.push_back(object);
    return objects;
}

std::vector<ObjectPtr> Store::All() const {
    std::vector<ObjectPtr> objects;
    objects.reserve(objects_.size());
    for (const auto& [key, object] : objects_)
        objects.push_back(object);
    std::ranges::sort(objects, [](const ObjectPtr& a, const ObjectPtr& b) {
        return std::tie(a->meta.ns, a->meta.name) < std::tie(b->meta.ns, b->meta.name);
    });
    return objects;
}

ObjectPtr Store::Put(ObjectPtr object) {
    auto [place, inserted] = objects_.try_emplace(object->meta.Key(), object);
    if (inserted) {
        AddToIndexes(object);
        return nullptr;
    }
    const Meta& kept = place->second->meta;
    if (kept.uid == object->meta.uid && object->meta.resource_version < kept.resource_version)
        return place->second;
    ObjectPtr old = std::exchange(place->second, object);
    RemoveFromIndexes(*old);
    AddToIndexes(object);
    return old;
}

ObjectPtr Store::Remove(const ObjectKey& key) {
    auto found = objects_.find(key);
    if (found == objects_.end()) return nullptr;
    ObjectPtr old = std::move(found->second);
    objects_.erase(found);
    RemoveFromIndexes(*old);
    return old;
}

void Store::AddToIndexes(const ObjectPtr& object) {
    for (Index& index : indexes_) {
        for (const std::string& value : index.function(*object))
            index.values[value].insert_or_assign(object->meta.Key(), object);
    }
}

void Store::RemoveFromIndexes(const Object& object) {
    for (Index& index : indexes_) {
        for (const std::string& value : index.function(object)) {
            auto list = index.values.find(value);
            if (list == index.values.end()) continue;
            list->second.erase(object.meta.Key());
            // Values are often uids: an empty list kept for each would grow without end.
            if (list->second.empty()) index.values.erase(list);
        }
    }
}

}  // namespace dlws::kube
