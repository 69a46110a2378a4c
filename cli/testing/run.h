// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "cli/session.h"

namespace dlws::cli::testing {

/// The whole program in this process, with a home folder and an environment of its own.
///
///     Program dlws(portal.url());
///     dlws.Run({"list"});
///     EXPECT_EQ(dlws.code, 0);  … dlws.out … dlws.err …
class Program {
  public:
    explicit Program(const std::string& server = "") {
        char name[] = "/tmp/dlws-cli-test.XXXXXX";
        home = ::mkdtemp(name);
        world.now = [] { return *model::ParseTime("2026-11-29T10:05:00Z"); };
        world.variable = [](const char* variable) -> const char* {
            const auto found = variables().find(variable);
            return found == variables().end() ? nullptr : found->second.c_str();
        };
        variables() = {{"HOME", home}};
        if (!server.empty()) variables()["DLWS_SERVER"] = server;
    }
    ~Program() { std::filesystem::remove_all(home); }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// A kubeconfig with a token, as most tests need one.
    void LogIn(const std::string& token = "a-token-of-alice") {
        Write(".kube/config",
              "contexts:\n- {name: c, context: {user: u, cluster: k}}\ncurrent-context: c\n"
              "users:\n- {name: u, user: {token: " +
                  token + "}}\n");
    }

    std::string Write(const std::string& name, const std::string& text) const {
        const std::filesystem::path path = std::filesystem::path(home) / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text;
        return path;
    }
    std::string Read(const std::string& name) const {
        std::ifstream file(std::filesystem::path(home) / name, std::ios::binary);
        std::ostringstream text;
        text << file.rdbuf();
        return text.str();
    }

    int Run(const std::vector<std::string>& args, const std::string& in = "") {
        char *out_bytes = nullptr, *err_bytes = nullptr;
        std::size_t out_size = 0, err_size = 0;
        world.out = ::open_memstream(&out_bytes, &out_size);
        world.err = ::open_memstream(&err_bytes, &err_size);
        std::string input = in.empty() ? " " : in;
        world.in = ::fmemopen(input.data(), input.size(), "r");
        code = Main(world, args);
        for (std::FILE* file : {world.out, world.err, world.in})
            std::fclose(file);
        out.assign(out_bytes, out_size);
        err.assign(err_bytes, err_size);
        std::free(out_bytes);
        std::free(err_bytes);
        return code;
    }

    static std::map<std::string, std::string>& variables() {
        static std::map<std::string, std::string> all;
        return all;
    }

    World world;
    std::string home, out, err;
    int code = -1;
};

}  // namespace dlws::cli::testing
