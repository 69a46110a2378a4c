// SPDX-License-Identifier: Apache-2.0
// A job to which nothing happens costs no write, and a whole job's life costs few.
#include <thread>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

class Steady : public E2e {
  protected:
    static std::string List(const std::vector<Audited>& writes) {
        std::string text;
        for (const Audited& w : writes)
            text += w.ToString() + "\n";
        return text;
    }
};

TEST_F(Steady, ARunningJobCostsNoWrite) {
    Submit(Job("quiet", "command: [sleep, '600']\nroles: [{name: worker, replicas: 2}]"));
    WaitForPhase("quiet", "Running");
    std::this_thread::sleep_for(std::chrono::seconds(4));  // counts are told with a delay
    auto from = cluster().AuditEnd();
    std::this_thread::sleep_for(std::chrono::seconds(30));
    auto writes =
        cluster().Writes(from, ns_);  // other programs of the suite have jobs of their own
    EXPECT_TRUE(writes.empty()) << List(writes);
    PrintFigure("steady_writes_30s", double(writes.size()), "writes", "<= 0");
}

TEST_F(Steady, AOnePodJobCostsItsPodItsFenceAndAFewStatuses) {
    Submit(Job("cheap", "command: [sleep, '2']"));
    WaitForPhase("cheap", "Succeeded");
    std::this_thread::sleep_for(std::chrono::seconds(3));
    int pods = 0, fences = 0, statuses = 0, others = 0;
    auto writes = cluster().Writes(audit_, ns_);
    for (const Audited& w : writes) {
        if (w.resource == "pods")
            ++pods;
        else if (w.resource == "configmaps")
            ++fences;
        else if (w.resource == "dljobs")
            ++statuses;
        else if (w.resource != "events")
            ++others;
        EXPECT_LT(w.code, 300) << w.ToString();
    }
    EXPECT_EQ(pods, 1) << List(writes);
    EXPECT_EQ(fences, 2) << List(writes);    // made open, closed at the end
    EXPECT_LE(statuses, 3) << List(writes);  // Starting, Running, Succeeded
    EXPECT_EQ(others, 0) << List(writes);
}

}  // namespace
}  // namespace dlws::e2e
