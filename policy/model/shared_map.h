// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace bulkhead::model {

// A sorted map whose copies share their entries: the entries live in chunks, a copy costs one
// pointer, a change copies the chunk it falls into and the list of chunks, and what two versions
// differ in is found without looking into the chunks they share. Otherwise like std::map, but for
// iterators: they are read-only, and every change of the map ends them.
// Thread: as std::map; copying one that others read or copy at the same time is fine.
template <class Key, class Value>
class SharedMap {
 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = std::pair<Key, Value>;

 private:
  // Who may change a chunk or a list in place. Compared by address; alive as long as it is
  // compared.
  struct Editor {};
  using EditorPtr = std::shared_ptr<const Editor>;
  struct Chunk {
    std::vector<value_type> entries;  // never empty
    EditorPtr editor;
  };
  using Chunks = std::vector<std::shared_ptr<Chunk>>;

 public:
  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = SharedMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return (*chunks_)[chunk_]->entries[entry_]; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++entry_ == (*chunks_)[chunk_]->entries.size()) ++chunk_, entry_ = 0;
      return *this;
    }
    const_iterator operator++(int) {
      auto here = *this;
      ++*this;
      return here;
    }
    const_iterator& operator--() {
      if (entry_ == 0) entry_ = (*chunks_)[--chunk_]->entries.size();
      --entry_;
      return *this;
    }
    const_iterator operator--(int) {
      auto here = *this;
      --*this;
      return here;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.chunk_ == b.chunk_ && a.entry_ == b.entry_;
    }

   private:
    friend class SharedMap;
    const_iterator(const Chunks* chunks, std::size_t chunk, std::size_t entry)
        : chunks_(chunks), chunk_(chunk), entry_(entry) {}
    const Chunks* chunks_ = nullptr;
    std::size_t chunk_ = 0;
    std::size_t entry_ = 0;
  };
  using iterator = const_iterator;

  SharedMap() = default;
  ~SharedMap() = default;
  SharedMap(const SharedMap& other) : chunks_(other.chunks_), size_(other.size_) {
    // From now on neither may change in place what both have.
    other.is_shared_.store(true, std::memory_order_relaxed);
  }
  SharedMap(SharedMap&& other) noexcept { swap(other); }
  SharedMap& operator=(SharedMap other) noexcept {
    swap(other);
    return *this;
  }
  void swap(SharedMap& other) noexcept {
    std::swap(chunks_, other.chunks_);
    std::swap(editor_, other.editor_);
    std::swap(size_, other.size_);
    const bool was_shared = other.is_shared_.load(std::memory_order_relaxed);
    other.is_shared_.store(is_shared_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    is_shared_.store(was_shared, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const_iterator begin() const { return {chunks_.get(), 0, 0}; }
  [[nodiscard]] const_iterator end() const { return {chunks_.get(), chunks_->size(), 0}; }

  // The first entry whose key is not less.
  [[nodiscard]] const_iterator lower_bound(const Key& key) const {
    const auto chunk = std::ranges::lower_bound(
        *chunks_, key, {}, [](const auto& c) -> const Key& { return c->entries.back().first; });
    if (chunk == chunks_->end()) return end();
    const auto& entries = (*chunk)->entries;
    const auto entry = std::ranges::lower_bound(entries, key, {}, &value_type::first);
    return {chunks_.get(), static_cast<std::size_t>(chunk - chunks_->begin()),
            static_cast<std::size_t>(entry - entries.begin())};
  }
  [[nodiscard]] const_iterator find(const Key& key) const {
    const auto place = lower_bound(key);
    return place != end() && place->first == key ? place : end();
  }
  [[nodiscard]] bool contains(const Key& key) const { return find(key) != end(); }
  // Throws std::out_of_range, as std::map.
  [[nodiscard]] const Value& at(const Key& key) const { return known(key)->second; }
  [[nodiscard]] Value& at(const Key& key) { return own(known(key)); }

  Value& operator[](const Key& key) { return own(emplace(key, Value()).first); }
  template <class V>
  std::pair<const_iterator, bool> emplace(const Key& key, V&& value) {
    auto place = lower_bound(key);
    if (place != end() && place->first == key) return {place, false};
    place = insert(place, {key, std::forward<V>(value)});
    ++size_;
    return {place, true};
  }
  std::size_t erase(const Key& key) {
    const auto place = find(key);
    if (place == end()) return 0;
    erase(place);
    return 1;
  }
  void erase(const_iterator place) {
    auto& entries = own_chunk(place.chunk_).entries;
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(place.entry_));
    if (entries.empty()) {
      chunks_->erase(chunks_->begin() + static_cast<std::ptrdiff_t>(place.chunk_));
    }
    --size_;
  }
  void clear() { *this = SharedMap(); }

  // Calls `differs(key, old, now)`, in order of keys, for each entry that is not the same in both;
  // an entry that is missing is a default Value. Cost: the chunks, and what is in those not shared.
  template <class Differs>
  static void for_each_difference(const SharedMap& before, const SharedMap& after,
                                  const Differs& differs) {
    auto old = before.begin();
    auto now = after.begin();
    const Value none{};
    while (old != before.end() || now != after.end()) {
      const bool has_both = old != before.end() && now != after.end();
      if (has_both && old.entry_ == 0 && now.entry_ == 0 &&
          (*before.chunks_)[old.chunk_] == (*after.chunks_)[now.chunk_]) {
        ++old.chunk_, ++now.chunk_;
      } else if (now == after.end() || (has_both && old->first < now->first)) {
        differs(old->first, old->second, none);
        ++old;
      } else if (old == before.end() || now->first < old->first) {
        differs(now->first, none, now->second);
        ++now;
      } else {
        if (old->second != now->second) differs(now->first, old->second, now->second);
        ++old, ++now;
      }
    }
  }

 private:
  // Copying a chunk of pods costs a few microseconds, the list of 100,000 pods' chunks some ten.
  static constexpr std::size_t kMaxEntries = 64;

  [[nodiscard]] const_iterator known(const Key& key) const {
    const auto place = find(key);
    if (place == end()) throw std::out_of_range("SharedMap::at");
    return place;
  }
  void own_list() {
    if (editor_ && !is_shared_.load(std::memory_order_relaxed)) return;
    editor_ = std::make_shared<const Editor>();
    chunks_ = std::make_shared<Chunks>(*chunks_);
    is_shared_.store(false, std::memory_order_relaxed);
  }
  Chunk& own_chunk(std::size_t index) {
    own_list();
    auto& chunk = (*chunks_)[index];
    if (chunk->editor != editor_) {
      chunk = std::make_shared<Chunk>(Chunk{chunk->entries, editor_});
    }
    return *chunk;
  }
  Value& own(const_iterator place) { return own_chunk(place.chunk_).entries[place.entry_].second; }

  const_iterator insert(const_iterator place, value_type entry) {
    own_list();
    std::size_t at = place.chunk_;
    std::size_t within = place.entry_;
    if (at == chunks_->size() && at > 0) {  // behind the last entry
      --at;
      within = (*chunks_)[at]->entries.size();
    }
    if (chunks_->empty() || (within == kMaxEntries && at + 1 == chunks_->size())) {
      // Filled in order of keys, chunks are full.
      chunks_->push_back(std::make_shared<Chunk>(Chunk{{}, editor_}));
      chunks_->back()->entries.push_back(std::move(entry));
      return {chunks_.get(), chunks_->size() - 1, 0};
    }
    auto& entries = own_chunk(at).entries;
    entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(within), std::move(entry));
    if (entries.size() <= kMaxEntries) return {chunks_.get(), at, within};
    const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(entries.size() / 2);
    auto second = std::make_shared<Chunk>(Chunk{{middle, entries.end()}, editor_});
    entries.erase(middle, entries.end());
    const std::size_t first_size = entries.size();
    chunks_->insert(chunks_->begin() + static_cast<std::ptrdiff_t>(at) + 1, std::move(second));
    if (within < first_size) return {chunks_.get(), at, within};
    return {chunks_.get(), at + 1, within - first_size};
  }

  std::shared_ptr<Chunks> chunks_ = std::make_shared<Chunks>();
  EditorPtr editor_;  // of the list and of the chunks that only this map has
  std::size_t size_ = 0;
  mutable std::atomic<bool> is_shared_ = false;  // written by whoever copies
};

template <class Key, class Value, class Differs>
void for_each_difference(const SharedMap<Key, Value>& before, const SharedMap<Key, Value>& after,
                         const Differs& differs) {
  SharedMap<Key, Value>::for_each_difference(before, after, differs);
}

}  // namespace bulkhead::model
