// SPDX-License-Identifier: Apache-2.0
// The portal: reads the command line, then serves until it is told to stop.
#include "kube/program.h"
#include "portal/server/portal.h"

int main(int argc, char** argv) {
    using namespace dlws::portal;
    return dlws::kube::RunProgram<Portal>("portal", DLWS_VERSION, argc, argv, &ParseOptions,
                                          &HelpText);
}
