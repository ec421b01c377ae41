// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "control/cli/commands.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return bulkhead::control::cli::run(argc, argv, std::cout, std::cerr);
}
