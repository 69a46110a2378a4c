// SPDX-License-Identifier: Apache-2.0
// The table of operations is what portal/openapi.yaml says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <set>

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
