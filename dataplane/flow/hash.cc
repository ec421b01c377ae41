// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/hash.h"

#include <sys/random.h>

#include <cstdlib>

namespace bulkhead::dataplane {

HashKey random_hash_key() {
  HashKey key;
  // Without randomness there is no safe table; getrandom with these sizes fails on no supported
  // kernel once it has booted.
  if (getrandom(key.data(), sizeof key, 0) != static_cast<ssize_t>(sizeof key)) std::abort();
  return key;
}

}  // namespace bulkhead::dataplane
