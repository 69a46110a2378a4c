// SPDX-License-Identifier: Apache-2.0
// The table of operations is what portal/openapi.yaml says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <set>

#include "kube/testing/run.h"
#include "portal/server/front.h"
#include "portal/server/openapi.h"
#include "portal/server/portal.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;

class Contract : public ::testing::Test {
  protected:
    // It is not run, so nobody is asked.
    Contract() : portal(io.get_executor(), {}, {.host = "localhost", .port = "1"}) {
        std::set<std::string, std::less<>> served;
        for (const Operation& operation : portal.router().Operations())
            served.insert(operation.id);
        document = json::parse(OpenApiJson(served));
    }
    const json::object* Find(const Operation& operation) const {
        const json::value* item = document.at("paths").as_object().if_contains(operation.path);
        std::string method = operation.method;
        for (char& c : method)
            c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        const json::value* found = item ? item->as_object().if_contains(method) : nullptr;
        return found ? &found->as_object() : nullptr;
    }
    const json::object& Resolved(const json::value& value) const {
        const json::value* reference = value.as_object().if_contains("$ref");
        if (!reference) return value.as_object();
        return document.at_pointer(std::string(reference->as_string()).substr(1)).as_object();
    }
    bool HasIfNoneMatch(const json::object& operation) const {
        const json::value* parameters = operation.if_contains("parameters");
        if (!parameters) return false;
        for (const json::value& each : parameters->as_array())
            if (Resolved(each).at("name").as_string() == "If-None-Match") return true;
        return false;
    }
    std::set<std::string> QueryOf(const json::object& operation) const {
        std::set<std::string> names;
        const json::value* parameters = operation.if_contains("parameters");
        if (!parameters) return names;
        for (const json::value& each : parameters->as_array()) {
            const json::object& parameter = Resolved(each);
            if (parameter.at("in").as_string() != "query") continue;
            const json::object& schema = Resolved(parameter.at("schema"));
            const json::value* type = schema.if_contains("type");
            const bool list = type && type->as_string() == "array";
            names.insert(std::string(parameter.at("name").as_string()) + (list ? "[]" : ""));
        }
        return names;
    }

    boost::asio::io_context io;
    Portal portal;
    json::value document;
};

TEST_F(Contract, EveryOperationIsDescribed) {
    std::set<std::string> ids;
    for (const Operation& operation : portal.router().Operations()) {
        SCOPED_TRACE(operation.id);
        EXPECT_TRUE(ids.insert(operation.id).second) << "twice";
        const json::object* described = Find(operation);
        ASSERT_NE(described, nullptr) << "no " << operation.method << " " << operation.path;
        EXPECT_EQ(described->at("operationId").as_string(), operation.id);
        std::set<std::string> query;
        for (const kube::HttpParameter& parameter : operation.query)
            query.insert(std::string(parameter.name) + (parameter.repeated ? "[]" : ""));
        EXPECT_EQ(query, QueryOf(*described));
        std::set<std::string> media, taken(operation.media.begin(), operation.media.end());
        if (const json::value* body = described->if_contains("requestBody"))
            for (const auto& content : body->at("content").as_object())
                media.insert(std::string(content.key()));
        EXPECT_EQ(taken, media);
        const json::value* security = described->if_contains("security");
        const bool anybody = security && security->as_array().front().as_object().empty();
        EXPECT_EQ(operation.who == Operation::kAnybody, anybody);
        EXPECT_TRUE(operation.handler);
    }
}

// Of what is not served yet too.
TEST_F(Contract, ListsWhatEveryOperationMayAnswer) {
    std::set<std::string, std::less<>> ids;
    const std::string yaml(OpenApiYaml());
    for (std::size_t at = yaml.find("operationId: "); at != std::string::npos;
         at = yaml.find("operationId: ", at + 1))
        ids.insert(yaml.substr(at + 13, yaml.find('\n', at) - at - 13));
    EXPECT_GE(ids.size(), 39u);
    document = json::parse(OpenApiJson(ids));
    for (const auto& path : document.at("paths").as_object())
        for (const auto& [method, value] : path.value().as_object()) {
            if (method == "parameters") continue;
            const json::object& operation = value.as_object();
            Operation table;
            table.id = operation.at("operationId").as_string();
            SCOPED_TRACE(table.id);
            const json::value* security = operation.if_contains("security");
            if (security && security->as_array().front().as_object().empty())
                table.who = Operation::kAnybody;
            if (operation.contains("requestBody")) table.media = {"application/json"};
            std::set<int> listed;
            for (const auto& [code, response] : operation.at("responses").as_object()) {
                const int status = std::stoi(std::string(code));
                listed.insert(status);
                if (status < 400) continue;
                for (const auto& content : Resolved(response).at("content").as_object())
                    EXPECT_EQ(content.key(), "application/problem+json") << status;
            }
            EXPECT_THAT(FrontAnswers(table), ::testing::Each(::testing::AnyOfArray(listed)));
            EXPECT_EQ(listed.contains(304), HasIfNoneMatch(operation));
            const json::value* writes = operation.if_contains("x-writes");
            if (!writes || writes->at("group").as_string() != "dlworkspace.io") continue;
            EXPECT_TRUE(listed.contains(404));
            const bool reads = writes->at("verb").as_string() == "get";
            EXPECT_TRUE(reads || (listed.contains(409) && listed.contains(422)));
        }
}

TEST_F(Contract, TheDocumentIsNotCopied) {
    for (const Operation& operation : portal.router().Operations()) {
        if (operation.id != "GetOpenApi") continue;
        const auto ask = [&](const char* accepts) {
            Call call;
            call.request.fields = {{"Accept-Encoding", accepts}};
            return kube::testing::Run(io, operation.handler(std::move(call))).value();
        };
        const kube::HttpAnswer plain = ask("identity"), gzip = ask("gzip");
        EXPECT_EQ(plain.shared_body, ask("br").shared_body);
        EXPECT_EQ(json::parse(std::string(plain.Body())), document);
        EXPECT_EQ(gzip.shared_body, ask("gzip").shared_body);
        EXPECT_EQ(gzip.Field("Content-Encoding"), "gzip");
        EXPECT_LT(gzip.Body().size() * 4, plain.Body().size());
        EXPECT_EQ(plain.Field("ETag"), gzip.Field("ETag"));
        EXPECT_EQ(plain.Field("Vary"), "Accept-Encoding");
        return;
    }
    FAIL() << "no GetOpenApi";
}

TEST_F(Contract, FeaturesAreWhatIsOn) {
    const auto features = [&](int archive_port, const char* prometheus, const char* smb_host) {
        Options options;
        options.url = "https://dlws.example.org";
        options.archive_port = archive_port;
        options.prometheus_url = prometheus;
        options.smb_host = smb_host;
        Portal other(io.get_executor(), options, {.host = "localhost", .port = "1"});
        for (const Operation& operation : other.router().Operations())
            if (operation.id == "GetSession")
                return json::serialize(
                    json::parse(kube::testing::Run(io, operation.handler(Call())).value().body)
                        .at("features"));
        return std::string("no GetSession");
    };
    EXPECT_EQ(features(0, "", ""), "[]");
    EXPECT_EQ(features(9000, "", ""), R"(["archive"])");
    EXPECT_EQ(features(0, "http://prometheus:9090", ""), R"(["metrics"])");
    EXPECT_EQ(features(0, "", "files.example.org"), R"(["samba"])");
    EXPECT_EQ(features(9000, "http://prometheus:9090", "files.example.org"),
              R"(["archive","metrics","samba"])");
}

TEST_F(Contract, WhatIsNotServedIsNotInTheDocumentThatIs) {
    const json::value whole = json::parse(OpenApiJson({"ListJobs"}));
    ASSERT_EQ(whole.at("paths").as_object().size(), 1u);
    EXPECT_EQ(whole.at_pointer("/paths/~1api~1v1~1jobs/get/operationId").as_string(), "ListJobs");
    EXPECT_EQ(whole.at("openapi").as_string(), "3.1.0");
    EXPECT_EQ(whole.at_pointer("/components/parameters/Limit/schema/maximum").as_int64(), 500);
}

TEST(JobSchema, IsWhatPeopleWrite) {
    const json::value schema = json::parse(JobSchemaJson());
    EXPECT_EQ(schema.at_pointer("/properties/spec/properties/image/type"), "string");
    EXPECT_FALSE(schema.at("properties").as_object().contains("status"));
    EXPECT_EQ(schema.at("required"), (json::array{"apiVersion", "kind", "metadata", "spec"}));
}

}  // namespace
}  // namespace dlws::portal
