// SPDX-License-Identifier: Apache-2.0
// MPI jobs with Debian's Open MPI: three pods, an ssh server in each worker, nobody root.
#include <fmt/format.h>

#include "test/e2e/fixture.h"

namespace dlws::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr auto kRoles = R"(
image: dlworkspace.io/mpi:1
framework: MPI
roles:
- {name: launcher}
- {name: worker, replicas: 2, gpus: 2}
)";

class Mpi : public E2e {
  protected:
    std::string WaitLog(const std::string& pod) {
        return api().Get(CorePath("pods", pod) + "/log?container=dlws-wait").text;
    }
    // Names of the job's Secrets.
    std::vector<std::string> Secrets(const std::string& job) {
        std::vector<std::string> names;
        Reply reply =
            api().Get(CorePath("secrets") + "?labelSelector=dlworkspace.io%2Fjob%3D" + job);
        for (const Json& secret : List(reply.body, "items"))
            names.push_back(Text(secret, "metadata/name"));
        return names;
    }
};

TEST_F(Mpi, EveryRankRunsAndTheLaunchersSuccessIsTheJobs) {
    Submit(Job("pi", std::string(kRoles) + "command: [mpirun, -n, '4', pi]"));
    Json job = WaitForPhase("pi", "Succeeded", 120);
    EXPECT_EQ(Text(job, "status/message"), "Every pod of role launcher ended with exit code 0.");
    const std::string log = Log("pi-launcher-0-0");
    for (int rank = 0; rank < 4; ++rank)
        EXPECT_THAT(log,
                    HasSubstr(fmt::format("rank {} of 4 runs on worker-{}\n", rank, rank / 2)));
    EXPECT_THAT(log, HasSubstr("the token has passed 4 ranks\n"));
    EXPECT_THAT(log, HasSubstr("pi is 3.1415926536\n"));
    for (const Json& pod : Pods("pi"))
        EXPECT_EQ(Text(pod, "status/phase"), "Succeeded") << Text(pod, "metadata/name");
    EXPECT_THAT(cluster().PodCreates(audit_, ns_),
                UnorderedElementsAre(Pair("pi-launcher-0-0", 1), Pair("pi-worker-0-0", 1),
                                     Pair("pi-worker-1-0", 1)));

    // The keys: made once, the job's own, gone with it.
    const std::string secret = "pi-ssh-" + Text(job, "metadata/uid");
    EXPECT_THAT(Secrets("pi"), UnorderedElementsAre(secret));
    ASSERT_TRUE(api().Delete(JobPath("pi")).ok());
    WaitUntil("the keys are gone", [&] { return Secrets("pi").empty(); });
}

TEST_F(Mpi, ALostWorkerRestartsTheGangWithTheSameKeys) {
    Submit(Job("again", std::string(kRoles) +
                            "command: [sh, -c, '[ $DLWS_ATTEMPT = 1 ] || exec sleep 600; "
                            "exec mpirun -n 2 --map-by node pi']"));
    WaitForPhase("again", "Running", 120);
    DeletePod("again-worker-1-0");
    Json job = WaitForPhase("again", "Succeeded", 120);
    EXPECT_EQ(Text(job, "status/attempt"), "1");
    EXPECT_THAT(Log("again-launcher-0-1"), HasSubstr("rank 1 of 2 runs on worker-1\n"));
    EXPECT_EQ(Secrets("again").size(), 1u);
}

// No start-up race: the launcher's command does not begin before every worker lets it in.
TEST_F(Mpi, TheLauncherWaitsForAWorkerThatDoesNotAnswer) {
    Submit(Job("early", R"(
image: dlworkspace.io/mpi:1
framework: MPI
command: [mpirun, -n, '2', pi]
roles:
- {name: launcher}
- {name: worker}
- {name: mute, command: [sleep, '600']})"));
    WaitForJob("early", "two pods run", [](const Json& j) {
        return Text(j, "status/roles/1/running") == "1" && Text(j, "status/roles/2/running") == "1";
    });
    WaitUntil(
        "the launcher says whom it waits for",
        [&] {
            return WaitLog("early-launcher-0-0").find("mute-0.early does not answer") !=
                   std::string::npos;
        },
        120);
    EXPECT_EQ(Text(Pod("early-launcher-0-0"), "status/phase"), "Pending");
    EXPECT_EQ(Text(api().Get(JobPath("early")).body, "status/phase"), "Starting");
}

TEST_F(Mpi, AnImageWithoutAnSshServerIsTold) {
    Submit(Job("bare", R"(
framework: MPI
command: [mpirun, -n, '2', pi]
roles:
- {name: launcher, image: 'dlworkspace.io/mpi:1'}
- {name: worker, image: 'dlworkspace.io/tools:1'})"));
    Json job = WaitForPhase("bare", "Failed");
    EXPECT_EQ(Text(job, "status/message"),
              "Pod bare-worker-0-0 ended with exit code 127: the image has no sshd: install "
              "openssh-server in it, or give this role a command.");
}

}  // namespace
}  // namespace dlws::e2e
