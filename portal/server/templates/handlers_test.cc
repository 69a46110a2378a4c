// SPDX-License-Identifier: Apache-2.0
#include "portal/server/templates/handlers.h"

#include <optional>

#include "portal/server/fixture.h"
#include "portal/server/templates/testing.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemplateText;

const std::string kAll = "/apis/dlworkspace.io/v1/namespaces/vision/dljobtemplates";
const std::string kOne = kAll + "/digits";
const std::string kPath = "/api/v1/namespaces/vision/templates/digits";
const std::string kBody =
    R"({"title":"Digits","job":{"spec":{"image":"registry.example/digits:2"}}})";

std::string Status(int code, const std::string& reason, const std::string& message = "no") {
    return fmt::format(
        R"({{"kind":"Status","status":"Failure","reason":"{}","message":"{}","code":{}}})", reason,
        message, code);
}

class TemplatesTest : public PortalTest {
  protected:
    TemplatesTest() { AddTemplates(router, templates); }

    Outcome Ask(const std::string& who, const std::string& method, const std::string& path,
                const std::string& query = "", const std::string& body = "",
                const std::optional<std::string>& if_match = {}) {
        auto match = router.Find(method, path);
        if (!match) return std::unexpected(match.error());
        Call call;
        call.caller = As(who);
        call.path = match->path;
        auto parsed = kube::ParseHttpQuery(query, match->operation->query);
        if (!parsed) return std::unexpected(BadRequest("query", parsed.error()));
        call.query = *parsed;
        call.request.body = body;
        if (if_match) call.request.fields = {{"if-match", *if_match}};
        return kube::testing::Run(io, match->operation->handler(std::move(call)));
    }
    Outcome Save(const std::optional<std::string>& if_match = {}, const std::string& body = kBody) {
        return Ask("alice", "PUT", kPath, "", body, if_match);
    }
    std::vector<std::string> Listed(const std::string& who, const std::string& query = "") {
        const Outcome outcome = Ask(who, "GET", "/api/v1/templates", query);
        if (!outcome) return {outcome.error().reason};
        page = json::parse(outcome->Body()).as_object();
        std::vector<std::string> names;
        for (const json::value& item : page.at("items").as_array())
            names.emplace_back(item.at("name").as_string());
        return names;
    }

    json::object page;
    TemplateTable table;
    Router router;
    Templates templates{backend, table};
};

TEST_F(TemplatesTest, ListsWhatMayBeSeen) {
    Allow("alice list dljobtemplates vision");
    for (const TemplateText& text :
         {TemplateText{.name = "digits", .uid = "t1"},
          TemplateText{.name = "bert", .uid = "t2", .title = "BERT, large"},
          TemplateText{.ns = "speech", .name = "whisper", .uid = "t3"}})
        table.Apply({nullptr, text.Kept()});
    EXPECT_THAT(Listed("alice"), ElementsAre("bert", "digits"));
    EXPECT_EQ(page.at("total"), 2);
    EXPECT_EQ(page.at("items").at(0).at("title"), "BERT, large");
    EXPECT_FALSE(page.at("items").at(0).as_object().contains("job"));
    EXPECT_THAT(Listed("alice", "q=LARGE+vision"), ElementsAre("bert"));
    EXPECT_THAT(Listed("alice", "q=whisper"), IsEmpty());
    EXPECT_THAT(Listed("alice", "namespace=speech"), ElementsAre("Forbidden"));
    EXPECT_THAT(Listed("bob"), IsEmpty());
    Allow("carol list dljobtemplates");
    EXPECT_THAT(Listed("carol"), ElementsAre("bert", "digits", "whisper"));
    EXPECT_THAT(Listed("carol", "namespace=speech"), ElementsAre("whisper"));
    EXPECT_THAT(Listed("alice", "q="), ElementsAre("BadRequest"));
    EXPECT_THAT(Listed("alice", "namespace=A"), ElementsAre("BadRequest"));
}

TEST_F(TemplatesTest, ComesInPages) {
    Allow("alice list dljobtemplates vision");
    for (const TemplateText& text :
         {TemplateText{.name = "digits", .uid = "t1"}, TemplateText{.name = "bert", .uid = "t2"}})
        table.Apply({nullptr, text.Kept()});
    EXPECT_THAT(Listed("alice", "limit=1"), ElementsAre("bert"));
    EXPECT_EQ(page.at("total"), 2);
    const std::string cursor(page.at("nextCursor").as_string());
    EXPECT_THAT(Listed("alice", "limit=1&cursor=" + cursor), ElementsAre("digits"));
    EXPECT_FALSE(page.contains("nextCursor"));
    EXPECT_THAT(Listed("alice", "q=d&cursor=" + cursor), ElementsAre("CursorInvalid"));
}

TEST_F(TemplatesTest, ReadsInTheCallersName) {
    server.When("GET", kOne)
        .Reply(200, TemplateText().Json())
        .Reply(404, Status(404, "NotFound"))
        .Reply(200, R"({"metadata":{"name":"digits"}})");
    const Outcome found = Ask("alice", "GET", kPath);
    ASSERT_TRUE(found) << found.error().detail;
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer alice-token");
    EXPECT_EQ(found->Field("ETag"), "\"7\"");
    const json::value shown = json::parse(found->Body());
    EXPECT_EQ(shown.at_pointer("/job/spec/image"), "registry.example/digits:1");
    EXPECT_EQ(shown.at("title"), "Digits");
    const Outcome absent = Ask("alice", "GET", kPath);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().status, 404);
    const Outcome broken = Ask("alice", "GET", kPath);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error().status, 503);
}

TEST_F(TemplatesTest, MakesANewOne) {
    server.When("POST", kAll)
        .Reply(201, TemplateText().Json())
        .Reply(409, Status(409, "AlreadyExists"))
        .Reply(403, Status(403, "Forbidden"))
        .Reply(422, R"({"kind":"Status","status":"Failure","reason":"Invalid","code":422,)"
                    R"("message":"is invalid","details":{"causes":[{"reason":"FieldValueInvalid",)"
                    R"("message":"a secret","field":"spec.job.spec.env[0].value"}]}})");
    const Outcome made = Save();
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_EQ(made->status, 201);
    EXPECT_EQ(made->Field("ETag"), "\"7\"");
    EXPECT_EQ(json::parse(made->Body()).at("uid"), "t1");
    const auto sent = server.Requests().back();
    EXPECT_EQ(sent.Header("authorization"), "Bearer alice-token");
    EXPECT_THAT(sent.target, HasSubstr("fieldValidation=Strict"));
    const json::value document = json::parse(sent.body);
    EXPECT_EQ(document.at("kind"), "DLJobTemplate");
    EXPECT_EQ(document.at_pointer("/metadata/name"), "digits");
    EXPECT_EQ(document.at_pointer("/metadata/namespace"), "vision");
    EXPECT_EQ(document.at("spec"), json::parse(kBody));
    EXPECT_TRUE(document.at_pointer("/metadata/annotations/dlworkspace.io~1saved-at").is_string());
    const Outcome exists = Save();
    ASSERT_FALSE(exists);
    EXPECT_EQ(exists.error().status, 409);
    EXPECT_THAT(exists.error().detail, HasSubstr("If-Match"));
    const Outcome forbidden = Save();
    ASSERT_FALSE(forbidden);
    EXPECT_EQ(forbidden.error().status, 403);
    const Outcome invalid = Save();
    ASSERT_FALSE(invalid);
    EXPECT_EQ(invalid.error().status, 422);
    EXPECT_EQ(invalid.error().title, "The template is not valid");
    EXPECT_EQ(invalid.error().errors.at(0).field, "job.spec.env[0].value");
}

TEST_F(TemplatesTest, ReplacesTheOneThatWasRead) {
    TemplateText old;
    old.metadata = R"(,"labels":{"team":"vision"},"annotations":{"a":"b"})";
    TemplateText stored;
    stored.version = 8;
    server.When("GET", kOne).Reply(200, old.Json());
    server.When("PUT", kOne)
        .Reply(200, stored.Json())
        .Reply(200, stored.Json())
        .Reply(409, Status(409, "Conflict"))
        .Reply(404, Status(404, "NotFound"))
        .Reply(403, Status(403, "Forbidden"));
    const Outcome replaced = Save("\"7\"");
    ASSERT_TRUE(replaced) << replaced.error().detail;
    EXPECT_EQ(replaced->status, 200);
    EXPECT_EQ(replaced->Field("ETag"), "\"8\"");
    const auto sent = server.Requests().back();
    EXPECT_EQ(sent.Header("authorization"), "Bearer alice-token");
    const json::value document = json::parse(sent.body);
    EXPECT_EQ(document.at_pointer("/metadata/resourceVersion"), "7");
    EXPECT_EQ(document.at_pointer("/metadata/labels/team"), "vision");
    EXPECT_EQ(document.at_pointer("/metadata/annotations/a"), "b");
    EXPECT_TRUE(document.at_pointer("/metadata/annotations/dlworkspace.io~1saved-at").is_string());
    EXPECT_EQ(document.at("spec"), json::parse(kBody)) << "nothing of the old one";
    EXPECT_TRUE(Save("W/\"7\"")) << "a proxy that compresses makes it weak";
    for (const char* of : {"Conflict", "NotFound"}) {
        const Outcome changed = Save("\"7\"");
        ASSERT_FALSE(changed) << of;
        EXPECT_EQ(changed.error().status, 412) << of;
    }
    const Outcome forbidden = Save("\"7\"");
    ASSERT_FALSE(forbidden);
    EXPECT_EQ(forbidden.error().status, 403);
}

TEST_F(TemplatesTest, ReplacesNoOther) {
    server.When("GET", kOne)
        .Reply(200, TemplateText().Json())
        .Reply(404, Status(404, "NotFound"))
        .Reply(403, Status(403, "Forbidden"));
    for (const int status : {412, 412, 403}) {
        const Outcome refused = Save("\"6\"");
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().status, status);
    }
    EXPECT_EQ(server.Count("PUT", kOne), 0u);
}

TEST_F(TemplatesTest, WhatCannotBeReadIsNotSent) {
    const std::size_t so_far = server.Requests().size();
    const std::string long_tag = "\"" + std::string(79, '7') + "\"";
    for (const std::string& tag :
         {std::string(), std::string("*"), std::string("7"), std::string("\"\""),
          std::string("\"7"), std::string("\"7\", \"8\""), std::string("W/7"),
          std::string("\"7 8\""), long_tag}) {
        const Outcome refused = Save(tag);
        ASSERT_FALSE(refused) << tag;
        EXPECT_EQ(refused.error().errors.at(0).field, "header.If-Match") << tag;
    }
    for (const char* body : {"", "[]", "{}", R"({"title":"a","title":"b","job":{"spec":{}}})"}) {
        const Outcome refused = Save({}, body);
        ASSERT_FALSE(refused) << body;
        EXPECT_EQ(refused.error().status, 400) << body;
    }
    EXPECT_EQ(server.Requests().size(), so_far);
}

TEST_F(TemplatesTest, DeletesTheOneThatIsMeant) {
    server.When("DELETE", kOne)
        .Reply(200, R"({"kind":"Status","status":"Success"})")
        .Reply(409, Status(409, "Conflict"))
        .Reply(404, Status(404, "NotFound"));
    const Outcome gone = Ask("alice", "DELETE", kPath, "uid=t1");
    ASSERT_TRUE(gone) << gone.error().detail;
    EXPECT_EQ(gone->status, 204);
    EXPECT_THAT(server.Requests().back().body, HasSubstr("t1"));
    EXPECT_EQ(server.Requests().back().Header("authorization"), "Bearer alice-token");
    const Outcome another = Ask("alice", "DELETE", kPath, "uid=t0");
    ASSERT_FALSE(another);
    EXPECT_EQ(another.error().reason, "WrongObject");
    const Outcome absent = Ask("alice", "DELETE", kPath);
    ASSERT_FALSE(absent);
    EXPECT_EQ(absent.error().status, 404);
    const Outcome nobody = Ask("alice", "DELETE", kPath, "uid=");
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().status, 400);
}

}  // namespace
}  // namespace dlws::portal
