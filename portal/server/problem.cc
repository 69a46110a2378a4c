// SPDX-License-Identifier: Apache-2.0
#include "portal/server/problem.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "model/encode.h"

namespace dlws::portal {
namespace json = boost::json;

namespace {

Problem ApiServerAway() {
    Problem problem(503, "ApiServerAway", "The API server does not answer",
                    "Whether anything was written is not known; look, and try again.");
    problem.retry_after = std::chrono::seconds(5);
    return problem;
}

std::string TitleOf(int status) {
    switch (status) {
        case 400:
            return "The request cannot be read";
        case 403:
            return "You may not do that";
        case 404:
            return "There is no such object";
        case 409:
            return "It is another object, or it changed meanwhile";
        case 422:
            return "The object is not valid";
        case 429:
            return "Too many requests";
        default:
            return "The API server refuses it";
    }
}

}  // namespace

Problem BadRequest(std::string field, std::string message) {
    const std::string name = field.substr(field.find('.') + 1);
    Problem problem(400, "BadRequest", "The request cannot be read", name + " " + message + ".");
    problem.errors.push_back({.field = std::move(field), .reason = "", .message = message});
    return problem;
}

Problem CursorInvalid(std::string message) {
    Problem problem = BadRequest("query.cursor", std::move(message));
    problem.reason = "CursorInvalid";
    problem.title = "The cursor is none of this list";
    return problem;
}

Problem Internal() {
    return {500, "Internal", "The portal made a mistake"};
}

Problem Forbidden(const std::string& verb, const std::string& resource, const std::string& ns) {
    return {403, "Forbidden", "You may not do that",
            ns.empty() ? fmt::format("You may not {} {}. An administrator can bind a role to you.",
                                     verb, resource)
                       : fmt::format("You may not {} {} in the namespace {}. Who runs it can bind "
                                     "the role dlworkspace-viewer to you.",
                                     verb, resource, ns)};
}

Problem NotFound(const std::string& what) {
    return {404, "NotFound", "There is no such " + what};
}

Problem LoginExpired() {
    Problem problem(401, "LoginExpired", "You are not logged in",
                    "The API server does not take your token any more. Log in again.");
    problem.by_api_server = true;
    return problem;
}

Problem FromError(const kube::Error& error) {
    if (error.kind != kube::ErrorKind::kStatus || error.code >= 500) {
        // A webhook that fails closed is a 500 with these words.
        if (error.message.find("failed calling webhook") == std::string::npos)
            return ApiServerAway();
        Problem problem(
            503, "AdmissionAway", "Nobody checks jobs at the moment",
            "The admission webhook does not answer, so nothing was written. Try again.");
        problem.retry_after = std::chrono::seconds(5);
        return problem;
    }
    if (error.IsUnauthorized()) return LoginExpired();
    // 405, 406, 415 of the API server would be a mistake of ours; 410 only lists give.
    const bool told = error.code == 400 || error.code == 403 || error.code == 404 ||
                      error.code == 409 || error.code == 413 || error.code == 422 ||
                      error.code == 429;
    Problem problem(told ? error.code : 400,
                    error.reason.empty() ? "ApiServerRefuses" : error.reason, TitleOf(error.code),
                    error.message);
    if (error.code == 429) {
        problem.reason = "TooManyRequests";
        const auto wait = error.retry_after.value_or(std::chrono::seconds(1));
        problem.retry_after = std::chrono::ceil<std::chrono::seconds>(wait);
    }
    for (const kube::Error::Cause& cause : error.causes)
        problem.errors.push_back(
            {.field = cause.field, .reason = cause.reason, .message = cause.message});
    problem.by_api_server = true;
    return problem;
}

kube::HttpAnswer ToAnswer(const Problem& problem, const std::string& request_id) {
    json::object body;
    body["type"] = "urn:dlworkspace:problem:" + problem.reason;
    body["title"] = model::Cut(problem.title, 128);
    body["status"] = problem.status;
    body["reason"] = model::Cut(problem.reason, 64);
    model::PutText(body, "detail", problem.detail, 2048);
    body["instance"] = "urn:dlworkspace:request:" + request_id;
    json::array errors;
    for (const FieldError& error : problem.errors) {
        if (errors.size() == kMostErrors) break;
        json::object one;
        one["field"] = model::Cut(error.field, 512);
        model::PutText(one, "reason", error.reason, 64);
        one["message"] = model::Cut(error.message, 2048);
        model::PutNumber(one, "line", error.line);
        model::PutNumber(one, "column", error.column);
        errors.push_back(std::move(one));
    }
    if (!errors.empty()) body["errors"] = std::move(errors);
    kube::HttpAnswer answer;
    answer.status = problem.status;
    answer.content_type = "application/problem+json";
    answer.body = json::serialize(body);
    if (problem.retry_after)
        answer.fields.emplace_back("Retry-After", std::to_string(problem.retry_after->count()));
    if (problem.status == 401) answer.fields.emplace_back("WWW-Authenticate", "Bearer");
    if (!problem.allow.empty()) answer.fields.emplace_back("Allow", problem.allow);
    return answer;
}

}  // namespace dlws::portal
