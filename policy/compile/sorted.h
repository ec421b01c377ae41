// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <vector>

namespace bulkhead::compile {

// Ascending lists without repeats.

template <class T>
void sort_once(std::vector<T>& list) {
  std::ranges::sort(list);
  list.erase(std::unique(list.begin(), list.end()), list.end());
}

template <class T>
void insert_sorted(std::vector<T>& list, const T& item) {
  const auto at = std::ranges::lower_bound(list, item);
  if (at == list.end() || *at != item) list.insert(at, item);
}

template <class T>
void erase_sorted(std::vector<T>& list, const T& item) {
  const auto at = std::ranges::lower_bound(list, item);
  if (at != list.end() && *at == item) list.erase(at);
}

}  // namespace bulkhead::compile
