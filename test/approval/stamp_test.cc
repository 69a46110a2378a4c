// SPDX-License-Identifier: Apache-2.0
// Who made a job: stamped by the webhook, and not to be forged with it up, down or deleted.
#include <fmt/format.h>

#include "test/approval/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;

const std::string kSpec = "command: ['true']\nsuspend: true";
const std::string kForged = kSpec + "\nsubmittedBy: {username: bob, uid: uid-of-bob}";

std::string By(const Json& job) {
    return Text(job, "spec/submittedBy/username") + " " + Text(job, "spec/submittedBy/uid");
}

TEST_F(Admission, TheStampIsWhoeverCreatesTheJob) {
    const Reply made = Create(LogIn("alice"), "hers", kSpec);
    ASSERT_TRUE(made.ok()) << made.text;
    EXPECT_EQ(By(made.body), "alice uid-of-alice");
    const Reply forged = Create(LogIn("alice"), "forged", kForged);
    ASSERT_TRUE(forged.ok()) << forged.text;
    EXPECT_EQ(By(forged.body), "alice uid-of-alice");
    const Reply plain = Create(LogIn("alice", "-"), "plain", kForged);
    ASSERT_TRUE(plain.ok()) << plain.text;
    EXPECT_EQ(By(plain.body), "alice ");
}

TEST_F(Admission, TheStampStaysWhateverAnybodyWrites) {
    const Api alice = LogIn("alice"), bob = LogIn("bob");
    ASSERT_TRUE(Create(alice, "hers", kSpec).ok());
    for (const char* change :
         {R"({"spec":{"submittedBy":{"username":"bob","uid":"uid-of-bob"},"suspend":false}})",
          R"({"spec":{"submittedBy":null,"stop":true}})"}) {
        const Reply patched = bob.Patch(JobPath("hers"), Json::parse(change));
        ASSERT_TRUE(patched.ok()) << patched.text;
        EXPECT_EQ(By(patched.body), "alice uid-of-alice") << change;
    }
    // As another field manager, which then lets the field go.
    for (const char* stamp : {kForged.c_str(), kSpec.c_str()}) {
        const Output applied = Apply("bob", "hers", stamp);
        EXPECT_EQ(applied.code, 0) << applied.text;
        EXPECT_EQ(By(bob.Get(JobPath("hers")).body), "alice uid-of-alice") << stamp;
    }
    const Reply stopped = bob.Get(JobPath("hers"));
    EXPECT_EQ(Text(stopped.body, "spec/stop"), "true") << "the rest of the request counts";
}

TEST_F(Admission, WhatCouldNeverRunIsRefusedAtOnce) {
    const Reply refused = Create(LogIn("alice"), "circle", R"(command: ['true']
roles:
- {name: a, startAfter: [{role: b}]}
- {name: b, startAfter: [{role: a}]})");
    EXPECT_EQ(refused.code, 422) << refused.text;
    EXPECT_THAT(Text(refused.body, "message"), HasSubstr("startAfter"));
}

TEST_F(Admission, DownNothingIsMadeAndEverythingCanBeDeleted) {
    const Api alice = LogIn("alice");
    ASSERT_TRUE(Create(alice, "before", kSpec).ok());
    TakeDown();
    const Reply refused = Create(alice, "during", kSpec);
    EXPECT_EQ(refused.code, 500) << refused.text;
    EXPECT_THAT(Text(refused.body, "message"), HasSubstr("dljobs.dlworkspace.io"));
    EXPECT_TRUE(alice.Delete(JobPath("before")).ok());
    // Everybody else's work goes on.
    MustShell(kKubectl + " -n " + ns_ + " create configmap other");
}

TEST_F(Admission, DeletedTheApiServerItselfRefusesAForgedStamp) {
    const Api alice = LogIn("alice");
    const std::string hers = kSpec + "\nsubmittedBy: {username: alice, uid: uid-of-alice}";
    const Output applied = Apply("alice", "applied", hers);
    ASSERT_EQ(applied.code, 0) << applied.text;
    DeleteConfigurations();
    // The API server hears of it a moment later.
    ASSERT_TRUE(Eventually(std::chrono::seconds(10),
                           [&] { return By(Create(alice, "probe", kSpec, true).body) == " "; }));
    const Reply forged = Create(alice, "forged", kForged);
    EXPECT_EQ(forged.code, 403) << forged.text;
    EXPECT_THAT(Text(forged.body, "message"), HasSubstr("ValidatingAdmissionPolicy"));
    // The nearest that is legal, and that it stays as it is made.
    ASSERT_TRUE(Create(alice, "honest", kSpec).ok());
    const Reply later = alice.Patch(
        JobPath("honest"), Json::parse(R"({"spec":{"submittedBy":{"username":"alice"}}})"));
    EXPECT_EQ(later.code, 422) << later.text;
    EXPECT_THAT(Text(later.body, "message"), HasSubstr("submittedBy says who made the job"));
    // Nor by who owns the field and lets it go, or takes it from who owns it.
    EXPECT_EQ(Apply("alice", "applied", hers + "\nstop: true").code, 0);
    for (const auto& [who, spec] : {std::pair{"alice", kSpec}, std::pair{"bob", kForged}}) {
        const Output taken = Apply(who, "applied", spec);
        EXPECT_NE(taken.code, 0);
        EXPECT_THAT(taken.text, HasSubstr("submittedBy says who made the job")) << who;
    }
}

}  // namespace
}  // namespace dlws::e2e
