// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace bulkhead {

// A vector that copies share until one of them is changed. Thread: as std::vector.
template <class T>
class SharedVector {
 public:
  using value_type = T;
  using const_iterator = typename std::vector<T>::const_iterator;

  SharedVector() = default;
  SharedVector(std::vector<T> items)  // NOLINT(google-explicit-constructor): it is one
      : items_(std::make_shared<std::vector<T>>(std::move(items))) {}

  [[nodiscard]] const_iterator begin() const { return items_->begin(); }
  [[nodiscard]] const_iterator end() const { return items_->end(); }
  [[nodiscard]] const T* data() const { return items_->data(); }
  [[nodiscard]] std::size_t size() const { return items_->size(); }
  [[nodiscard]] bool empty() const { return items_->empty(); }
  [[nodiscard]] const T& operator[](std::size_t i) const { return (*items_)[i]; }
  [[nodiscard]] const T& back() const { return items_->back(); }
  friend bool operator==(const SharedVector& a, const SharedVector& b) {
    return a.items_ == b.items_ || *a.items_ == *b.items_;
  }

  void push_back(T item) { own().push_back(std::move(item)); }
  // To change it: copied first when others have it too.
  [[nodiscard]] std::vector<T>& own() {
    if (items_.use_count() > 1) items_ = std::make_shared<std::vector<T>>(*items_);
    return *items_;
  }

 private:
  std::shared_ptr<std::vector<T>> items_ = std::make_shared<std::vector<T>>();
};

}  // namespace bulkhead
