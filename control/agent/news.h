// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace bulkhead::control::agent {

// Tells a new trouble from one that is merely met again, so that what is tried every second is
// logged once. Thread: one.
class News {
 public:
  // True when the topic's text differs from the last one; an empty text means that all is well,
  // which is never news.
  bool is_new(const std::string& topic, const std::string& text) {
    if (text.empty()) {
      texts_.erase(topic);
      return false;
    }
    auto& last = texts_[topic];
    if (last == text) return false;
    last = text;
    return true;
  }

 private:
  std::map<std::string, std::string> texts_;
};

}  // namespace bulkhead::control::agent
