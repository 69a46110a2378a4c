// SPDX-License-Identifier: Apache-2.0
#include "kube/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace dlws::kube {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ObjectPtr Pod(const std::string& ns, const std::string& name, std::uint64_t version,
              const std::string& uid = "u1", const std::string& owner = "") {
    auto object = std::make_shared<Object>();
    object->meta.ns = ns;
    object->meta.name = name;
    object->meta.uid = uid;
    object->meta.resource_version = version;
    object->meta.controller_uid = owner;
    return object;
}

std::vector<std::string> OwnerOf(const Object& object) {
    if (object.meta.controller_uid.empty()) return {};
    return {object.meta.controller_uid};
}

std::vector<std::string> Names(const std::vector<ObjectPtr>& objects) {
    std::vector<std::string> names;
    for (const ObjectPtr& object : objects)
        names.push_back(object->meta.Key().ToString());
    return names;
}

TEST(Store, PutGetRemove) {
    Store store;
    EXPECT_EQ(store.Put(Pod("a", "x", 1)), nullptr);
    auto old = store.Put(Pod("a", "x", 2));
    ASSERT_TRUE(old);
    EXPECT_EQ(old->meta.resource_version, 1u);
    EXPECT_EQ(store.Get({"a", "x"})->meta.resource_version, 2u);
    EXPECT_EQ(store.Get({"b", "x"}), nullptr);
    EXPECT_EQ(store.Size(), 1u);
    EXPECT_EQ(store.Remove({"a", "x"})->meta.resource_version, 2u);
    EXPECT_EQ(store.Remove({"a", "x"}), nullptr);
    EXPECT_EQ(store.Size(), 0u);
}

TEST(Store, IgnoresAnOlderVersionOfTheSameObject) {
    Store store;
    store.AddIndex("owner", OwnerOf);
    store.Put(Pod("a", "x", 9, "u1", "new"));
    auto kept = store.Put(Pod("a", "x", 8, "u1", "old"));
    EXPECT_EQ(kept->meta.resource_version, 9u);
    EXPECT_EQ(store.Get({"a", "x"})->meta.resource_version, 9u);
    EXPECT_THAT(store.ByIndex("owner", "old"), IsEmpty());
    EXPECT_THAT(Names(store.ByIndex("owner", "new")), ElementsAre("a/x"));
}

TEST(Store, TakesAnotherIncarnationWhateverItsVersion) {
    Store store;
    store.Put(Pod("a", "x", 9, "u1"));
    store.Put(Pod("a", "x", 3, "u2"));
    EXPECT_EQ(store.Get({"a", "x"})->meta.uid, "u2");
}

TEST(Store, IndexFollowsChangesAndIsOrderedByKey) {
    Store store;
    store.AddIndex("owner", OwnerOf);
    store.Put(Pod("b", "y", 1, "u1", "job"));
    store.Put(Pod("a", "z", 2, "u2", "job"));
    store.Put(Pod("a", "x", 3, "u3", "job"));
    store.Put(Pod("a", "w", 4, "u4"));
    EXPECT_THAT(Names(store.ByIndex("owner", "job")), ElementsAre("a/x", "a/z", "b/y"));
    EXPECT_THAT(Names(store.All()), ElementsAre("a/w", "a/x", "a/z", "b/y"));

    store.Put(Pod("a", "z", 5, "u2", "other"));
    store.Remove({"b", "y"});
    EXPECT_THAT(Names(store.ByIndex("owner", "job")), ElementsAre("a/x"));
    EXPECT_THAT(Names(store.ByIndex("owner", "other")), ElementsAre("a/z"));
    EXPECT_THAT(store.ByIndex("owner", ""), IsEmpty());
    EXPECT_THAT(store.ByIndex("owner", "nobody"), IsEmpty());
}

TEST(Store, IndexHandsOutTheNewestObject) {
    Store store;
    store.AddIndex("owner", OwnerOf);
    store.Put(Pod("a", "x", 1, "u1", "job"));
    store.Put(Pod("a", "x", 2, "u1", "job"));
    auto found = store.ByIndex("owner", "job");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0]->meta.resource_version, 2u);
}

TEST(Store, OneObjectUnderSeveralValues) {
    Store store;
    store.AddIndex("label", [](const Object& object) {
        std::vector<std::string> values;
        for (const auto& [name, value] : object.meta.labels)
            values.push_back(value);
        return values;
    });
    auto object = std::make_shared<Object>();
    object->meta.name = "n";
    object->meta.labels = {{"a", "1"}, {"b", "2"}, {"c", "1"}};
    store.Put(object);
    EXPECT_EQ(store.ByIndex("label", "1").size(), 1u);
    EXPECT_EQ(store.ByIndex("label", "2").size(), 1u);
    store.Remove({"", "n"});
    EXPECT_THAT(store.ByIndex("label", "1"), IsEmpty());
    EXPECT_THAT(store.ByIndex("label", "2"), IsEmpty());
}

TEST(Store, MisuseIsSaid) {
    Store store;
    EXPECT_THROW(store.ByIndex("owner", "x"), std::logic_error);
    store.Put(Pod("a", "x", 1));
    EXPECT_THROW(store.AddIndex("owner", OwnerOf), std::logic_error);
}

}  // namespace
}  // namespace dlws::kube
