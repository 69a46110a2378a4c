// SPDX-License-Identifier: Apache-2.0
#include "kube/workqueue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <set>
#include <thread>

#include "kube/random.h"
#include "kube/testing/run.h"

namespace dlws::kube {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ObjectKey kA{"ns", "a"}, kB{"ns", "b"};

struct Fixture : ::testing::Test {
    asio::io_context io;
    WorkQueue queue{io.get_executor(), {.name = "jobs"}};

    std::optional<ObjectKey> Get() { return testing::Run(io, queue.Get()); }
};
using WorkQueueTest = Fixture;

Awaitable<void> GetInto(WorkQueue& queue, std::vector<std::string>& log) {
    auto key = co_await queue.Get();
    log.push_back(key ? key->ToString() : "end");
}

TEST_F(WorkQueueTest, AKeyAddedTwiceWaitsOnce) {
    queue.Add(kA);
    queue.Add(kB);
    queue.Add(kA);
    EXPECT_EQ(queue.Depth(), 2u);
    EXPECT_EQ(Get(), kA);
    EXPECT_EQ(Get(), kB);
    EXPECT_EQ(queue.Depth(), 0u);
}

TEST_F(WorkQueueTest, AKeyAddedWhileWorkedOnComesAgainAfterDoneAndNotBefore) {
    queue.Add(kA);
    EXPECT_EQ(Get(), kA);
    queue.Add(kA);
    queue.Add(kA);
    EXPECT_EQ(queue.Depth(), 0u);
    queue.Done(kA);
    EXPECT_EQ(queue.Depth(), 1u);
    EXPECT_EQ(Get(), kA);
    queue.Done(kA);
    EXPECT_EQ(queue.Depth(), 0u);
}

TEST_F(WorkQueueTest, DoneTwiceOrUnaskedIsHarmless) {
    queue.Done(kA);
    queue.Add(kA);
    queue.Done(kA);
    EXPECT_EQ(queue.Depth(), 1u);
    EXPECT_EQ(Get(), kA);
}

TEST_F(WorkQueueTest, DelayedKeysComeInTheOrderOfTheirTimes) {
    const ObjectKey late{"ns", "late"};
    queue.AddAfter(late, std::chrono::hours(1));
    queue.AddAfter(kA, milliseconds(60));
    queue.AddAfter(kB, milliseconds(20));
    EXPECT_EQ(queue.Depth(), 0u);
    const auto began = WorkQueue::Clock::now();
    EXPECT_EQ(Get(), kB);
    EXPECT_GE(WorkQueue::Clock::now() - began, milliseconds(15));
    EXPECT_EQ(Get(), kA);
    EXPECT_GE(WorkQueue::Clock::now() - began, milliseconds(55));
}

TEST_F(WorkQueueTest, OfTwoDelaysTheEarlierIsKept) {
    queue.AddAfter(kA, milliseconds(30));
    queue.AddAfter(kA, std::chrono::hours(1));
    EXPECT_EQ(Get(), kA);
    queue.Done(kA);
    queue.AddAfter(kA, std::chrono::hours(1));
    queue.AddAfter(kA, milliseconds(30));
    EXPECT_EQ(Get(), kA);
    queue.Done(kA);
    testing::RunFor(io, milliseconds(60));
    EXPECT_EQ(queue.Depth(), 0u);  // once, not twice
}

TEST_F(WorkQueueTest, AnEndlessDelayDoesNotOverflow) {
    queue.AddAfter(kA, WorkQueue::Clock::duration::max());
    queue.AddAfter(kB, milliseconds(-5));
    testing::RunFor(io, milliseconds(20));
    EXPECT_EQ(queue.Depth(), 1u);
    EXPECT_EQ(Get(), kB);
}

TEST(WorkQueue, RetriesDoubleUpToTheMaximumUntilForgotten) {
    asio::io_context io;
    WorkQueue queue(io.get_executor(),
                    {.base_delay = milliseconds(10), .max_delay = milliseconds(35)});
    std::vector<long> waits;
    for (int i = 0; i < 5; ++i) {
        if (i == 4) queue.Forget(kA);
        const auto began = WorkQueue::Clock::now();
        queue.AddRateLimited(kA);
        EXPECT_EQ(queue.Failures(kA), i == 4 ? 1 : i + 1);
        ASSERT_EQ(testing::Run(io, queue.Get()), kA);
        waits.push_back((WorkQueue::Clock::now() - began) / milliseconds(1));
        queue.Done(kA);
    }
    const long least[] = {10, 20, 35, 35, 10};
    for (std::size_t i = 0; i < 5; ++i)
        EXPECT_GE(waits[i], least[i] - 1) << i;
    EXPECT_LT(waits[4], 35) << "Forget() did not reset the delay";
}

TEST(WorkQueue, AThousandFailuresStillMeanTheMaximum) {
    asio::io_context io;
    WorkQueue queue(io.get_executor(),
                    {.base_delay = std::chrono::hours(1), .max_delay = std::chrono::hours(2)});
    for (int i = 0; i < 1000; ++i)
        queue.AddRateLimited(kA);
    EXPECT_EQ(queue.Failures(kA), 1000);
    EXPECT_EQ(queue.Depth(), 0u) << "the doubling overflowed";
}

TEST_F(WorkQueueTest, ShutDownEndsTheWaitersAndIgnoresLaterAdds) {
    std::vector<std::string> log;
    for (int i = 0; i < 3; ++i)
        asio::co_spawn(io, GetInto(queue, log), asio::detached);
    testing::RunFor(io, milliseconds(5));
    queue.AddAfter(kB, milliseconds(1));
    queue.ShutDown();
    queue.Add(kA);
    testing::RunFor(io, milliseconds(20));
    EXPECT_THAT(log, ElementsAre("end", "end", "end"));
    EXPECT_EQ(Get(), std::nullopt);
}

TEST_F(WorkQueueTest, OneAddWakesOneWaiter) {
    std::vector<std::string> log;
    for (int i = 0; i < 200; ++i)
        asio::co_spawn(io, GetInto(queue, log), asio::detached);
    io.poll();
    io.restart();
    queue.Add(kA);
    const auto steps = io.poll();
    EXPECT_THAT(log, ElementsAre("ns/a"));
    EXPECT_LT(steps, 10u) << "the others were woken too";
    io.restart();
    queue.ShutDown();
    io.run();
}

TEST_F(WorkQueueTest, AWakeUpIsNotLostWithACancelledWorker) {
    std::vector<std::string> cancelled, other;
    asio::cancellation_signal signal;
    asio::co_spawn(io, GetInto(queue, cancelled),
                   asio::bind_cancellation_slot(signal.slot(), asio::detached));
    testing::RunFor(io, milliseconds(5));
    asio::co_spawn(io, GetInto(queue, other), asio::detached);
    testing::RunFor(io, milliseconds(5));
    asio::post(io, [&] {
        queue.Add(kA);                                   // wakes the first ...
        signal.emit(asio::cancellation_type::terminal);  // ... which is told to stop right then
    });
    testing::RunFor(io, milliseconds(20));
    EXPECT_THAT(cancelled, ElementsAre("end"));
    EXPECT_THAT(other, ElementsAre("ns/a"));
}

TEST(WorkQueue, MetricsAreThoseOfControllerRuntime) {
    asio::io_context io;
    Metrics metrics;
    WorkQueue queue(io.get_executor(), {.name = "jobs", .metrics = &metrics});
    queue.Add(kA);
    queue.Add(kA);
    queue.AddRateLimited(kB);
    EXPECT_THAT(metrics.Text(), HasSubstr("workqueue_depth{name=\"jobs\"} 1\n"));
    EXPECT_EQ(testing::Run(io, queue.Get()), kA);
    testing::RunFor(io, milliseconds(700));  // the gauges of running work tick each 500 ms
    std::string text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("workqueue_adds_total{name=\"jobs\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("workqueue_retries_total{name=\"jobs\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("workqueue_queue_duration_seconds_count{name=\"jobs\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("workqueue_longest_running_processor_seconds{name=\"jobs\"} 0.5"));
    EXPECT_THAT(text, HasSubstr("workqueue_unfinished_work_seconds{name=\"jobs\"} 0.5"));
    queue.Done(kA);
    testing::RunFor(io, milliseconds(700));
    text = metrics.Text();
    EXPECT_THAT(text, HasSubstr("workqueue_work_duration_seconds_count{name=\"jobs\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("workqueue_longest_running_processor_seconds{name=\"jobs\"} 0\n"));
}

TEST(WorkQueue, MayDieWithTimersPending) {
    asio::io_context io;
    Metrics metrics;
    {
        WorkQueue queue(io.get_executor(), {.metrics = &metrics});
        queue.AddAfter(kA, milliseconds(1));
        queue.Add(kB);
        testing::Run(io, queue.Get());
        // The timer has fired into the queue of handlers when the work queue goes.
        std::this_thread::sleep_for(milliseconds(5));
    }
    testing::RunFor(io, milliseconds(20));
}

// ---- a random model: whatever the interleaving, never two workers on a key, nothing lost.

struct Model {
    WorkQueue& queue;
    Random& random;
    std::map<std::string, int> added;    // version of the last add
    std::map<std::string, int> handled;  // version that the last worker to begin has seen
    std::set<std::string> in_work;
    int problems = 0;
    int worked = 0;

    bool Chance(double p) { return random.Uniform() < p; }
};

Awaitable<void> ModelWorker(Model& model) {
    while (auto key = co_await model.queue.Get()) {
        if (!model.in_work.insert(key->name).second) ++model.problems;
        model.handled[key->name] = model.added[key->name];
        ++model.worked;
        const int steps = static_cast<int>(model.random.Uniform() * 6);
        for (int i = 0; i < steps; ++i)
            co_await asio::post(asio::use_awaitable);
        if (model.Chance(0.1)) co_await testing::Sleep(milliseconds(1));
        if (model.Chance(0.2)) {
            ++model.added[key->name];
            model.queue.AddRateLimited(*key);
        } else {
            model.queue.Forget(*key);
        }
        model.in_work.erase(key->name);
        model.queue.Done(*key);
    }
}

Awaitable<void> ModelProducer(Model& model) {
    for (int i = 0; i < 600; ++i) {
        const ObjectKey key{"",
                            "k" + std::to_string(static_cast<int>(model.random.Uniform() * 12))};
        ++model.added[key.name];
        if (model.Chance(0.2)) {
            model.queue.AddAfter(key, milliseconds(static_cast<int>(model.random.Uniform() * 4)));
        } else {
            model.queue.Add(key);
        }
        if (model.Chance(0.3)) co_await asio::post(asio::use_awaitable);
        if (model.Chance(0.01)) co_await testing::Sleep(milliseconds(1));
    }
}

class WorkQueueModel : public ::testing::TestWithParam<int> {};

TEST_P(WorkQueueModel, NeverTwoWorkersOnAKeyAndNothingLost) {
    const int seed = GetParam();
    asio::io_context io;
    Random random(static_cast<std::uint64_t>(seed));
    WorkQueue queue(io.get_executor(),
                    {.base_delay = milliseconds(1), .max_delay = milliseconds(4)});
    Model model{queue, random, {}, {}, {}, 0, 0};
    const int workers = 1 + seed % 7;
    int running = 0;
    for (int i = 0; i < workers; ++i) {
        ++running;
        asio::co_spawn(io, ModelWorker(model), [&](std::exception_ptr) { --running; });
    }
    testing::Run(io, ModelProducer(model));
    for (int i = 0; i < 500 && model.added != model.handled; ++i)
        testing::RunFor(io, milliseconds(2));
    EXPECT_EQ(model.added, model.handled) << "seed " << seed;
    EXPECT_EQ(model.problems, 0) << "seed " << seed;
    EXPECT_GT(model.worked, 12);
    queue.ShutDown();
    testing::RunFor(io, milliseconds(20));
    EXPECT_EQ(running, 0) << "seed " << seed;
}

INSTANTIATE_TEST_SUITE_P(Seeds, WorkQueueModel, ::testing::Range(1, 25));

}  // namespace
}  // namespace dlws::kube
