// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cctype>
#include <stdexcept>

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/files.h"
#include "cli/follow.h"
#include "cli/json.h"
#include "cli/loopback.h"
#include "cli/text.h"
#include "kube/base64.h"

namespace dlws::cli {
namespace {

std::string Base64Url(const unsigned char* bytes, std::size_t size) {
    return kube::EncodeBase64Url({reinterpret_cast<const char*>(bytes), size});
}

// RFC 7636: who has the verifier is who began.
struct Pkce {
    std::string verifier, challenge;

    Pkce() {
        unsigned char random[32], hash[SHA256_DIGEST_LENGTH];
        if (RAND_bytes(random, sizeof random) != 1)
            throw std::runtime_error("this machine gives no random numbers");
        verifier = Base64Url(random, sizeof random);
        SHA256(reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size(), hash);
        challenge = Base64Url(hash, sizeof hash);
    }
};

HttpClient Portal(const Session& session, const std::string& token) {
    HttpClient::Settings settings;
    settings.server = session.server();
    settings.ca_file = session.ca_file();
    settings.token = token;
    settings.user_agent = std::string("dlws/") + DLWS_VERSION;
    return HttpClient(settings);
}

json::value Ask(HttpClient portal, const HttpRequest& request) {
    const HttpReply reply = portal.Send(request);
    if (!reply.ok()) throw ProblemOf(reply, portal.settings().server);
    boost::system::error_code error;
    json::value answer = json::parse(reply.body, error);
    if (error || !answer.is_object())
        throw Failure(kPortalAway, portal.settings().server + " is no portal");
    return answer;
}

Login ByBrowser(Session& session) {
    HttpRequest request;
    request.path = "/auth/session";
    const json::value about = Ask(Portal(session, ""), request);
    const json::array& methods = ListAt(about, "methods");
    if (std::ranges::find(methods, json::value("oidc")) == methods.end())
        throw Failure(kRefused,
                      fmt::format("this portal has no login page; log in with a token:\n  {} | {} "
                                  "login --token-file -",
                                  Clean(TextAt(about, "tokenCommand")), session.world.program));
    const Pkce pkce;
    Loopback loopback;
    const std::string url =
        session.server() + WithQuery("/auth/login", {{"cliPort", std::to_string(loopback.port())},
                                                     {"cliChallenge", pkce.challenge}});
    session.Note("Log in with a browser of this machine:\n  " + url);
    if (!session.arguments.Has("no-browser") && session.world.open_browser)
        session.world.open_browser(url);
    const std::string code = loopback.WaitForCode(
        std::chrono::seconds(std::max(session.arguments.Span("timeout", 300), 1LL)));
    request.method = "POST";
    request.path = "/auth/cli/token";
    request.body = json::serialize(json::object{{"code", code}, {"verifier", pkce.verifier}});
    request.type = "application/json";
    const json::value answer = Ask(Portal(session, ""), request);
    Login login{TextAt(answer, "token"), TextAt(answer, "username"), TextAt(answer, "expiresAt")};
    if (!login.token.starts_with("dlws1."))
        throw Failure(kPortalAway, "the portal gave no token; is it one of another version?");
    return login;
}

// Whom the API server takes the token's bearer for.
std::string WhoHas(const Session& session, const std::string& token) {
    HttpRequest request;
    request.path = "/api/v1/me";
    return TextAt(Ask(Portal(session, token), request), "username");
}

std::string GivenToken(const Session& session) {
    const Arguments& arguments = session.arguments;
    std::string token = arguments.Has("token") ? arguments.Text("token")
                                               : ReadFile(arguments.Text("token-file"), 64 * 1024);
    while (!token.empty() && std::isspace(static_cast<unsigned char>(token.back())))
        token.pop_back();
    const bool plain = std::ranges::all_of(token, [](unsigned char c) {
        return std::isalnum(c) ||
               std::string_view("._~+/=-").find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (token.size() < 8 || token.size() > 8192 || !plain)
        throw Failure(kCommandLine,
                      "that is no token: one has 8 to 8192 letters, digits and ._~+/=-");
    return token;
}

}  // namespace

int RunLogin(Session& session) {
    const Arguments& arguments = session.arguments;
    const std::string folder = session.world.ConfigFolder(), server = session.server();
    if (arguments.Has("token") + arguments.Has("token-file") + arguments.Has("from-kubeconfig") > 1)
        throw Failure(kCommandLine, "write one of --token, --token-file and --from-kubeconfig");
    Login login;
    if (arguments.Has("from-kubeconfig")) {
        ForgetLogin(folder, server);
        login.username = WhoHas(session, session.portal().settings().token);
    } else {
        if (arguments.Has("token") || arguments.Has("token-file")) {
            login.token = GivenToken(session);
            login.username = WhoHas(session, login.token);
        } else {
            login = ByBrowser(session);
        }
        WriteLogin(folder, server, login);
    }
    Config config = ReadConfig(folder);
    config.ca_file = session.ca_file();
    config.server = server;
    if (session.ns_given) config.ns = session.ns;
    WriteConfig(folder, config);
    session.Print(
        fmt::format("you are {} at {}{}\n", Clean(login.username), server,
                    login.expires_at.empty() ? "" : ", until " + Clean(login.expires_at)));
    return kOk;
}

int RunLogout(Session& session) {
    const std::string folder = session.world.ConfigFolder(), server = session.server();
    const auto login = ReadLogin(folder, server);
    if (!login) {
        session.Note("you were not logged in at " + server);
        return kOk;
    }
    // Only a login of the portal's own is a session there; a token of the API server's ends by
    // itself.
    if (login->token.starts_with("dlws1.")) {
        HttpRequest request;
        request.method = "POST";
        request.path = "/auth/logout";
        const HttpReply reply = Portal(session, login->token).Send(request);
        if (!reply.ok() && reply.code != 401)
            throw Failure(ProblemOf(reply, server).code,
                          ProblemOf(reply, server).text +
                              "\nThe login is kept; log out again when the portal answers");
    }
    ForgetLogin(folder, server);
    session.Print("you are logged out of " + server + "\n");
    return kOk;
}

}  // namespace dlws::cli
