// SPDX-License-Identifier: Apache-2.0
#include "portal/server/templates/table.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "portal/server/jobs/row.h"
#include "portal/server/templates/template.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

void KeepRow(kube::Object& object) {
    const auto row = TemplateJson(object.raw, false);
    object.raw = row ? json::serialize(*row) : "";
    object.meta.labels.clear();
}

}  // namespace

void TemplateTable::Follow(kube::Informer& informer) {
    informer.OnChange([this](const kube::Change& change) { Apply(change); });
}

void TemplateTable::Apply(const kube::Change& change) {
    const kube::Meta& meta = (change.after ? change.after : change.before)->meta;
    if (rows_.erase({meta.name, meta.uid}) > 0)
        if (const auto count = namespaces_.find(meta.ns); --count->second == 0)
            namespaces_.erase(count);
    if (!change.after || change.after->raw.empty()) return;
    TemplateRow row{.ns = meta.ns, .name = meta.name, .uid = meta.uid, .text = "", .json = ""};
    row.json = change.after->raw;
    const json::object shown = json::parse(row.json).as_object();
    row.text = fmt::format("{}\n{}\n", row.name, row.ns);
    for (const char* key : {"title", "description"})
        if (const json::value* words = shown.if_contains(key))
            row.text.append(words->as_string()).append("\n");
    row.text = Lower(row.text);
    rows_[{row.name, row.uid}] = std::move(row);
    ++namespaces_[meta.ns];
}

kube::Informer::Settings TemplateCacheSettings() {
    return {.resource = kDLJobTemplates, .transform = KeepRow};
}

}  // namespace dlws::portal
