// SPDX-License-Identifier: Apache-2.0
#include "webhook/review.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <boost/json.hpp>

#include "kube/base64.h"

namespace dlws::webhook {

namespace json = boost::json;
namespace dom = simdjson::dom;

namespace {

// The first key that some object below has twice, or nothing.
std::string Twice(dom::element element) {
    if (dom::array items; element.get(items) == simdjson::SUCCESS) {
        for (dom::element item : items)
            if (std::string key = Twice(item); !key.empty()) return key;
        return {};
    }
    dom::object object;
    if (element.get(object) != simdjson::SUCCESS) return {};
    std::vector<std::string_view> keys;
    for (auto [key, value] : object) {
        keys.push_back(key);
        if (std::string below = Twice(value); !below.empty()) return below;
    }
    std::ranges::sort(keys);
    const auto twice = std::ranges::adjacent_find(keys);
    return twice == keys.end() ? std::string() : std::string(*twice);
}

// Reads fields of one type; what is of another type is remembered, what is absent is empty.
class Fields {
  public:
    explicit Fields(dom::element element) : element_(element) {}

    Fields operator[](std::string_view key) const {
        Fields below({});
        below.path_ = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
        below.wrong_ = wrong_;
        dom::element found;
        if (element_ && element_->at_key(key).get(found) == simdjson::SUCCESS && !found.is_null())
            below.element_ = found;
        else
            below.element_.reset();
        return below;
    }
    std::string Text() const {
        std::string_view text;
        if (element_ && element_->get(text) != simdjson::SUCCESS) Wrong("text");
        return std::string(text);
    }
    bool Bool() const {
        bool value = false;
        if (element_ && element_->get(value) != simdjson::SUCCESS) Wrong("true or false");
        return value;
    }
    std::vector<std::string> Texts() const {
        std::vector<std::string> texts;
        dom::array items;
        if (!element_) return texts;
        if (element_->get(items) != simdjson::SUCCESS) {
            Wrong("a list");
            return texts;
        }
        for (dom::element item : items) {
            std::string_view text;
            if (item.get(text) != simdjson::SUCCESS) Wrong("a list of texts");
            texts.emplace_back(text);
        }
        return texts;
    }
    // As JSON; empty when absent.
    std::string Object() const {
        if (!element_) return {};
        if (!element_->is_object()) Wrong("an object");
        return simdjson::minify(*element_);
    }
    void KeepErrorsIn(std::string& wrong) { wrong_ = &wrong; }

  private:
    void Wrong(std::string_view what) const {
        if (wrong_->empty()) *wrong_ = fmt::format("{} must be {}", path_, what);
    }

    std::optional<dom::element> element_;
    std::string path_;
    std::string* wrong_ = nullptr;
};

}  // namespace

Verdict Refuse(int code, std::string reason, std::string message) {
    return {
        .allowed = false, .code = code, .reason = std::move(reason), .message = std::move(message)};
}

std::expected<Review, std::string> ParseReview(std::string_view body) {
    const auto refuse = [](std::string why) {
        return std::unexpected("not an AdmissionReview: " + std::move(why));
    };
    dom::parser parser;
    if (parser.allocate(body.size(), kMaxDepth) != simdjson::SUCCESS)
        return refuse("there is no memory for it");
    dom::element root;
    if (auto error = parser.parse(body.data(), body.size()).get(root); error)
        return refuse(simdjson::error_message(error));
    if (std::string key = Twice(root); !key.empty())
        return refuse(fmt::format("the key {} occurs twice in one object", key));

    std::string wrong;
    Fields fields(root);
    fields.KeepErrorsIn(wrong);
    if (fields["kind"].Text() != "AdmissionReview" ||
        fields["apiVersion"].Text() != "admission.k8s.io/v1")
        return refuse("its kind must be AdmissionReview of admission.k8s.io/v1");
    const Fields request = fields["request"];
    Review review;
    review.uid = request["uid"].Text();
    review.operation = request["operation"].Text();
    review.group = request["resource"]["group"].Text();
    review.resource = request["resource"]["resource"].Text();
    review.subresource = request["subResource"].Text();
    review.ns = request["namespace"].Text();
    review.name = request["name"].Text();
    review.dry_run = request["dryRun"].Bool();
    review.user = {request["userInfo"]["username"].Text(), request["userInfo"]["uid"].Text()};
    review.groups = request["userInfo"]["groups"].Texts();
    review.object = request["object"].Object();
    review.old_object = request["oldObject"].Object();
    if (!wrong.empty()) return refuse(wrong);
    if (review.uid.empty()) return refuse("request.uid is missing");
    if (review.resource.empty()) return refuse("request.resource.resource is missing");
    if (review.user.username.empty()) return refuse("request.userInfo.username is missing");
    const bool changes = review.operation == "CREATE" || review.operation == "UPDATE";
    if (changes && review.object.empty()) return refuse("request.object is missing");
    if (review.operation == "UPDATE" && review.old_object.empty())
        return refuse("request.oldObject is missing");
    return review;
}

std::string AnswerReview(const std::string& uid, const Verdict& verdict) {
    json::object response{{"uid", uid}, {"allowed", verdict.allowed}};
    if (!verdict.allowed)
        response["status"] = json::object{
            {"code", verdict.code}, {"reason", verdict.reason}, {"message", verdict.message}};
    if (!verdict.patch.empty()) {
        response["patchType"] = "JSONPatch";
        response["patch"] = kube::EncodeBase64(verdict.patch);
    }
    if (!verdict.warnings.empty())
        response["warnings"] = json::array(verdict.warnings.begin(), verdict.warnings.end());
    return json::serialize(json::object{{"apiVersion", "admission.k8s.io/v1"},
                                        {"kind", "AdmissionReview"},
                                        {"response", std::move(response)}});
}

}  // namespace dlws::webhook
