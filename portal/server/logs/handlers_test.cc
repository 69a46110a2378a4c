// SPDX-License-Identifier: Apache-2.0
#include "portal/server/logs/handlers.h"

#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "kube/http_body.h"
#include "portal/server/fixture.h"

namespace dlws::portal {
namespace {

namespace json = boost::json;

model::LogMicros At(int second) {
    return (1'796'000'000ll + second) * 1'000'000;
}

std::string ArchiveLine(int second, std::string_view text) {
    const auto at = model::FormatLogTime(At(second));
    return fmt::format("{} {}\n", std::string_view(at.data(), at.size()), text);
}

/// Files in memory; remembers whose tokens it was asked with.
class FakeArchive : public LogArchive {
  public:
    Awaitable<LogResult<ArchivedLogs>> List(std::string token, ArchiveOf of) override {
        tokens.insert(token + " " + of.user);
        if (away) co_return std::unexpected(LogFailure{.why = "away"});
        ArchivedLogs all;
        all.cut = cut;
        for (const auto& [key, text] : files)
            all.logs.push_back({"worker", key.first, key.second, text.size()});
        co_return all;
    }
    Awaitable<LogResult<LogPage>> Read(std::string token, ArchiveOf of, LogSource source,
                                       LogPageAsk ask, std::size_t bytes) override {
        tokens.insert(token + " " + of.user);
        if (away) co_return std::unexpected(LogFailure{.why = "away"});
        const auto file = files.find({source.index, source.attempt});
        if (file == files.end()) co_return std::unexpected(LogFailure{.kind = LogFailure::kAbsent});
        LogPage page;
        page.offset = ask.offset.value_or(0);
        page.size = file->second.size();
        page.bytes = file->second.substr(std::min<std::size_t>(page.offset, page.size), bytes);
        co_return page;
    }
    std::map<std::pair<int, int>, std::string> files;  // by index and attempt
    std::set<std::string> tokens;
    bool away = false, cut = false;
};

class FakeLive : public LogLive {
  public:
    explicit FakeLive(std::string text) : text_(std::move(text)) {}
    Awaitable<LogResult<std::string>> Next() override { co_return std::exchange(text_, ""); }

  private:
    std::string text_;
};

class FakeKubelet : public LogKubelet {
  public:
    Awaitable<LogResult<std::unique_ptr<LogLive>>> Open(std::string token, std::string ns,
                                                        std::string pod, std::string container,
                                                        LogLiveAsk) override {
        asked.insert(fmt::format("{} {}/{}/{}", token, ns, pod, container));
        const auto found = logs.find(pod);
        if (found == logs.end()) co_return std::unexpected(LogFailure{.kind = LogFailure::kAbsent});
        co_return std::make_unique<FakeLive>(found->second);
    }
    std::map<std::string, std::string> logs;  // by pod
    std::set<std::string> asked;
};

class LogHandlers : public PortalTest {
  protected:
    LogHandlers() {
        job.meta.name = "digits";
        job.meta.ns = "vision";
        job.meta.uid = "uid-1";
        job.spec.roles.resize(1);
        job.spec.roles[0].name = "worker";
        job.spec.roles[0].replicas = 2;
        job.status.phase = model::Phase::Running;
        AddLogs(router, logs);
        Allow("alice get dljobs vision/digits");
        Allow("alice get pods/log vision");
    }
    void AddPod(int index, int attempt, bool running) {
        model::PodView pod;
        pod.ns = job.meta.ns;
        pod.ownerUid = job.meta.uid;
        pod.role = "worker";
        pod.index = index;
        pod.attempt = attempt;
        pod.main.state = running ? model::ContainerView::Running : model::ContainerView::Terminated;
        pods.push_back(pod);
    }
    /// What a stream ends with.
    std::string EndOf(const kube::HttpAnswer& answer) {
        const std::string text = WholeBody(answer);
        return text.substr(std::min(text.size(), text.rfind("event: end")));
    }
    Outcome Ask(const std::string& id, const std::string& query = "",
                const std::string& who = "alice", const std::string& name = "digits") {
        for (const Operation& operation : router.Operations()) {
            if (operation.id != id) continue;
            Call call;
            call.caller = As(who);
            call.caller.current_token = current_token;
            call.caller.session = "session-of-" + who;
            call.path = {{"namespace", "vision"}, {"job", name}};
            auto parsed = kube::ParseHttpQuery(query, operation.query);
            if (!parsed) throw std::runtime_error(parsed.error());
            call.query = std::move(*parsed);
            call.request.fields = fields;
            return kube::testing::Run(io, operation.handler(std::move(call)));
        }
        throw std::runtime_error(id);
    }
    json::value Json(const std::string& id, const std::string& query = "") {
        const Outcome outcome = Ask(id, query);
        if (!outcome) throw std::runtime_error(outcome.error().title + outcome.error().detail);
        return json::parse(outcome->body);
    }
    std::string WholeBody(const kube::HttpAnswer& answer) {
        // Less than until the next beat, so that one that does not end is noticed.
        constexpr std::chrono::seconds kPatience{10};
        std::string text;
        for (std::string piece = kube::testing::Run(io, answer.stream->Next(), kPatience);
             !piece.empty(); piece = kube::testing::Run(io, answer.stream->Next(), kPatience))
            text += piece;
        return text;
    }

    model::DLJob job;
    std::vector<model::PodView> pods;
    bool gone = false;
    FakeArchive archive;
    FakeKubelet kubelet;
    kube::HttpFields fields;
    std::function<kube::Awaitable<std::expected<std::string, Problem>>()> current_token;
    Logs logs{backend, kubelet, &archive,
              [this](const std::string&, const std::string& name) -> std::optional<JobLogs> {
                  if (gone || name != job.meta.name) return std::nullopt;
                  return JobLogs(job, pods);
              },
              [](const model::DLJob&) { return std::string("al"); }};
    Router router;
};

TEST_F(LogHandlers, TheSourcesOfAJob) {
    AddPod(0, 1, true);
    AddPod(1, 1, true);
    archive.files = {{{0, 0}, "12345"}, {{0, 1}, "1"}, {{7, 0}, "of a role that was larger"}};
    const auto list = Json("ListJobLogSources");
    EXPECT_EQ(
        json::serialize(list.at("items")),
        R"([{"rank":0,"role":"worker","index":0,"attempt":0,"live":false,"archived":true,"archiveBytes":5},)"
        R"({"rank":0,"role":"worker","index":0,"attempt":1,"live":true,"archived":true,"archiveBytes":1},)"
        R"({"rank":1,"role":"worker","index":1,"attempt":1,"live":true,"archived":false}])");
    EXPECT_EQ(list.at("total").as_int64(), 3);
    EXPECT_EQ(list.at("archive").as_string(), "Available");
    const auto page = Json("ListJobLogSources", "limit=2");
    EXPECT_EQ(page.at("items").as_array().size(), 2u);
    const std::string cursor(page.at("nextCursor").as_string());
    const auto rest = Json("ListJobLogSources", "limit=2&cursor=" + cursor);
    EXPECT_EQ(rest.at("items").as_array().size(), 1u);
    EXPECT_FALSE(rest.as_object().contains("nextCursor"));
    EXPECT_FALSE(list.as_object().contains("archiveCut"));
    archive.cut = true;
    EXPECT_TRUE(Json("ListJobLogSources").at("archiveCut").as_bool());
    archive.away = true;
    EXPECT_EQ(Json("ListJobLogSources").at("archive").as_string(), "Unavailable");
    logs.archive = nullptr;
    EXPECT_EQ(Json("ListJobLogSources").at("archive").as_string(), "NotConfigured");
}

TEST_F(LogHandlers, APageOfArchiveAndKubelet) {
    AddPod(0, 0, true);
    AddPod(1, 0, true);
    archive.files[{0, 0}] = ArchiveLine(1, "a1") + ArchiveLine(3, "a3");
    kubelet.logs["digits-worker-0-0"] = ArchiveLine(3, "a3") + ArchiveLine(5, "a5");
    kubelet.logs["digits-worker-1-0"] = ArchiveLine(2, "b2") + ArchiveLine(4, "b4");
    const auto page = Json("GetJobLogs");
    std::string texts;
    for (const json::value& line : page.at("lines").as_array())
        texts += std::string(line.at("text").as_string()) + " ";
    EXPECT_EQ(texts, "a1 b2 a3 b4 a5 ");
    EXPECT_TRUE(page.at("atEnd").as_bool());
    // With nobody's token but the caller's, in the folder that the job's user has.
    EXPECT_EQ(archive.tokens, (std::set<std::string>{"alice-token al"}));
    EXPECT_EQ(kubelet.asked, (std::set<std::string>{"alice-token vision/digits-worker-0-0/main",
                                                    "alice-token vision/digits-worker-1-0/main"}));
    // Another container has no archive.
    archive.tokens.clear();
    Json("GetJobLogs", "container=sidecar&rank=1");
    EXPECT_TRUE(archive.tokens.empty());
    EXPECT_TRUE(kubelet.asked.contains("alice-token vision/digits-worker-1-0/sidecar"));
}

TEST_F(LogHandlers, PagesGoOnWhereTheyEnded) {
    job.status.phase = model::Phase::Succeeded;
    for (int i = 0; i < 25; ++i)
        archive.files[{0, 0}] += ArchiveLine(i, fmt::format("line {}", i));
    std::string texts, query = "rank=0&limit=10";
    for (int pages = 0; pages < 10; ++pages) {
        const auto page = Json("GetJobLogs", query);
        for (const json::value& line : page.at("lines").as_array())
            texts += std::string(line.at("text").as_string()) + "\n";
        query = "rank=0&limit=10&cursor=" + std::string(page.at("nextCursor").as_string());
        if (page.at("atEnd").as_bool()) break;
    }
    std::string expected;
    for (int i = 0; i < 25; ++i)
        expected += fmt::format("line {}\n", i);
    EXPECT_EQ(texts, expected);
    // Of another job it is no cursor, even of one of the same name.
    job.meta.uid = "uid-2";
    const auto other = Ask("GetJobLogs", query);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().status, 400);
    EXPECT_EQ(other.error().reason, "CursorInvalid");
    EXPECT_EQ(other.error().errors.at(0).field, "query.cursor");
}

TEST_F(LogHandlers, WhoMayNotReadLearnsNothing) {
    for (const char* id : {"ListJobLogSources", "GetJobLogs", "StreamJobLogs", "DownloadJobLogs"}) {
        SCOPED_TRACE(id);
        // Nothing at all.
        const auto mine = Ask(id, "", "eve"), absent = Ask(id, "", "eve", "absent");
        ASSERT_FALSE(mine);
        ASSERT_FALSE(absent);
        EXPECT_EQ(mine.error().status, 403);
        EXPECT_EQ(mine.error().detail, absent.error().detail);
        // The job, but not what it prints.
        Allow("bob get dljobs vision/digits");
        const auto bob = Ask(id, "", "bob");
        ASSERT_FALSE(bob);
        EXPECT_EQ(bob.error().status, 403);
        EXPECT_THAT(bob.error().detail, ::testing::HasSubstr("pods/log"));
        Allow("alice get dljobs vision/absent");
        const auto none = Ask(id, "", "alice", "absent");
        ASSERT_FALSE(none);
        EXPECT_EQ(none.error().status, 404);
    }
    EXPECT_TRUE(archive.tokens.empty());
    EXPECT_TRUE(kubelet.asked.empty());
}

TEST_F(LogHandlers, WrongParametersAreNamed) {
    for (const auto& [query, field] :
         std::map<std::string, std::string>{{"rank=2", "query.rank"},
                                            {"rank=x", "query.rank"},
                                            {"rank=1&rank=1", "query.rank"},
                                            {"attempt=01", "query.attempt"},
                                            {"attempt=first", "query.attempt"},
                                            {"since=yesterday", "query.since"},
                                            {"since=2026-11-29T10:00:00", "query.since"},
                                            {"until=2026-02-30T10:00:00Z", "query.until"},
                                            {"tail=-1", "query.tail"},
                                            {"tail=100001", "query.tail"},
                                            {"container=-a", "query.container"},
                                            {"limit=0", "query.limit"},
                                            {"limit=5001", "query.limit"},
                                            {"cursor=AAAA", "query.cursor"},
                                            {"cursor=", "query.cursor"},
                                            {"cursor=AAAA&tail=1", "query.cursor"},
                                            {"tail=1&since=2026-11-29T10:00:00Z", "query.tail"}}) {
        const auto outcome = Ask("GetJobLogs", query);
        ASSERT_FALSE(outcome) << query;
        EXPECT_EQ(outcome.error().status, 400) << query;
        ASSERT_EQ(outcome.error().errors.size(), 1u) << query;
        EXPECT_EQ(outcome.error().errors[0].field, field) << query;
        const bool no_cursor = query == "cursor=AAAA" || query == "cursor=";
        EXPECT_EQ(outcome.error().reason, no_cursor ? "CursorInvalid" : "BadRequest") << query;
    }
    job.spec.roles[0].replicas = 65;
    const auto many = Ask("GetJobLogs");
    ASSERT_FALSE(many);
    EXPECT_EQ(many.error().errors.at(0).field, "query.rank");
    EXPECT_TRUE(Ask("GetJobLogs", "rank=64&since=2026-11-29T10:00:00.5%2B01:00"));
    const auto previous = Ask("GetJobLogs", "rank=0&attempt=previous");
    ASSERT_FALSE(previous);
    EXPECT_EQ(previous.error().status, 404);
}

TEST_F(LogHandlers, WrongParametersOfSourcesAreNamed) {
    for (const char* wrong : {"limit=0", "limit=501", "limit=01", "cursor=x", "cursor=00"}) {
        const auto outcome = Ask("ListJobLogSources", wrong);
        ASSERT_FALSE(outcome) << wrong;
        EXPECT_EQ(outcome.error().status, 400) << wrong;
        EXPECT_EQ(outcome.error().reason,
                  std::string_view(wrong).starts_with("cursor") ? "CursorInvalid" : "BadRequest");
    }
}

TEST_F(LogHandlers, AttemptsOfAGangAndOfOnePod) {
    job.status.attempt = 3;
    job.status.launchedAttempt = 2;
    job.status.replaced = {{.role = "worker", .index = 1, .attempt = 3, .replaces = 1}};
    const JobLogs one(job, pods);
    EXPECT_EQ(one.Latest(*one.At(0)), 2);
    EXPECT_EQ(one.Attempt(*one.At(0), "previous"), 1);
    EXPECT_EQ(one.Latest(*one.At(1)), 3);
    EXPECT_EQ(one.Attempt(*one.At(1), "previous"), 1);
    EXPECT_EQ(one.Attempt(*one.At(1), "7"), 7);
    EXPECT_FALSE(one.At(2));
    AddPod(0, 4, true);
    pods.push_back(pods.back());
    pods.back().ownerUid = "of another job";
    pods.back().attempt = 9;
    pods.push_back(pods.front());
    pods.back().ns = "of-eve";
    pods.back().attempt = 10;
    const JobLogs two(job, pods);
    EXPECT_EQ(two.Latest(*two.At(0)), 4);
}

TEST_F(LogHandlers, AStreamEndsWithTheJobAndIsOneOfEight) {
    AddPod(0, 0, false);
    job.status.phase = model::Phase::Succeeded;
    job.status.finishTime = std::chrono::floor<std::chrono::seconds>(
        std::chrono::system_clock::now() - std::chrono::hours(1));
    archive.files[{0, 0}] = ArchiveLine(1, "a1");
    kubelet.logs["digits-worker-0-0"] = ArchiveLine(1, "a1") + ArchiveLine(2, "a2");
    auto outcome = Ask("StreamJobLogs", "rank=0");
    ASSERT_TRUE(outcome) << outcome.error().title;
    EXPECT_EQ(outcome->content_type, "text/event-stream");
    EXPECT_THAT(outcome->fields, ::testing::Contains(std::pair<std::string, std::string>(
                                     "X-Accel-Buffering", "no")));
    std::string id;
    {
        const std::string text = WholeBody(*outcome);
        EXPECT_THAT(text, ::testing::HasSubstr("\"text\":\"a1\""));
        EXPECT_THAT(text, ::testing::HasSubstr("\"text\":\"a2\""));
        EXPECT_THAT(text,
                    ::testing::EndsWith("event: end\ndata: {\"reason\":\"JobFinished\"}\n\n"));
        const std::size_t at = text.rfind("id: ") + 4;
        id = text.substr(at, text.find('\n', at) - at);
    }
    outcome = std::unexpected(NotFound("nothing"));
    fields.emplace_back("Last-Event-ID", id);
    {
        auto resumed = Ask("StreamJobLogs", "rank=0");
        ASSERT_TRUE(resumed);
        EXPECT_THAT(WholeBody(*resumed), ::testing::Not(::testing::HasSubstr("\"text\"")));
    }
    // One that cannot be read is as none.
    fields.back().second = "r4711";
    std::vector<Outcome> streams;
    for (int i = 0; i < 8; ++i)
        streams.push_back(Ask("StreamJobLogs", "rank=0"));
    for (const Outcome& stream : streams)
        EXPECT_TRUE(stream);
    const auto ninth = Ask("StreamJobLogs", "rank=0");
    ASSERT_FALSE(ninth);
    EXPECT_EQ(ninth.error().status, 429);
    streams.clear();
    kube::testing::RunFor(io, std::chrono::milliseconds(1));
    EXPECT_TRUE(Ask("StreamJobLogs", "rank=0"));
}

TEST_F(LogHandlers, AllAttemptsOneAfterAnother) {
    job.status.attempt = 2;
    AddPod(0, 2, true);
    archive.files[{0, 0}] = ArchiveLine(1, "a1") + ArchiveLine(2, "a2") + ArchiveLine(3, "a3");
    archive.files[{0, 1}] = ArchiveLine(4, "b4") + ArchiveLine(5, "b5");
    kubelet.logs["digits-worker-0-2"] = ArchiveLine(6, "c6") + ArchiveLine(7, "c7");
    const auto texts = [](const json::value& page) {
        std::string texts;
        for (const json::value& line : page.at("lines").as_array())
            texts += fmt::format("{}.{} ", line.at("attempt").as_int64(),
                                 std::string(line.at("text").as_string()));
        return texts;
    };
    const std::string all = "0.a1 0.a2 0.a3 1.b4 1.b5 2.c6 2.c7 ";
    EXPECT_EQ(texts(Json("GetJobLogs", "rank=0&attempt=all")), all);
    // A line at a time, by the cursor alone.
    std::string told, query = "rank=0&attempt=all&limit=1";
    for (int pages = 0; pages < 10; ++pages) {
        const auto page = Json("GetJobLogs", query);
        told += texts(page);
        query =
            "rank=0&attempt=all&limit=1&cursor=" + std::string(page.at("nextCursor").as_string());
        if (page.at("atEnd").as_bool()) break;
    }
    EXPECT_EQ(told, all);
    // Of each attempt but what was printed then or later, the clocks of its node being others.
    archive.files[{0, 1}] = ArchiveLine(0, "b0") + ArchiveLine(5, "b5");
    EXPECT_EQ(texts(Json("GetJobLogs", "rank=0&attempt=all&since=2026-11-30T00:53:23Z")),
              "0.a3 1.b5 2.c6 2.c7 ");
    EXPECT_EQ(texts(Json("GetJobLogs", "rank=0&attempt=all&tail=10")), "2.c6 2.c7 ");
    EXPECT_EQ(texts(Json("GetJobLogs", "rank=0&attempt=1")), "1.b0 1.b5 ");
    auto text = Ask("DownloadJobLogs", "rank=0&attempt=all&timestamps=true");
    ASSERT_TRUE(text);
    EXPECT_EQ(WholeBody(*text),
              "2026-11-30T00:53:21.000000Z worker-0.0 a1\n2026-11-30T00:53:22.000000Z worker-0.0 "
              "a2\n2026-11-30T00:53:23.000000Z worker-0.0 a3\n2026-11-30T00:53:20.000000Z "
              "worker-0.1 b0\n2026-11-30T00:53:25.000000Z worker-0.1 b5\n"
              "2026-11-30T00:53:26.000000Z worker-0.2 c6\n2026-11-30T00:53:27.000000Z worker-0.2 "
              "c7\n");
}

TEST_F(LogHandlers, EachPodWhoseLogIsReadCounts) {
    job.status.phase = model::Phase::Succeeded;
    job.spec.roles[0].replicas = 64;
    auto taken = limits.Take("alice", Limits::kLogSources, 65);
    ASSERT_TRUE(taken);
    for (const char* id : {"GetJobLogs", "StreamJobLogs", "DownloadJobLogs"}) {
        const auto all = Ask(id);
        ASSERT_FALSE(all) << id;
        EXPECT_EQ(all.error().status, 429) << id;
        EXPECT_THAT(all.error().detail, ::testing::HasSubstr("128 logs of pods"));
        EXPECT_TRUE(Ask(id, "rank=1")) << id;
    }
    taken = Limits::Ticket();
    // A page gives them back with its answer, a stream with its end.
    EXPECT_TRUE(Ask("GetJobLogs"));
    EXPECT_TRUE(Ask("GetJobLogs"));
    EXPECT_TRUE(Ask("GetJobLogs"));
    auto one = Ask("StreamJobLogs"), two = Ask("DownloadJobLogs");
    EXPECT_TRUE(one);
    EXPECT_TRUE(two);
    EXPECT_FALSE(Ask("GetJobLogs", "rank=1"));
    one = two = std::unexpected(NotFound("nothing"));
    kube::testing::RunFor(io, std::chrono::milliseconds(1));
    EXPECT_TRUE(Ask("GetJobLogs"));
}

kube::Awaitable<std::expected<std::string, Problem>> NoToken(std::string reason) {
    co_return std::unexpected(Problem(401, std::move(reason), "Over", "It is over."));
}

TEST_F(LogHandlers, AStreamEndsSoonAfterTheRight) {
    EXPECT_LE(logs.ask_again, std::chrono::seconds(5));
    logs.ask_again = std::chrono::milliseconds(20);
    AddPod(0, 0, false);
    auto stream = Ask("StreamJobLogs", "rank=0");
    ASSERT_TRUE(stream);
    Allow("alice get pods/log vision", false);
    now += std::chrono::minutes(2);  // what was remembered counts no more
    EXPECT_EQ(EndOf(*stream), "event: end\ndata: {\"reason\":\"Renew\"}\n\n");
    const auto again = Ask("StreamJobLogs", "rank=0");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().status, 403);

    // Whoever logs out, or whose login ends, also when nothing is printed.
    Allow("alice get pods/log vision");
    now += std::chrono::minutes(2);
    logs.archive = nullptr;
    pods.back().main.state = model::ContainerView::Waiting;
    for (const std::string reason : {"LoggedOut", "LoginExpired"}) {
        current_token = [reason] { return NoToken(reason); };
        stream = Ask("StreamJobLogs", "rank=0");
        ASSERT_TRUE(stream);
        EXPECT_THAT(EndOf(*stream), ::testing::HasSubstr(reason));
    }
}

TEST_F(LogHandlers, NothingGoesOnAfterALogout) {
    SessionEnds ends;
    logs.session_ends = &ends;
    logs.ask_again = std::chrono::hours(1);  // it is told, and does not find out
    AddPod(0, 0, false);
    pods.back().main.state = model::ContainerView::Waiting;
    auto stream = Ask("StreamJobLogs", "rank=0");
    ASSERT_TRUE(stream);
    boost::asio::post(io, [&ends] { ends.Tell("session-of-alice"); });
    EXPECT_EQ(EndOf(*stream), "event: end\ndata: {\"reason\":\"LoggedOut\"}\n\n");
    archive.files[{0, 0}] = ArchiveLine(1, "a1");
    auto text = Ask("DownloadJobLogs", "rank=0");
    ASSERT_TRUE(text);
    ends.Tell("session-of-alice");
    EXPECT_THROW(WholeBody(*text), std::runtime_error) << "it must not look whole";
}

TEST_F(LogHandlers, ADownloadIsAFile) {
    job.status.phase = model::Phase::Succeeded;
    archive.files[{0, 0}] = ArchiveLine(1, std::string("<b>\r\0", 5)) + ArchiveLine(2, "\xff");
    archive.files[{1, 0}] = ArchiveLine(1, "other");
    auto outcome = Ask("DownloadJobLogs", "rank=0");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(outcome->content_type, "application/octet-stream");
    EXPECT_EQ(outcome->Field("Content-Disposition"), "attachment; filename=\"digits.log\"");
    EXPECT_EQ(WholeBody(*outcome), std::string("<b>\r\0\n\xff\n", 8));
    outcome = Ask("DownloadJobLogs", "timestamps=true&until=2026-11-30T00:53:22Z");
    ASSERT_TRUE(outcome);
    EXPECT_EQ(WholeBody(*outcome),
              std::string("2026-11-30T00:53:21.000000Z worker-0.0 <b>\r\0\n", 45) +
                  "2026-11-30T00:53:21.000000Z worker-1.0 other\n");
}

}  // namespace
}  // namespace dlws::portal
