// SPDX-License-Identifier: Apache-2.0
#include "webhook/approvals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dlws::webhook {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

const std::string kHash(64, 'b');

json::object Spec() {
    return {{"jobName", "digits"},
            {"jobUID", "j-1"},
            {"templateHash", kHash},
            {"classes", json::array{"hostNetwork"}},
            {"decision", "Approve"}};
}
json::object Stamped(json::object spec = Spec()) {
    spec["approver"] = {{"username", "carol"}, {"uid", "u-9"}, {"groups", json::array{"admins"}}};
    return spec;
}
Review About(json::object spec, std::string user = "carol") {
    Review r;
    r.uid = "r1";
    r.operation = "CREATE";
    r.group = "dlworkspace.io";
    r.resource = "dljobapprovals";
    r.ns = "vision";
    r.user = {std::move(user), "u-9"};
    r.groups = {"admins"};
    r.object = json::serialize(
        json::object{{"metadata", {{"generateName", "digits-"}}}, {"spec", std::move(spec)}});
    return r;
}
Facts JobThatAsks() {
    Facts facts;
    model::DLJob& job = facts.job.emplace();
    job.meta.name = "digits";
    job.meta.ns = "vision";
    job.meta.uid = "j-1";
    job.spec.submittedBy = model::User{"alice", "u-1"};
    job.status.approval = model::ApprovalStatus{.templateHash = kHash,
                                                .classes = {model::PermissionClass::HostNetwork}};
    facts.now = model::Time(std::chrono::seconds(1'800'000'000));
    return facts;
}
std::string WhyNot(const Review& review, const Facts& facts,
                   const std::vector<std::string>& accounts = {}) {
    const Verdict verdict = ValidateApproval(review, facts, accounts);
    return verdict.allowed ? "" : std::to_string(verdict.code) + " " + verdict.message;
}

TEST(StampApprover, IsWhoeverAsks) {
    const auto stamp = [](const Review& review) {
        const Verdict verdict = StampApprover(review);
        if (verdict.patch.empty()) return json::value();
        const json::value patch = json::parse(verdict.patch);
        EXPECT_EQ(patch.at_pointer("/0/path"), json::value("/spec/approver"));
        return patch.at_pointer("/0/value");
    };
    EXPECT_EQ(stamp(About(Spec())), Stamped().at("approver"));
    json::object forged = Spec();
    forged["approver"] = {{"username", "dave"}};
    EXPECT_EQ(stamp(About(forged)), Stamped().at("approver"));
    EXPECT_EQ(stamp(About(Stamped())), json::value()) << "nothing to do";
    Review update = About(forged);
    update.operation = "UPDATE";
    EXPECT_EQ(stamp(update), json::value()) << "the definition keeps it from changing";
}

TEST(ValidateApproval, TakesWhatAnswersTheJob) {
    EXPECT_EQ(WhyNot(About(Stamped()), JobThatAsks()), "");
}

TEST(ValidateApproval, RefusesTheRest) {
    Facts facts = JobThatAsks();
    EXPECT_THAT(WhyNot(About(Spec()), facts), HasSubstr("403 spec.approver is written"));
    EXPECT_THAT(WhyNot(About(Stamped(), "dave"), facts), HasSubstr("403 spec.approver"));

    const auto with = [](std::string_view key, json::value value) {
        json::object spec = Stamped();
        spec[key] = std::move(value);
        return About(spec);
    };
    EXPECT_THAT(WhyNot(with("jobUID", "j-2"), facts), HasSubstr("another job"));
    EXPECT_THAT(WhyNot(with("templateHash", json::value(std::string(64, 'c'))), facts),
                HasSubstr("templateHash"));
    EXPECT_THAT(WhyNot(with("classes", json::array{"privileged"}), facts), HasSubstr("classes"));
    EXPECT_THAT(WhyNot(with("classes", json::array{"hostNetwork", "privileged"}), facts),
                HasSubstr("classes"));
    EXPECT_THAT(WhyNot(with("classes", json::array{"everything"}), facts), HasSubstr("422"));
    EXPECT_THAT(WhyNot(with("expiresAt", "2020-01-01T00:00:00Z"), facts), HasSubstr("has passed"));
    EXPECT_EQ(WhyNot(with("expiresAt", "2099-01-01T00:00:00Z"), facts), "");

    facts.missing_right = "permissionclasses hostNetwork";
    EXPECT_THAT(WhyNot(About(Stamped()), facts),
                HasSubstr("403 carol lacks the verb approve on permissionclasses hostNetwork"));
    facts = JobThatAsks();
    facts.job.reset();
    EXPECT_THAT(WhyNot(About(Stamped()), facts), HasSubstr("there is no DLJob digits"));
    facts = JobThatAsks();
    facts.job->status.approval.reset();
    EXPECT_THAT(WhyNot(About(Stamped()), facts), HasSubstr("asks for nothing"));
    facts = JobThatAsks();
    facts.job->spec.submittedBy = model::User{"carol", ""};
    EXPECT_THAT(WhyNot(About(Stamped()), facts), HasSubstr("403 carol made the job"));
    facts.job->spec.submittedBy = model::User{"carol@other", "u-9"};
    EXPECT_THAT(WhyNot(About(Stamped()), facts), HasSubstr("are one person"));
    facts.job->spec.submittedBy.reset();
    EXPECT_THAT(WhyNot(About(Stamped()), facts), HasSubstr("nobody knows who made the job"));
}

TEST(ValidateApproval, AServiceAccountMustBeListed) {
    const std::string account = "system:serviceaccount:robots:approver";
    json::object spec = Stamped();
    spec["approver"].as_object()["username"] = account;
    const Review review = About(spec, account);
    EXPECT_THAT(WhyNot(review, JobThatAsks()), HasSubstr("policies.approverServiceAccounts"));
    EXPECT_EQ(WhyNot(review, JobThatAsks(), {account}), "");
    const std::string own = "system:serviceaccount:vision:default";
    spec["approver"].as_object()["username"] = own;
    EXPECT_THAT(WhyNot(About(spec, own), JobThatAsks(), {own}), HasSubstr("own namespace"));
}

}  // namespace
}  // namespace dlws::webhook
