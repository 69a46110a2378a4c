// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/job_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "model/dljob.h"
#include "portal/server/jobs/testing.h"

namespace dlws::portal {
namespace {

using testing::JobText;

TEST(JobProjection, LeavesOutContentsAndWhatNobodyReads) {
    const std::string kept = JobProjection(R"({
        "apiVersion": "dlworkspace.io/v1", "kind": "DLJob",
        "metadata": {"name": "digits", "namespace": "vision", "uid": "u1", "resourceVersion": "7",
            "labels": {"a": "b"}, "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}"},
            "managedFields": [{}], "finalizers": ["f"], "ownerReferences": [], "generation": 2},
        "spec": {"image": "i", "roles": [{"name": "w", "resources": {"cpu": 0.5}}],
            "files": [{"name": "a.py", "content": "pri\u00e4nt\n", "mode": 292}, {"name": "b", "content": ""}]},
        "status": {"phase": "Running"}})");
    EXPECT_EQ(
        kept,
        R"({"apiVersion":"dlworkspace.io/v1","kind":"DLJob","metadata":{"name":"digits",)"
        R"("namespace":"vision","uid":"u1","resourceVersion":"7","labels":{"a":"b"},)"
        R"("generation":2},"spec":{"image":"i","roles":[{"name":"w","resources":{"cpu":0.5}}],)"
        R"("files":[{"name":"a.py","size":8,"mode":292},{"name":"b","size":0}]},)"
        R"("status":{"phase":"Running"}})");
    EXPECT_EQ(JobProjection(kept),
              kept.substr(0, kept.find(R"("size":8,)")) +
                  R"("mode":292},{"name":"b"}]},"status":{"phase":"Running"}})");
}

TEST(JobProjection, IsReadAsTheJobItself) {
    JobText text;
    text.metadata =
        R"(,"labels":{"team":"x"},"annotations":{"n":"o"},"deletionTimestamp":"2026-11-29T11:00:00Z")";
    text.spec = R"("image":"i","files":[{"name":"a","content":"abc","mode":365}],"stop":true)";
    auto whole = model::ParseDLJob(text.Json());
    const auto kept = model::ParseDLJob(JobProjection(text.Json()));
    ASSERT_TRUE(whole && kept);
    whole->meta.annotations.clear();
    whole->spec.files.front().content.clear();
    EXPECT_EQ(*whole, *kept);
}

TEST(JobProjection, LeavesAloneWhatItCannotRead) {
    for (const char* text : {"", "[]", "{\"a\":", "7"})
        EXPECT_EQ(JobProjection(text), text);
    EXPECT_EQ(JobProjection(R"({"metadata":7,"spec":{"files":[3,{"content":4}]}})"),
              R"({"metadata":7,"spec":{"files":[3,{"content":4}]}})");
}

TEST(JobCache, KeepsTheProjection) {
    JobText text;
    text.metadata = R"(,"labels":{"team":"x"})";
    text.spec = R"("image":"i","files":[{"name":"a","content":"abc"}])";
    kube::Object object = *text.Object();
    JobCacheSettings().transform(object);
    EXPECT_EQ(object.raw.find("abc"), std::string::npos);
    EXPECT_NE(object.raw.find(R"("size":3)"), std::string::npos);
    EXPECT_TRUE(object.meta.labels.empty());
    EXPECT_EQ(object.meta.name, "digits");
}

// Against a map that is changed beside it.
TEST(JobTable, KnowsWhatTheInformerKnows) {
    JobTable jobs;
    std::map<std::string, JobText> expected;
    int heard = 0;
    jobs.OnChange([&](const RowPtr& before, const RowPtr& after) {
        ASSERT_TRUE(before || after);
        const RowPtr& row = after ? after : before;
        EXPECT_EQ(jobs.ByUid(row->uid), after);
        EXPECT_EQ(jobs.ByName(row->ns, row->name), after);
        ++heard;
    });
    std::mt19937 random(3);
    std::uint64_t version = 0;
    int incarnation = 0;
    for (int step = 0; step < 3000; ++step) {
        JobText job;
        job.ns = fmt::format("ns{}", random() % 5);
        job.name = fmt::format("j{}", random() % 20);
        job.version = ++version;
        const std::string key = job.ns + "/" + job.name;
        const auto known = expected.find(key);
        if (known == expected.end()) {
            job.uid = fmt::format("u{}", ++incarnation);
            jobs.Apply(testing::Appeared(job));
            expected[key] = job;
        } else if (random() % 2 == 0) {
            job.uid = known->second.uid;
            jobs.Apply(testing::Changed(job));
            known->second = job;
        } else {
            jobs.Apply(testing::Gone(known->second));
            expected.erase(known);
        }
        ASSERT_EQ(heard, step + 1);
        ASSERT_EQ(jobs.Size(), expected.size());
    }
    std::set<std::string> uids;
    for (const auto& [ns, rows] : jobs.Namespaces()) {
        EXPECT_FALSE(rows.empty());
        for (const RowPtr& row : rows) {
            EXPECT_EQ(row->ns, ns);
            EXPECT_TRUE(uids.insert(row->uid).second);
            const JobText& job = expected.at(ns + "/" + row->name);
            EXPECT_EQ(row->uid, job.uid);
            EXPECT_EQ(row->resource_version, job.version);
            EXPECT_EQ(jobs.ByUid(row->uid), row);
            EXPECT_EQ(jobs.ByName(ns, row->name), row);
        }
    }
    EXPECT_EQ(uids.size(), expected.size());
    EXPECT_EQ(jobs.ByUid("nobody"), nullptr);
    EXPECT_EQ(jobs.ByName("ns1", "nobody"), nullptr);
    jobs.Apply(testing::Gone(JobText()));  // of one that is not there nothing is told
    EXPECT_EQ(heard, 3000);
}

}  // namespace
}  // namespace dlws::portal
