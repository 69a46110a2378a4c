// SPDX-License-Identifier: Apache-2.0
#include "cli/follow.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "cli/testing/fake_portal.h"
#include "cli/testing/run.h"

namespace dlws::cli {
namespace {

using testing::Answer;
using testing::Call;
using testing::ContractExample;
using testing::FakePortal;
using testing::Program;

std::string Line(int n) {
    return "event: lines\nid: c" + std::to_string(n) +
           "\ndata: {\"lines\":[{\"at\":\"2026-11-29T10:00:08." + std::to_string(100000 + n) +
           "Z\",\"rank\":0,\"attempt\":0,\"text\":\"line " + std::to_string(n) + "\"}]}\n\n";
}

std::string End(const std::string& reason) {
    return "event: end\ndata: {\"reason\":\"" + reason + "\"}\n\n";
}

Answer Stream(std::vector<std::string> pieces, Answer::End end = Answer::kWhole) {
    return {.type = "text/event-stream", .pieces = std::move(pieces), .end = end};
}

std::string Detail(const std::string& phase, const std::string& why = "", int replicas = 1) {
    return R"({"row":{"phase":")" + phase + R"(","why":")" + why +
           R"("},"spec":{"roles":[{"name":"worker","replicas":)" + std::to_string(replicas) +
           "}]}}";
}

bool IsStream(const Call& call) {
    return call.target.find("/logs/stream") != std::string::npos ||
           call.target.starts_with("/api/v1/stream");
}

TEST(FollowLogs, ABrokenConnectionLosesNoLineAndRepeatsNone) {
    // However the stream of 30 lines is cut, in the middle of an event too, each comes once.
    std::atomic<int> connections = 0;
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.body = Detail("Succeeded")};
        const std::string id = call.Field("last-event-id");
        const int from = id.empty() ? 0 : std::stoi(id.substr(1)) + 1;
        const int n = ++connections;
        std::string bytes = ": hello\n\n";
        for (int i = from; i < 30; ++i)
            bytes += Line(i);
        bytes += End("JobFinished");
        const std::size_t cut = static_cast<std::size_t>(n) * 173 + 400;
        if (n % 3 == 2)
            return {.status = 503,
                    .body = ContractExample("Unavailable"),
                    .type = "application/problem+json"};
        if (cut < bytes.size()) return Stream({bytes.substr(0, cut)}, Answer::kCut);
        return Stream({bytes});
    });
    Program dlws(portal.url());
    dlws.LogIn();
    EXPECT_EQ(dlws.Run({"logs", "-f", "digits"}), 0) << dlws.err;
    std::string wanted;
    for (int i = 0; i < 30; ++i)
        wanted += "line " + std::to_string(i) + "\n";
    EXPECT_EQ(dlws.out, wanted);
    EXPECT_GT(connections.load(), 4);
    EXPECT_NE(dlws.err.find("connection broke"), std::string::npos);
}

TEST(FollowLogs, EndsWithTheJobsEnd) {
    std::string phase;
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.body = Detail(phase, "exit code 1 of rank 0")};
        return Stream({Line(0), End("JobFinished")});
    });
    Program dlws(portal.url());
    dlws.LogIn();
    for (const auto& [end, code] : {std::pair{"Succeeded", 0}, {"Failed", 10}, {"Stopped", 11}}) {
        phase = end;
        EXPECT_EQ(dlws.Run({"logs", "-f", "digits"}), code);
        EXPECT_EQ(dlws.out, "line 0\n");
    }
    EXPECT_EQ(dlws.err, "default/digits Stopped: exit code 1 of rank 0\n");
}

TEST(FollowLogs, OtherEnds) {
    std::string reason;
    std::atomic<int> connections = 0;
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.body = Detail("Succeeded")};
        const bool again = ++connections > 1;
        return Stream({End(again ? "JobFinished" : reason)});
    });
    Program dlws(portal.url());
    dlws.LogIn();
    for (const auto& [end, code, calls] : {std::tuple{"LoginExpired", 3, 1},
                                           {"LoggedOut", 3, 1},
                                           {"JobDeleted", 4, 1},
                                           {"Draining", 0, 2},
                                           {"Renew", 0, 2},
                                           {"Slow", 0, 2}}) {
        reason = end;
        connections = 0;
        EXPECT_EQ(dlws.Run({"logs", "-f", "digits"}), code) << end;
        EXPECT_EQ(connections.load(), calls) << end;
    }
}

TEST(FollowLogs, ShowsRanksWhereThereAreSeveral) {
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.body = Detail("Succeeded", "", 2)};
        return Stream(
            {Line(0), "event: gap\ndata: {\"rank\":1,\"attempt\":0,\"why\":\"rotated away\"}\n\n",
             "event: state\ndata: {\"rank\":1,\"attempt\":0,\"state\":\"Waiting\",\"why\":\"no pod "
             "yet\"}\n\n",
             End("JobFinished")});
    });
    Program dlws(portal.url());
    dlws.LogIn();
    EXPECT_EQ(dlws.Run({"logs", "-f", "digits", "-t"}), 0);
    EXPECT_EQ(dlws.out, "2026-11-29T10:00:08.100000Z [0] line 0\n");
    EXPECT_EQ(dlws.err,
              "(lines of rank 1 are not to be had: rotated away)\n(rank 1: no pod yet)\n");
    EXPECT_EQ(dlws.Run({"logs", "-f", "digits", "--rank", "1"}), 0);
    EXPECT_EQ(dlws.out, "line 0\n");
    EXPECT_EQ(portal.calls().at(3).Line(),
              "GET /api/v1/namespaces/default/jobs/digits/logs/stream?rank=1");
    EXPECT_EQ(dlws.Run({"logs", "-f", "digits", "-r", "0,1", "--attempt", "all"}), 0);
    EXPECT_EQ(dlws.out, "[0.0] line 0\n");
}

TEST(FollowLogs, WhatIsRefusedAtTheStartEndsIt) {
    int status = 0;
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.body = Detail("Running")};
        return {.status = status,
                .body = ContractExample("NotFound"),
                .type = "application/problem+json"};
    });
    Program dlws(portal.url());
    dlws.LogIn();
    for (const auto& [answer, code] : {std::pair{401, 3}, {403, 1}, {404, 4}, {503, 5}}) {
        status = answer;
        EXPECT_EQ(dlws.Run({"logs", "-f", "digits"}), code) << answer;
    }
}

TEST(WaitForEnd, TellsPhasesAndEndsWithTheJob) {
    std::atomic<int> connections = 0;
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.status = 201, .body = ContractExample("JobRow")};
        EXPECT_EQ(call.target, "/api/v1/stream?topic=job%2Fvision%2Fdigits");
        const auto detail = [](const std::string& phase, const std::string& why) {
            return "event: detail\ndata: {\"topic\":\"x\",\"detail\":" + Detail(phase, why) +
                   "}\n\n";
        };
        if (++connections == 1)
            return Stream({"event: hello\ndata: {}\n\n", detail("Queued", "No node has room."),
                           detail("Queued", "No node has room."), detail("Running", "")},
                          Answer::kCut);
        return Stream({detail("Running", ""), detail("Failed", "exit code 3")}, Answer::kSilent);
    });
    Program dlws(portal.url());
    dlws.LogIn();
    EXPECT_EQ(
        dlws.Run({"submit", "-n", "vision", "--image", "i", "--wait", "-o", "name", "--", "x"}),
        10);
    EXPECT_EQ(dlws.out, "vision/digits\n");
    EXPECT_EQ(
        dlws.err,
        "Queued: No node has room.\nRunning\nthe portal's connection broke; going on from the "
        "last line\nFailed: exit code 3\n");
}

TEST(WaitForEnd, OtherEnds) {
    std::string event;
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.status = 201, .body = ContractExample("JobRow")};
        return Stream({event});
    });
    Program dlws(portal.url());
    dlws.LogIn();
    const std::vector<std::string> submit{"submit", "--image", "i", "--wait", "--", "x"};
    event = "event: gone\ndata: {\"topic\":\"x\"}\n\n";
    EXPECT_EQ(dlws.Run(submit), 4);
    EXPECT_EQ(dlws.err, "dlws: default/digits was deleted\n");
    event = "event: denied\ndata: {\"problem\":{\"detail\":\"You may not.\"}}\n\n";
    EXPECT_EQ(dlws.Run(submit), 1);
    EXPECT_EQ(dlws.err, "dlws: You may not.\n");
    event = End("LoginExpired");
    EXPECT_EQ(dlws.Run(submit), 3);
    event = "event: detail\ndata: no JSON\n\n";
    EXPECT_EQ(dlws.Run(submit), 5);
}

TEST(WaitForEnd, HasAnEndOfItsOwn) {
    FakePortal portal([&](const Call& call) -> Answer {
        if (!IsStream(call)) return {.status = 201, .body = ContractExample("JobRow")};
        return Stream({"event: detail\ndata: {\"detail\":" + Detail("Running") + "}\n\n"});
    });
    Program dlws(portal.url());
    dlws.LogIn();
    EXPECT_EQ(dlws.Run({"submit", "--image", "i", "--wait", "--timeout", "1s", "--", "x"}), 12);
}

TEST(Delay, GrowsUpToItsLimit) {
    const FollowSettings settings;
    EXPECT_EQ(Delay(0, 0.999, settings).count(), 499);
    EXPECT_EQ(Delay(1, 0.999, settings).count(), 999);
    EXPECT_EQ(Delay(50, 0.999, settings).count(), 9990);
    EXPECT_EQ(Delay(5, 0, settings).count(), 0);
}

TEST(Follow, GivesUpOnAPortalThatStaysAway) {
    std::atomic<int> connections = 0;
    FakePortal portal([&](const Call&) -> Answer {
        if (++connections == 1) return Stream({Line(0)}, Answer::kCut);
        return {.status = 503,
                .body = ContractExample("Unavailable"),
                .type = "application/problem+json"};
    });
    Program dlws(portal.url());
    dlws.LogIn();
    const Arguments arguments = Parse({"logs", "digits"});
    Session session(dlws.world, arguments);
    dlws.world.err = std::tmpfile();
    FollowSettings settings;
    settings.longest_away = std::chrono::seconds(1);
    settings.longest_delay = std::chrono::milliseconds(200);
    int code = 0;
    try {
        Follow(session, "/s", [](const StreamEvent&) { return Next::kGoOn; }, settings);
    } catch (const Failure& failure) {
        code = failure.code;
    }
    EXPECT_EQ(code, kPortalAway);
    EXPECT_GT(connections.load(), 2);
    std::fclose(dlws.world.err);
}

}  // namespace
}  // namespace dlws::cli
