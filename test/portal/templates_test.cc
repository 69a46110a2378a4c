// SPDX-License-Identifier: Apache-2.0
// Saved forms: what the definition refuses, and that nobody loses what another has saved.
#include "test/portal/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;

class Templates : public PortalTest {
  protected:
    std::string Path(const std::string& name) const {
        return "/api/v1/namespaces/" + ns_ + "/templates/" + name;
    }
    Portal::Answer Save(const std::string& who, const std::string& name, const std::string& title,
                        const Portal::Fields& more = {}, const std::string& env = "") {
        return As(who).Send("PUT", Path(name),
                            R"({"title":")" + title + R"(","job":{"spec":{"image":"debian:12")" +
                                (env.empty() ? "" : R"(,"env":[)" + env + "]") + "}}}",
                            "application/json", more);
    }
    /// Titles that somebody sees in the test's namespace, by name.
    std::string Listed(const std::string& who, const std::string& query = "") {
        const Portal::Answer page = As(who).Get("/api/v1/templates?namespace=" + ns_ + "&" + query);
        std::string titles = page.code == 200 ? "" : page.Reason();
        for (const Json& row : List(page.body, "items"))
            titles += Text(row, "title") + ";";
        return titles;
    }
};

TEST_F(Templates, AreSavedFoundAndReplacedByWhoHasReadThem) {
    const Portal::Answer made = Save("alice", "digits", "Digits");
    ASSERT_EQ(made.code, 201) << made.text;
    EXPECT_EQ(Text(made.body, "job/spec/image"), "debian:12");
    ASSERT_EQ(Save("alice", "bert", "BERT").code, 201);
    EXPECT_TRUE(Eventually(std::chrono::seconds(10), [&] {
        return Listed("victor") == "BERT;Digits;";
    })) << Listed("victor");
    EXPECT_EQ(Listed("victor", "q=DIG"), "Digits;");
    EXPECT_EQ(Listed("mallory"), "Forbidden");
    const Portal::Answer read = As("bob").Get(Path("digits"));
    ASSERT_EQ(read.code, 200) << read.text;
    EXPECT_EQ(read.fields.at("ETag"), made.fields.at("ETag"));
    EXPECT_EQ(Save("bob", "digits", "Mine").code, 409) << "he does not say what he has read";
    ASSERT_EQ(Save("alice", "digits", "Digits 2", {{"If-Match", made.fields.at("ETag")}}).code,
              200);
    EXPECT_EQ(Save("bob", "digits", "Mine", {{"If-Match", read.fields.at("ETag")}}).code, 412);
    EXPECT_EQ(Text(As("victor").Get(Path("digits")).body, "title"), "Digits 2");
    EXPECT_EQ(Save("bob", "absent", "Mine", {{"If-Match", "\"1\""}}).code, 412);
    const std::string uid = Text(made.body, "uid");
    EXPECT_EQ(As("bob").Delete(Path("bert") + "?uid=" + uid).Reason(), "WrongObject");
    EXPECT_EQ(As("bob").Delete(Path("digits") + "?uid=" + uid).code, 204);
    EXPECT_TRUE(Eventually(std::chrono::seconds(10), [&] { return Listed("victor") == "BERT;"; }));
}

TEST_F(Templates, HoldNoSecrets) {
    const Portal::Answer secret =
        Save("alice", "wandb", "W", {},
             R"({"name":"A","value":"1"},{"name":"WANDB_API_KEY","value":"x"})");
    EXPECT_EQ(secret.code, 422) << secret.text;
    EXPECT_EQ(Text(secret.body, "errors/0/field"), "job.spec.env[1].value");
    EXPECT_THAT(Text(secret.body, "errors/0/message"), HasSubstr("secretKeyRef"));
    const Portal::Answer named = Save(
        "alice", "wandb", "W", {},
        R"({"name":"WANDB_API_KEY","valueFrom":{"secretKeyRef":{"name":"wandb","key":"key"}}})");
    EXPECT_EQ(named.code, 201) << named.text;
    EXPECT_EQ(Text(named.body, "job/spec/env/0/valueFrom/secretKeyRef/name"), "wandb");
}

TEST_F(Templates, ThoseOfKubectlAreListedToo) {
    MustShell("echo " +
              Quoted("{apiVersion: dlworkspace.io/v1, kind: DLJobTemplate, metadata: {name: half, "
                     "namespace: " +
                     ns_ + "}, spec: {title: Half-written, job: {spec: {roles: [{name: ps}]}}}}") +
              " | " + kKubectl + " apply -f -");
    EXPECT_TRUE(
        Eventually(std::chrono::seconds(10), [&] { return Listed("victor") == "Half-written;"; }));
    // Labels, and what kubectl remembers, stay when it is saved here.
    MustShell(kKubectl + " -n " + ns_ + " label dljobtemplate half team=vision");
    const Portal::Answer read = As("alice").Get(Path("half"));
    ASSERT_EQ(Save("alice", "half", "Whole", {{"If-Match", read.fields.at("ETag")}}).code, 200);
    const Output labels = Shell(kKubectl + " -n " + ns_ + " get dlt half --show-labels");
    EXPECT_THAT(labels.text, HasSubstr("team=vision"));
    EXPECT_THAT(labels.text, HasSubstr("Whole"));
}

}  // namespace
}  // namespace dlws::e2e
