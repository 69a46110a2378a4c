// SPDX-License-Identifier: Apache-2.0
#include "portal/server/jobs/job_table.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>

namespace dlws::portal {

namespace {

using simdjson::SUCCESS;
namespace dom = simdjson::dom;

constexpr std::array<std::string_view, 5> kDroppedMetadata = {
    "annotations", "finalizers", "managedFields", "ownerReferences", "selfLink"};

// Writes an object, members by `write(key, value, out)`, which says false for what it left out.
// Keys that need escapes are nobody's here.
template <typename Write>
void WriteObject(dom::element value, std::string& out, Write write) {
    dom::object object;
    if (value.get(object) != SUCCESS) {
        out += simdjson::minify(value);
        return;
    }
    out += '{';
    bool first = true;
    for (const auto& [key, member] : object) {
        if (std::ranges::any_of(key, [](char c) { return c == '"' || c == '\\' || c < ' '; }))
            continue;
        const std::size_t before = out.size();
        if (!first) out += ',';
        out.append("\"").append(key).append("\":");
        if (write(key, member, out))
            first = false;
        else
            out.resize(before);
    }
    out += '}';
}

bool WriteMetadata(std::string_view key, dom::element value, std::string& out) {
    if (std::ranges::find(kDroppedMetadata, key) != kDroppedMetadata.end()) return false;
    out += simdjson::minify(value);
    return true;
}

bool WriteFile(std::string_view key, dom::element value, std::string& out) {
    std::string_view content;
    if (key == "size") return false;
    if (key != "content" || value.get(content) != SUCCESS) {
        out += simdjson::minify(value);
        return true;
    }
    constexpr std::string_view kKey = "\"content\":";
    out.resize(out.size() - kKey.size());
    out.append("\"size\":").append(std::to_string(content.size()));
    return true;
}

bool WriteSpec(std::string_view key, dom::element value, std::string& out) {
    dom::array files;
    if (key != "files" || value.get(files) != SUCCESS) {
        out += simdjson::minify(value);
        return true;
    }
    out += '[';
    const char* comma = "";
    for (const dom::element file : files) {
        out += comma;
        WriteObject(file, out, WriteFile);
        comma = ",";
    }
    out += ']';
    return true;
}

bool WriteJob(std::string_view key, dom::element value, std::string& out) {
    if (key == "metadata") {
        WriteObject(value, out, WriteMetadata);
    } else if (key == "spec") {
        WriteObject(value, out, WriteSpec);
    } else {
        out += simdjson::minify(value);
    }
    return true;
}

}  // namespace

void JobTable::Follow(kube::Informer& informer) {
    informer.OnChange([this](const kube::Change& change) { Apply(change); });
}

void JobTable::Apply(const kube::Change& change) {
    const kube::Meta& meta = (change.after ? change.after : change.before)->meta;
    const RowPtr before = ByUid(meta.uid);
    RowPtr after = change.after ? MakeRow(*change.after) : nullptr;
    if (!before && !after) return;
    if (after)
        Put(after);
    else
        Remove(*before);
    for (const Handler& handler : handlers_)
        handler(before, after);
}

RowPtr JobTable::ByUid(const std::string& uid) const {
    const auto found = by_uid_.find(uid);
    return found == by_uid_.end() ? nullptr : (*found->second.rows)[found->second.index];
}

RowPtr JobTable::ByName(const std::string& ns, const std::string& name) const {
    const auto found = by_name_.find(kube::ObjectKey(ns, name));
    return found == by_name_.end() ? nullptr : found->second;
}

void JobTable::Put(RowPtr row) {
    by_name_[kube::ObjectKey(row->ns, row->name)] = row;
    const auto [place, is_new] = by_uid_.try_emplace(row->uid);
    Where& where = place->second;
    if (is_new) {
        where.rows = &namespaces_[row->ns];
        where.index = where.rows->size();
        where.rows->push_back(std::move(row));
    } else {
        (*where.rows)[where.index] = std::move(row);
    }
}

void JobTable::Remove(const Row& row) {
    const auto place = by_uid_.find(row.uid);
    const auto [rows, index] = place->second;
    by_uid_.erase(place);
    by_name_.erase(kube::ObjectKey(row.ns, row.name));
    if (index + 1 != rows->size()) {
        (*rows)[index] = std::move(rows->back());
        by_uid_.find((*rows)[index]->uid)->second.index = index;
    }
    rows->pop_back();
    if (rows->empty()) namespaces_.erase(row.ns);
}

kube::Informer::Settings JobCacheSettings() {
    return {.resource = kDLJobs, .transform = [](kube::Object& job) {
                job.raw = JobProjection(job.raw);
                job.meta.labels.clear();
            }};
}

std::string JobProjection(std::string_view dljob) {
    thread_local dom::parser parser;
    dom::element root;
    if (parser.parse(dljob.data(), dljob.size()).get(root) != SUCCESS || !root.is_object())
        return std::string(dljob);
    std::string out;
    WriteObject(root, out, WriteJob);
    return {out.data(), out.size()};  // no larger than it has to be: it stays for long
}

}  // namespace dlws::portal
