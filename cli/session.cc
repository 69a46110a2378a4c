// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cctype>

#include "cli/completion.h"
#include "cli/config.h"
#include "cli/text.h"
#include "kube/yaml.h"

namespace dlws::cli {
namespace {

namespace json = boost::json;

bool IsName(std::string_view text, std::size_t most, bool digit_first) {
    if (text.empty() || text.size() > most || text.back() == '-' || text.front() == '-')
        return false;
    if (!digit_first && std::isdigit(static_cast<unsigned char>(text[0]))) return false;
    return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") ==
           std::string_view::npos;
}

Format FormatOf(const std::string& word) {
    if (word == "wide") return Format::kWide;
    if (word == "json") return Format::kJson;
    if (word == "yaml") return Format::kYaml;
    return word == "name" ? Format::kName : Format::kTable;
}

// Two spaces a level, as people read it.
void Pretty(std::string& out, const json::value& value, std::size_t depth) {
    const auto line = [&](std::size_t d) { out += '\n' + std::string(2 * d, ' '); };
    const auto list = [&](char open, char close, const auto& items, const auto& one) {
        out += open;
        bool first = true;
        for (const auto& item : items) {
            if (!first) out += ',';
            first = false;
            line(depth + 1);
            one(item);
        }
        if (!first) line(depth);
        out += close;
    };
    if (const json::object* object = value.if_object())
        list('{', '}', *object, [&](const json::key_value_pair& item) {
            out += json::serialize(json::value(item.key())) + ": ";
            Pretty(out, item.value(), depth + 1);
        });
    else if (const json::array* array = value.if_array())
        list('[', ']', *array, [&](const json::value& item) { Pretty(out, item, depth + 1); });
    else
        out += json::serialize(value);
}

}  // namespace

std::string World::Variable(const char* name) const {
    const char* value = variable ? variable(name) : nullptr;
    return value ? value : "";
}

std::string World::ConfigFolder() const {
    if (const std::string base = Variable("XDG_CONFIG_HOME"); base.starts_with('/'))
        return base + "/dlws";
    if (const std::string home = Variable("HOME"); !home.empty()) return home + "/.config/dlws";
    throw Failure(kCommandLine, "where are your settings? Set HOME or XDG_CONFIG_HOME");
}

std::string JobName::Path() const {
    return "/api/v1/namespaces/" + ns + "/jobs/" + name;
}

Session::Session(const World& world, const Arguments& arguments)
    : world(world), arguments(arguments), format(FormatOf(arguments.Text("output"))) {
    ns_given = arguments.Has("namespace");
    ns = arguments.Text("namespace");
    const auto of_kubeconfig = [&] {
        if (ns.empty()) ns = ReadKubeconfig(kube_paths(), arguments.Text("context")).ns;
    };
    if (world.as_kubectl) of_kubeconfig();
    if (ns.empty()) ns = ReadConfig(world.ConfigFolder()).ns;
    if (!world.as_kubectl) of_kubeconfig();
    if (ns.empty()) ns = "default";
    if (!IsName(ns, 63, true))
        throw Failure(kCommandLine, fmt::format("\"{}\" is no name of a namespace", Clean(ns)));
}

std::string Session::kube_paths() const {
    if (arguments.Has("kubeconfig")) return arguments.Text("kubeconfig");
    if (const std::string paths = world.Variable("KUBECONFIG"); !paths.empty()) return paths;
    const std::string home = world.Variable("HOME");
    return home.empty() ? "" : home + "/.kube/config";
}

std::string Session::server() const {
    std::string server = arguments.Text("server");
    if (server.empty()) server = world.Variable("DLWS_SERVER");
    if (server.empty()) server = ReadConfig(world.ConfigFolder()).server;
    if (server.empty())
        throw Failure(kCommandLine,
                      "which portal? Write --server https://dlws.example.org, or set DLWS_SERVER; "
                      "`dlws login --server …` remembers it");
    return CheckedServer(server);
}

std::string Session::ca_file() const {
    if (arguments.Has("ca-file")) return arguments.Text("ca-file");
    const Config config = ReadConfig(world.ConfigFolder());
    // The file is that portal's; another one's certificate is the machine's to judge.
    return config.server.empty() || CheckedServer(config.server) == server() ? config.ca_file : "";
}

HttpClient& Session::portal() {
    if (portal_) return *portal_;
    HttpClient::Settings settings;
    settings.server = server();
    settings.ca_file = ca_file();
    settings.user_agent = std::string("dlws/") + DLWS_VERSION;
    const auto login = ReadLogin(world.ConfigFolder(), settings.server);
    const auto kube = ReadKubeconfig(kube_paths(), arguments.Text("context"));
    const bool kube_first =
        world.as_kubectl || arguments.Has("kubeconfig") || arguments.Has("context");
    if (login) settings.token = login->token;
    if (!kube.token.empty() && (kube_first || !login)) settings.token = kube.token;
    if (settings.token.empty())
        throw Failure(kNotLoggedIn,
                      fmt::format("you are not logged in at {}, and {}\nTo log in: dlws login",
                                  settings.server, kube.why_not));
    return portal_.emplace(std::move(settings));
}

void Session::NoteStale(const HttpReply& reply) {
    if (reply.stale_since.empty() || stale_told_ == reply.stale_since) return;
    stale_told_ = reply.stale_since;
    Note(fmt::format("the API server is away; this is what was known {} ago",
                     Age(reply.stale_since, world.now())));
}

json::value Session::Send(const HttpRequest& request, std::string_view source) {
    const HttpReply reply = portal().Send(request);
    if (!reply.ok()) throw ProblemOf(reply, portal().settings().server, source);
    NoteStale(reply);
    if (reply.body.empty()) return nullptr;
    boost::system::error_code error;
    json::parse_options deep;
    deep.max_depth = 128;  // the portal takes 64
    json::value body = json::parse(reply.body, error, {}, deep);
    if (error)
        throw Failure(kPortalAway, fmt::format("{} answered what is no JSON; is it the portal?",
                                               portal().settings().server));
    return body;
}

json::value Session::Get(const std::string& path) {
    HttpRequest request;
    request.path = path;
    return Send(request);
}

JobName Session::Job(const std::string& operand) const {
    const std::size_t slash = operand.find('/');
    JobName job{slash == std::string::npos ? ns : operand.substr(0, slash),
                slash == std::string::npos ? operand : operand.substr(slash + 1)};
    if (slash != std::string::npos && ns_given && job.ns != ns)
        throw Failure(kCommandLine,
                      fmt::format("{} is in another namespace than -n {}", Clean(operand), ns));
    if (!IsName(job.ns, 63, true) || !IsName(job.name, 40, false))
        throw Failure(kCommandLine,
                      fmt::format("\"{}\" is no name of a job; write, for example, digits or "
                                  "vision/digits",
                                  Clean(operand)));
    return job;
}

void Session::Print(std::string_view text) const {
    std::fwrite(text.data(), 1, text.size(), world.out);
    if (std::fflush(world.out) != 0)
        throw Failure(kRefused, "what there is to say cannot be written to standard output");
}

void Session::Note(std::string_view text) const {
    fmt::print(world.err, "{}\n", text);
    std::fflush(world.err);
}

void Session::PrintDocument(const json::value& document) const {
    if (format == Format::kYaml) return Print(kube::ToYaml(document));
    std::string text;
    Pretty(text, document, 0);
    Print(text + "\n");
}

std::string WithQuery(std::string path,
                      const std::vector<std::pair<std::string, std::string>>& parameters) {
    char before = path.find('?') == std::string::npos ? '?' : '&';
    for (const auto& [name, value] : parameters) {
        path += fmt::format("{}{}=", before, name);
        before = '&';
        for (const char c : value) {
            const bool plain = std::isalnum(static_cast<unsigned char>(c)) ||
                               std::string_view("-._~").find(c) != std::string_view::npos;
            path +=
                plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
        }
    }
    return path;
}

std::string TimeOf(const Arguments& arguments, std::string_view flag, model::Time now) {
    const std::string text = arguments.Text(flag);
    if (const long long span = ParseSpan(text); span >= 0)
        return model::FormatTime(now - std::chrono::seconds(span));
    if (const auto time = model::ParseTime(text)) return model::FormatTime(*time);
    throw Failure(kCommandLine,
                  fmt::format("--{} must be a span of time such as 10m or 7d, or a time such as "
                              "2026-11-29T10:00:00Z, not \"{}\"",
                              flag, Clean(text)));
}

namespace {

int Perform(const World& world, const std::vector<std::string>& args) {
    if (!args.empty() && args[0] == "__complete")
        return PrintCandidates(world, {args.begin() + 1, args.end()});
    if (!args.empty() && args[0] == "__reference") {
        fmt::print(world.out, "{}", Reference());
        return kOk;
    }
    const Arguments arguments = Parse(args);
    if (arguments.Has("version")) {
        fmt::print(world.out, "dlws {}\n", DLWS_VERSION);
        return kOk;
    }
    if (arguments.Has("help")) {
        fmt::print(world.out, "{}",
                   arguments.command ? HelpText(*arguments.command, world.program)
                                     : HelpText(world.program));
        return kOk;
    }
    Session session(world, arguments);
    return arguments.command->run(session);
}

}  // namespace

int Main(const World& world, const std::vector<std::string>& args) {
    const auto fail = [&](int code, std::string_view text) {
        Screen screen;
        screen.colour = world.err_colour;
        fmt::print(world.err, "{} {}\n", Paint(screen, Colour::kBad, world.program + ":"), text);
        return code;
    };
    try {
        return Perform(world, args);
    } catch (const Failure& failure) {
        return fail(failure.code, failure.text);
    } catch (const std::exception& error) {
        return fail(kRefused, Clean(error.what()));
    }
}

}  // namespace dlws::cli
