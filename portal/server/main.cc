// SPDX-License-Identifier: Apache-2.0
// The portal: reads the command line, then serves until it is told to stop.
#include <sys/prctl.h>

#include "kube/program.h"
#include "portal/server/portal.h"

int main(int argc, char** argv) {
    using namespace dlws::portal;
    // Tokens of users are in our memory: no core, and no other process of our user looks into it.
    ::prctl(PR_SET_DUMPABLE, 0);
    return dlws::kube::RunProgram<Portal>("portal", DLWS_VERSION, argc, argv, &ParseOptions,
                                          &HelpText);
}
