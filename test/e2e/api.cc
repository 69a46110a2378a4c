// SPDX-License-Identifier: Apache-2.0
#include "test/e2e/api.h"

#include <cpprest/http_client.h>
#include <pplx/threadpool.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>

namespace dlws::e2e {

namespace http = web::http;

const Json& At(const Json& value, std::string_view path) {
    static const Json none;
    const Json* at = &value;
    while (!path.empty()) {
        auto slash = path.find('/');
        std::string key(path.substr(0, slash));
        path = slash == std::string_view::npos ? "" : path.substr(slash + 1);
        if (at->is_object()) {
            auto it = at->as_object().find(key);
            if (it == at->as_object().end()) return none;
            at = &it->second;
        } else if (at->is_array()) {
            auto index = std::stoul(key);
            if (index >= at->as_array().size()) return none;
            at = &at->as_array().at(index);
        } else {
            return none;
        }
    }
    return *at;
}

std::string Text(const Json& value, std::string_view path) {
    const Json& at = At(value, path);
    if (at.is_null()) return "";
    return at.is_string() ? at.as_string() : at.serialize();
}

int Number(const Json& value, std::string_view path, int otherwise) {
    const Json& at = At(value, path);
    return at.is_integer() ? at.as_integer() : otherwise;
}

const web::json::array& List(const Json& value, std::string_view path) {
    static const Json none = Json::array();
    const Json& at = At(value, path);
    return at.is_array() ? at.as_array() : none.as_array();
}

namespace {

Json FromNode(const YAML::Node& node) {
    if (node.IsMap()) {
        Json object = Json::object();
        for (const auto& item : node)
            object[item.first.as<std::string>()] = FromNode(item.second);
        return object;
    }
    if (node.IsSequence()) {
        Json array = Json::array();
        std::size_t i = 0;
        for (const auto& item : node)
            array[i++] = FromNode(item);
        return array;
    }
    if (node.IsNull() || !node.IsDefined()) return Json::null();
    const std::string& text = node.Scalar();
    if (node.Tag() == "!") return Json::string(text);  // was quoted
    if (text == "true" || text == "false") return Json::boolean(text == "true");
    std::int64_t number = 0;
    if (YAML::convert<std::int64_t>::decode(node, number)) return Json::number(number);
    return Json::string(text);
}

std::string ReadFile(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path.string());
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// `field` holds a file's name, `field-data` the same content in base64.
std::string ReadCredential(const YAML::Node& from, const std::string& field,
                           const std::filesystem::path& folder) {
    if (const auto& data = from[field + "-data"]) {
        auto bytes = utility::conversions::from_base64(data.as<std::string>());
        return {bytes.begin(), bytes.end()};
    }
    return from[field] ? ReadFile(folder / from[field].as<std::string>()) : "";
}

YAML::Node Named(const YAML::Node& list, const std::string& name) {
    for (const auto& item : list)
        if (item["name"].as<std::string>() == name) return item;
    throw std::runtime_error("the kubeconfig has nothing named " + name);
}

boost::asio::const_buffer Buffer(const std::string& text) {
    return boost::asio::buffer(text);
}

}  // namespace

Json FromYaml(const std::string& yaml) {
    return FromNode(YAML::Load(yaml));
}

struct Api::Impl {
    std::string as;             // another user, or empty
    std::string authorization;  // header, or empty
    std::optional<http::client::http_client> client;
};

Api::Api(const std::string& kubeconfig, std::string as) : impl_(std::make_unique<Impl>()) {
    impl_->as = std::move(as);
    static const bool started = [] {
        crossplat::threadpool::initialize_with_threads(4);  // its default is 40
        return true;
    }();
    (void)started;
    const std::filesystem::path folder = std::filesystem::path(kubeconfig).parent_path();
    const YAML::Node file = YAML::LoadFile(kubeconfig);
    const auto context =
        Named(file["contexts"], file["current-context"].as<std::string>())["context"];
    const auto cluster = Named(file["clusters"], context["cluster"].as<std::string>())["cluster"];
    const auto user = Named(file["users"], context["user"].as<std::string>())["user"];

    const std::string authority = ReadCredential(cluster, "certificate-authority", folder);
    const std::string certificate = ReadCredential(user, "client-certificate", folder);
    const std::string key = ReadCredential(user, "client-key", folder);
    std::string token = user["token"] ? user["token"].as<std::string>() : "";
    if (user["tokenFile"]) token = ReadFile(folder / user["tokenFile"].as<std::string>());
    if (!token.empty()) impl_->authorization = "Bearer " + token;

    http::client::http_client_config config;
    config.set_timeout(std::chrono::seconds(20));
    config.set_ssl_context_callback([=](boost::asio::ssl::context& ssl) {
        ssl.set_options(boost::asio::ssl::context::no_tlsv1 |
                        boost::asio::ssl::context::no_tlsv1_1);
        if (!authority.empty()) ssl.add_certificate_authority(Buffer(authority));
        if (certificate.empty()) return;
        ssl.use_certificate_chain(Buffer(certificate));
        ssl.use_private_key(Buffer(key), boost::asio::ssl::context::pem);
    });
    impl_->client.emplace(cluster["server"].as<std::string>(), config);
}

Api::~Api() = default;

Reply Api::Send(const std::string& method, const std::string& path, const std::string& body,
                const std::string& type, bool parse) const {
    http::http_request request(method);
    request.set_request_uri(path);
    request.headers().add("Accept", "application/json, */*");
    if (!impl_->authorization.empty()) request.headers().add("Authorization", impl_->authorization);
    if (!impl_->as.empty()) request.headers().add("Impersonate-User", impl_->as);
    if (!body.empty()) request.set_body(body, type);
    Reply reply;
    try {
        auto response = impl_->client->request(request).get();
        reply.text = response.extract_utf8string(true).get();
        reply.code = response.status_code();
        auto kind = response.headers().content_type();
        if (parse && kind.starts_with("application/json")) reply.body = Json::parse(reply.text);
    } catch (const std::exception& e) {  // no connection, no answer in time, an answer cut off
        reply = {};
        reply.text = method + " " + path + ": " + e.what();
    }
    return reply;
}

Reply Api::Get(const std::string& path) const {
    Reply reply = Send("GET", path, "", "");
    // A kept-alive connection that the server closed meanwhile shows only now.
    return reply.code == 0 ? Send("GET", path, "", "") : reply;
}
Reply Api::GetText(const std::string& path) const {
    return Send("GET", path, "", "", false);
}
Reply Api::Post(const std::string& path, const Json& body) const {
    return Send("POST", path, body.serialize(), "application/json");
}
Reply Api::Put(const std::string& path, const Json& body) const {
    return Send("PUT", path, body.serialize(), "application/json");
}
Reply Api::Patch(const std::string& path, const Json& merge_patch) const {
    return Send("PATCH", path, merge_patch.serialize(), "application/merge-patch+json");
}
Reply Api::Delete(const std::string& path, const Json& options) const {
    return Send("DELETE", path, options.serialize(), "application/json");
}

}  // namespace dlws::e2e
