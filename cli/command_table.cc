// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "cli/commands/commands.h"
#include "cli/options.h"

namespace dlws::cli {
namespace {

constexpr Flag kCommon[] = {
    {"namespace", 'n', Takes::kText, "NAME",
     "namespace of the job; else that of config.yaml, of the kubeconfig's context, or default"},
    {"server", 0, Takes::kText, "URL", "address of the portal; else $DLWS_SERVER, or config.yaml"},
    {"ca-file", 0, Takes::kFile, "FILE",
     "authorities (PEM) that the portal's certificate must be from, instead of the machine's"},
    {"kubeconfig", 0, Takes::kFile, "FILE",
     "whose token is used without a login; else $KUBECONFIG, or ~/.kube/config"},
    {"context", 0, Takes::kText, "NAME", "context of the kubeconfig; else its current one"},
    {"help", 'h', Takes::kNothing, "", "print this"},
    {"version", 0, Takes::kNothing, "", "print the version"},
};

constexpr Flag kOutput{"output", 'o', Takes::kWord, "table|wide|json|yaml|name",
                       "how it is printed; default table"};

constexpr std::string_view kPhases =
    "None|AwaitingApproval|Queued|Starting|Running|Restarting|Suspended|Stopping|Succeeded|Failed|"
    "Stopped";
constexpr std::string_view kSorts =
    "created|-created|changed|-changed|name|-name|owner|-owner|phase|-phase|gpus|-gpus";

constexpr Flag kAll{"all", 'A', Takes::kNothing, "", "everybody's jobs, not only mine"};
constexpr Flag kTimeout{"timeout", 0, Takes::kSpan, "TIME",
                        "wait so long for the end, then exit with 12; default 30d"};

constexpr Flag kLoginFlags[] = {
    {"token", 0, Takes::kText, "TOKEN",
     "a token of the API server's; others may see it in the list of processes, so better:"},
    {"token-file", 0, Takes::kFile, "FILE", "a file with the token; - is standard input"},
    {"from-kubeconfig", 0, Takes::kNothing, "", "keep no token, use the kubeconfig's"},
    {"no-browser", 0, Takes::kNothing, "", "print the address, and start no browser"},
    {"timeout", 0, Takes::kSpan, "TIME", "wait so long for the browser; default 5m"},
};
constexpr Example kLoginExamples[] = {
    {"dlws login --server https://dlws.example.org", "in the browser; remembers the address"},
    {"kubectl -n vision create token trainer --duration=8h | dlws login --token-file -",
     "as a ServiceAccount"},
};

constexpr Example kLogoutExamples[] = {{"dlws logout", "ends the login on the portal too"}};

constexpr Flag kSubmitFlags[] = {
    {"filename", 'f', Takes::kFile, "FILE",
     "submit this DLJob, YAML or JSON, - is standard input; then nothing else describes the job"},
    {"image", 'i', Takes::kText, "IMAGE", "container image"},
    {"name", 0, Takes::kText, "NAME", "name of the job; else one is made from the script's"},
    {"gpus", 'g', Takes::kNumber, "N", "GPUs of each pod", false, 0, 128},
    {"gpu-type", 0, Takes::kText, "TYPE", "kind of GPU, for example A100"},
    {"replicas", 0, Takes::kNumber, "N", "pods", false, 1, 10000},
    {"framework", 0, Takes::kWord, "None|Torch|MPI|JAX|TensorFlow|DeepSpeed",
     "whose variables the pods find"},
    {"cpu", 0, Takes::kText, "QUANTITY", "processors of each pod, for example 8 or 500m"},
    {"memory", 0, Takes::kText, "QUANTITY", "memory of each pod, for example 64Gi"},
    {"shm", 0, Takes::kText, "QUANTITY", "shared memory for data loaders"},
    {"env", 'e', Takes::kText, "NAME=VALUE", "environment; without =VALUE that of here", true},
    {"storage", 0, Takes::kText, "NAME[/FOLDER]:/WHERE[:ro]", "a storage to mount", true},
    {"file", 0, Takes::kFile, "FILE", "one more file for /job, beside the script", true},
    {"run-with", 0, Takes::kText, "WORDS", "what runs the script, for example \"torchrun\""},
    {"workdir", 0, Takes::kText, "FOLDER", "folder the command starts in"},
    {"retries", 0, Takes::kNumber, "N", "new attempts after faults of the job", false, 0, 1000},
    {"deadline", 0, Takes::kSpan, "TIME", "how long the job may hold its pods"},
    {"print", 0, Takes::kNothing, "", "print the DLJob and submit nothing"},
    {"dry-run", 0, Takes::kNothing, "", "have it checked by the cluster and store nothing"},
    {"wait", 0, Takes::kNothing, "", "wait for the job's end: exit code 0, 10 failed, 11 stopped"},
    {"follow", 0, Takes::kNothing, "", "show its logs until its end, with the same exit codes"},
    kTimeout,
};
constexpr Example kSubmitExamples[] = {
    {"dlws submit train.py --image pytorch/pytorch:2.5.1 --gpus 8 -- --epochs 10",
     "the script travels with the job; what follows -- are its arguments"},
    {"dlws submit --image python:3.12 --wait -- python3 -c 'print(1)'", "a command of the image"},
    {"dlws submit -f job.yaml --dry-run", "is it right?"},
    {"dlws submit train.py --image python:3.12 --print > job.yaml", "a file to go on with"},
};

constexpr Flag kListFlags[] = {
    kAll,
    {"phase", 0, Takes::kWord, kPhases, "only jobs in this phase", true},
    {"owner", 0, Takes::kText, "USERNAME", "only this user's jobs", true},
    {"search", 'q', Takes::kText, "WORDS", "words in name, namespace, owner, image or reason"},
    {"gpu-type", 0, Takes::kText, "TYPE", "only jobs that want such GPUs"},
    {"pending", 0, Takes::kWord, "Wait|Ask|Change",
     "only jobs that wait: for room, for somebody else, for you", true},
    {"sort", 0, Takes::kWord, kSorts, "order; - begins with the greatest; default -created"},
    {"limit", 0, Takes::kNumber, "N", "so many at most; default all", false, 1, 1000000},
};
constexpr Example kListExamples[] = {
    {"dlws list", "my jobs"},
    {"dlws list -A -n vision --phase Queued -o wide", "who waits in vision, and for what"},
    {"dlws stop $(dlws list --phase Queued -o name)", "names are made to be used"},
};

constexpr Example kGetExamples[] = {
    {"dlws get digits"},
    {"dlws get vision/digits -o yaml", "the DLJob itself"},
};

constexpr Example kWhyExamples[] = {
    {"dlws why digits", "why it does not run yet, or what ended it, and what to do"}};

constexpr Flag kLogsFlags[] = {
    {"follow", 'f', Takes::kNothing, "",
     "go on until the job has ended: exit code 0, 10 failed, 11 stopped; Ctrl-C only detaches"},
    {"rank", 'r', Takes::kText, "N[,N]", "only the pods of these ranks", true},
    {"attempt", 0, Takes::kText, "latest|previous|all|N", "which attempt's; default latest"},
    {"since", 0, Takes::kText, "TIME", "lines of the last 10m, say, or since 2026-11-29T10:00:00Z"},
    {"tail", 0, Takes::kNumber, "N", "only the last lines of each pod", false, 0, 100000},
    {"container", 'c', Takes::kText, "NAME", "another container than the job's own"},
    {"timestamps", 't', Takes::kNothing, "", "begin each line with its time"},
    {"raw", 0, Takes::kNothing, "", "the bytes as they were printed, of any length, until now"},
    kTimeout,
};
constexpr Example kLogsExamples[] = {
    {"dlws logs -f digits", "as it is printed, with the rank before each line of several pods"},
    {"dlws logs digits --rank 0 --tail 20"},
    {"dlws logs digits --attempt all --raw > digits.log"},
};

constexpr Example kStopExamples[] = {
    {"dlws stop digits", "for good; the job and its logs stay to be looked at"}};
constexpr Example kSuspendExamples[] = {{"dlws suspend digits", "its GPUs are free until resume"}};
constexpr Example kResumeExamples[] = {{"dlws resume digits", "starts anew from its checkpoints"}};
constexpr Example kDeleteExamples[] = {
    {"dlws delete digits", "the record goes too; archived logs stay"}};

constexpr Flag kApproveFlags[] = {
    {"hash", 0, Takes::kText, "HASH",
     "approve what has this hash, without a question; at least its first 12 digits"},
    {"reason", 0, Takes::kText, "TEXT", "a word for who submitted it"},
    {"for", 0, Takes::kSpan, "TIME", "approve until then only"},
};
constexpr Example kApproveExamples[] = {
    {"dlws approve", "what waits for an approval"},
    {"dlws approve vision/bench", "shows what it asks for, and asks you"},
};
constexpr Flag kDenyFlags[] = {
    {"reason", 0, Takes::kText, "TEXT", "why; who submitted the job reads it"},
};
constexpr Example kDenyExamples[] = {
    {"dlws deny vision/bench --reason \"use the shared storage instead\""}};

constexpr Flag kTopFlags[] = {
    {"gpu-type", 0, Takes::kText, "TYPE", "with nodes: only nodes with such GPUs"},
};
constexpr Example kTopExamples[] = {
    {"dlws top", "GPUs by type, who holds them, what is wrong"},
    {"dlws top nodes --gpu-type A100", "node by node"},
};

constexpr Flag kHistoryFlags[] = {
    kAll,
    {"since", 0, Takes::kText, "TIME", "jobs made in the last 7d, say, or since a date"},
    {"limit", 0, Takes::kNumber, "N", "so many at most; default 50", false, 1, 1000000},
};
constexpr Example kHistoryExamples[] = {
    {"dlws history --since 7d", "my jobs that have ended, the last first"},
    {"dlws history digits", "what became of one: its steps and events"},
};

constexpr Example kCompletionExamples[] = {
    {"source <(dlws completion bash)", "now; or in ~/.bashrc"},
    {"dlws completion zsh > \"${fpath[1]}/_dlws\"", "for every zsh"},
};

const std::array kCommands{
    Command{
        "login", "", "Log in to a portal, and remember it",
        "Opens a browser, where you log in and allow it; or takes a token. The token is kept in\n"
        "~/.config/dlws/tokens.yaml, for you alone (0600), the address in config.yaml beside it.\n"
        "Of a kubeconfig only a token counts: no client certificates, exec plugins, auth\n"
        "providers or passwords.\n",
        kLoginFlags, kLoginExamples, 0, 0, false, false, false, &RunLogin},
    Command{"logout",
            "",
            "Forget the login, here and on the portal",
            "",
            {},
            kLogoutExamples,
            0,
            0,
            false,
            false,
            false,
            &RunLogout},
    Command{
        "submit", "[SCRIPT] [-- ARGUMENT...]", "Make a job of a script, a command or a file",
        "A script and files of at most 256 KiB travel with the job and lie in /job: *.py is run\n"
        "by python3, *.sh by bash, and what begins with #! by itself.\n",
        kSubmitFlags, kSubmitExamples, 0, 1, true, false, true, &RunSubmit},
    Command{"list", "", "List jobs: mine, in all namespaces",
            "With -n only those in that namespace; with -A everybody's that I may see.\n",
            kListFlags, kListExamples, 0, 0, false, false, true, &RunList},
    Command{"get",
            "JOB...",
            "Show all about a job",
            "",
            {},
            kGetExamples,
            1,
            -1,
            false,
            true,
            true,
            &RunGet},
    Command{"why",
            "JOB",
            "Say why a job does not run, or why it ended",
            "",
            {},
            kWhyExamples,
            1,
            1,
            false,
            true,
            true,
            &RunWhy},
    Command{
        "logs", "JOB", "Show what a job prints",
        "Lines of running pods and of the archive. --follow goes on over pods that die,\n"
        "attempts, and portals that go away, and leaves no line out. On a terminal what controls\n"
        "it is shown and not done, but for colours, tabs and carriage returns.\n",
        kLogsFlags, kLogsExamples, 1, 1, false, true, false, &RunLogs},
    Command{"stop",
            "JOB...",
            "End jobs for good, and keep their records",
            "",
            {},
            kStopExamples,
            1,
            -1,
            false,
            true,
            true,
            &RunStop},
    Command{"suspend",
            "JOB...",
            "End jobs' pods until they are resumed",
            "",
            {},
            kSuspendExamples,
            1,
            -1,
            false,
            true,
            true,
            &RunSuspend},
    Command{"resume",
            "JOB...",
            "Let suspended jobs start anew",
            "",
            {},
            kResumeExamples,
            1,
            -1,
            false,
            true,
            true,
            &RunResume},
    Command{"delete",
            "JOB...",
            "Remove jobs and their records",
            "",
            {},
            kDeleteExamples,
            1,
            -1,
            false,
            true,
            true,
            &RunDelete},
    Command{"approve", "[JOB]", "Approve what a job asks for beyond plain ones",
            "Only exactly what you were shown is approved, and never your own job.\n",
            kApproveFlags, kApproveExamples, 0, 1, false, true, true, &RunApprove},
    Command{"deny", "JOB", "Deny what a job asks for: it fails", "", kDenyFlags, kDenyExamples, 1,
            1, false, true, true, &RunDeny},
    Command{"top", "[nodes]", "Show the cluster's GPUs and who holds them", "", kTopFlags,
            kTopExamples, 0, 1, false, false, true, &RunTop},
    Command{"history", "[JOB]", "List jobs that have ended, or what became of one", "",
            kHistoryFlags, kHistoryExamples, 0, 1, false, true, true, &RunHistory},
    Command{"completion",
            "bash|zsh",
            "Print a script that completes the command line",
            "",
            {},
            kCompletionExamples,
            1,
            1,
            false,
            false,
            false,
            &RunCompletion},
};

}  // namespace

std::span<const Command> Commands() {
    return kCommands;
}

std::span<const Flag> CommonFlags() {
    return kCommon;
}

const Flag& OutputFlag() {
    return kOutput;
}

}  // namespace dlws::cli
