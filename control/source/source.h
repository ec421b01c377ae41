// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/parse/parse.h"

namespace bulkhead::control::source {

// All times are handed in, so that tests own the clock. Monotonic.
using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// What one unit holds: a file here, one API object in a source that lists and watches. The text is
// kept because the last accepted text is what survives an agent restart.
struct Content {
  parse::ParsedFile parsed;
  std::string text;
};
using ContentPtr = std::shared_ptr<const Content>;

enum class ChangeKind : std::uint8_t {
  Present,    // new or different; `content` is set
  Vanishing,  // absent, but not for long enough to count as deleted
  Gone,       // deleted
};

struct Change {
  ChangeKind kind = ChangeKind::Present;
  std::string unit;  // stable name: the path below the folder, or the object's own
  ContentPtr content;
};

// Where policies and inventory come from. Emits the latest content of each unit; a reader that
// applies every change in order always ends in the source's current state, however events were
// merged or repeated on the way. Thread: the control thread.
class Source {
 public:
  virtual ~Source() = default;

  // Readable when read() may have something to say; -1 when only deadlines tell.
  [[nodiscard]] virtual int descriptor() const = 0;
  // When read() must be called next even if the descriptor stays quiet.
  [[nodiscard]] virtual std::optional<Time> deadline() const = 0;
  // Never blocks beyond the disk. The first call lists everything there is.
  [[nodiscard]] virtual std::vector<Change> read(Time now) = 0;
  // Why the source cannot see its units now; the last state stays in force meanwhile.
  [[nodiscard]] virtual std::optional<Error> failure() const = 0;
};

}  // namespace bulkhead::control::source
