// SPDX-License-Identifier: Apache-2.0
#include "portal/server/templates/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "portal/server/templates/testing.h"

namespace dlws::portal {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using testing::TemplateText;

std::vector<std::string> Names(const TemplateTable& table) {
    std::vector<std::string> names;
    for (const TemplateRow* row : table.Select([](const TemplateRow&) { return true; }))
        names.push_back(row->ns + "/" + row->name);
    return names;
}

TEST(TemplateTable, IsByNameAndFollowsChanges) {
    TemplateTable table;
    const TemplateText digits{.name = "digits", .uid = "t1"}, bert{.name = "bert", .uid = "t2"};
    const TemplateText other{.ns = "speech", .name = "bert", .uid = "t0"};
    for (const TemplateText& text : {digits, bert, other})
        table.Apply({nullptr, text.Kept()});
    EXPECT_THAT(Names(table), ElementsAre("speech/bert", "vision/bert", "vision/digits"));
    EXPECT_THAT(table.Namespaces(), ElementsAre(Pair("speech", 1), Pair("vision", 2)));
    const TemplateText renamed{.name = "digits", .uid = "t1", .title = "Ziffern"};
    table.Apply({digits.Kept(), renamed.Kept()});
    const auto rows = table.Select([](const TemplateRow& row) { return row.uid == "t1"; });
    ASSERT_EQ(rows.size(), 1u);
    EXPECT_THAT(rows[0]->json, ::testing::HasSubstr("Ziffern"));
    EXPECT_EQ(rows[0]->text, "digits\nvision\nziffern\ntwo pods.\n");
    table.Apply({other.Kept(), nullptr});
    EXPECT_THAT(Names(table), ElementsAre("vision/bert", "vision/digits"));
    EXPECT_THAT(table.Namespaces(), ElementsAre(Pair("vision", 2)));
}

TEST(TemplateTable, TheCacheKeepsNoJob) {
    const TemplateText text{.metadata = R"(,"labels":{"a":"b"})"};
    const kube::ObjectPtr kept = text.Kept();
    EXPECT_EQ(kept->raw.find("registry.example"), std::string::npos);
    EXPECT_TRUE(kept->meta.labels.empty());
    TemplateText broken;
    broken.job = "7";
    TemplateTable table;
    table.Apply({nullptr, broken.Kept()});
    EXPECT_THAT(Names(table), IsEmpty());
    table.Apply({broken.Kept(), nullptr});
    EXPECT_THAT(table.Namespaces(), IsEmpty());
}

}  // namespace
}  // namespace dlws::portal
