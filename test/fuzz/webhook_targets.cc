// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <cstdlib>

#include "test/fuzz/targets.h"
#include "webhook/rules.h"

namespace dlws::fuzz {

namespace {

using namespace webhook;
namespace json = boost::json;

// What the API server makes of our patch.
std::string Patched(const std::string& object, const std::string& patch) {
    json::parse_options options;
    options.max_depth = kMaxDepth;
    json::value document = json::parse(object, {}, options);
    json::object& spec = document.at("spec").as_object();
    const json::value change = json::parse(patch).at(0);
    if (change.at("op") == "remove")
        spec.erase("submittedBy");
    else
        spec["submittedBy"] = change.at("value");
    return json::serialize(document);
}

bool HasSpec(const std::string& object) {
    json::parse_options options;
    options.max_depth = kMaxDepth;
    const json::value document = json::parse(object, {}, options);
    const json::value* spec = document.as_object().if_contains("spec");
    return spec && spec->is_object();
}

// Whatever is asked: what we stamp stays stamped and is no forgery, and a refusal says why.
void AReview(std::string_view bytes) {
    auto review = ParseReview(bytes);
    if (!review) {
        if (review.error().empty()) std::abort();
        return;
    }
    if (review->object.empty()) return;
    const Verdict mutated = Mutate(*review);
    if (!mutated.allowed) std::abort();
    if (!mutated.patch.empty()) review->object = Patched(review->object, mutated.patch);
    if (!Mutate(*review).patch.empty()) std::abort();
    const Verdict verdict = Validate(*review, nullptr);
    const bool ours = review->group == "dlworkspace.io" && review->resource == "dljobs";
    if (!verdict.allowed && (verdict.message.empty() || !ours)) std::abort();
    if (verdict.code == 403 && !verdict.allowed && HasSpec(review->object)) std::abort();
    (void)json::parse(AnswerReview(review->uid, verdict));
}

constexpr Target kTargets[] = {{"review", AReview}};

}  // namespace

std::span<const Target> WebhookTargets() {
    return kTargets;
}

}  // namespace dlws::fuzz
