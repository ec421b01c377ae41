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

// A sorted map whose copies share their entries: the entries live in chunks, the chunks in nodes. A
// copy costs one pointer, a change copies the chunk and the node it falls into and the list of
// nodes, and what two versions differ in is found without looking into what they share. Otherwise
// like std::map, but for iterators: they are read-only, and every change of the map ends them.
// Thread: as std::map; copying one that others read or copy at the same time is fine.
template <class Key, class Value>
class SharedMap {
 public:
  using key_type = Key;
  using mapped_type = Value;
  using value_type = std::pair<Key, Value>;

 private:
  // Who may change a part in place. Compared by address; alive as long as it is compared.
  struct Editor {};
  using EditorPtr = std::shared_ptr<const Editor>;
  struct Chunk {
    std::vector<value_type> items;  // never empty
    EditorPtr editor;
    [[nodiscard]] const Key& last() const { return items.back().first; }
  };
  struct Node {
    std::vector<std::shared_ptr<Chunk>> items;  // never empty
    EditorPtr editor;
    [[nodiscard]] const Key& last() const { return items.back()->last(); }
  };
  using Nodes = std::vector<std::shared_ptr<Node>>;

  // Where an entry is, or the end: one past the last node.
  struct Place {
    std::size_t node = 0;
    std::size_t chunk = 0;
    std::size_t entry = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };

 public:
  class const_iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = SharedMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    const_iterator() = default;
    reference operator*() const { return (*items_)[at_.entry]; }
    pointer operator->() const { return &**this; }
    const_iterator& operator++() {
      if (++at_.entry < items_->size()) return *this;
      return next_chunk();
    }
    const_iterator operator++(int) {
      auto here = *this;
      ++*this;
      return here;
    }
    const_iterator& operator--() {
      if (at_.entry == 0) {
        if (at_.chunk == 0) at_.chunk = (*nodes_)[--at_.node]->items.size();
        items_ = &(*nodes_)[at_.node]->items[--at_.chunk]->items;
        at_.entry = items_->size();
      }
      --at_.entry;
      return *this;
    }
    const_iterator operator--(int) {
      auto here = *this;
      --*this;
      return here;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) {
      return a.at_ == b.at_;
    }

   private:
    friend class SharedMap;
    const_iterator(const Nodes* nodes, Place at) : nodes_(nodes), at_(at) { enter(); }

    void enter() {
      const bool is_end = at_.node == nodes_->size();
      items_ = is_end ? nullptr : &(*nodes_)[at_.node]->items[at_.chunk]->items;
    }
    const_iterator& next_chunk() {
      at_.entry = 0;
      if (++at_.chunk == (*nodes_)[at_.node]->items.size()) return next_node();
      enter();
      return *this;
    }
    const_iterator& next_node() {
      at_ = {at_.node + 1, 0, 0};
      enter();
      return *this;
    }
    [[nodiscard]] bool is_end() const { return items_ == nullptr; }
    [[nodiscard]] bool begins_chunk() const { return at_.entry == 0; }
    [[nodiscard]] bool begins_node() const { return at_.entry == 0 && at_.chunk == 0; }
    [[nodiscard]] const Node* node() const { return (*nodes_)[at_.node].get(); }

    const Nodes* nodes_ = nullptr;
    const std::vector<value_type>* items_ = nullptr;  // of the chunk; null at the end
    Place at_;
  };
  using iterator = const_iterator;

  SharedMap() = default;
  ~SharedMap() = default;
  SharedMap(const SharedMap& other) : nodes_(other.nodes_), size_(other.size_) {
    // From now on neither may change in place what both have.
    other.is_shared_.store(true, std::memory_order_relaxed);
  }
  SharedMap(SharedMap&& other) noexcept { swap(other); }
  SharedMap& operator=(SharedMap other) noexcept {
    swap(other);
    return *this;
  }
  void swap(SharedMap& other) noexcept {
    std::swap(nodes_, other.nodes_);
    std::swap(editor_, other.editor_);
    std::swap(size_, other.size_);
    const bool was_shared = other.is_shared_.load(std::memory_order_relaxed);
    other.is_shared_.store(is_shared_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    is_shared_.store(was_shared, std::memory_order_relaxed);
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const_iterator begin() const { return {nodes_.get(), {}}; }
  [[nodiscard]] const_iterator end() const { return {nodes_.get(), {nodes_->size(), 0, 0}}; }

  // The first entry whose key is not less.
  [[nodiscard]] const_iterator lower_bound(const Key& key) const {
    const auto last = [](const auto& part) -> const Key& { return part->last(); };
    const auto node = std::ranges::lower_bound(*nodes_, key, {}, last);
    if (node == nodes_->end()) return end();
    const auto& chunks = (*node)->items;
    const auto chunk = std::ranges::lower_bound(chunks, key, {}, last);
    const auto& entries = (*chunk)->items;
    const auto entry = std::ranges::lower_bound(entries, key, {}, &value_type::first);
    return {nodes_.get(),
            {static_cast<std::size_t>(node - nodes_->begin()),
             static_cast<std::size_t>(chunk - chunks.begin()),
             static_cast<std::size_t>(entry - entries.begin())}};
  }
  [[nodiscard]] const_iterator find(const Key& key) const {
    const auto place = lower_bound(key);
    return !place.is_end() && place->first == key ? place : end();
  }
  [[nodiscard]] bool contains(const Key& key) const { return find(key) != end(); }
  // Throws std::out_of_range, as std::map.
  [[nodiscard]] const Value& at(const Key& key) const { return known(key)->second; }
  [[nodiscard]] Value& at(const Key& key) { return own(known(key)); }

  Value& operator[](const Key& key) { return own(emplace(key, Value()).first); }
  template <class V>
  std::pair<const_iterator, bool> emplace(const Key& key, V&& value) {
    const auto place = lower_bound(key);
    if (!place.is_end() && place->first == key) return {place, false};
    return {insert(place.at_, {key, std::forward<V>(value)}), true};
  }
  template <class V>
  void insert_or_assign(const Key& key, V&& value) {
    const auto place = lower_bound(key);
    if (!place.is_end() && place->first == key) {
      own(place) = std::forward<V>(value);
    } else {
      insert(place.at_, {key, std::forward<V>(value)});
    }
  }
  std::size_t erase(const Key& key) {
    const auto place = find(key);
    if (place.is_end()) return 0;
    erase(place);
    return 1;
  }
  void erase(const_iterator place) {
    const Place at = place.at_;
    auto& entries = own_chunk(at).items;
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(at.entry));
    --size_;
    if (entries.size() > kFewItems) return;
    auto& chunks = (*nodes_)[at.node]->items;
    join(chunks, at.chunk);
    if (chunks.size() <= kFewItems) join(*nodes_, at.node);
  }
  void clear() { *this = SharedMap(); }

  friend bool operator==(const SharedMap& a, const SharedMap& b) {
    bool is_same = a.size_ == b.size_;
    if (!is_same) return false;
    for_each_difference(a, b, [&](const Key&, const Value&, const Value&) { is_same = false; });
    return is_same;
  }

  // Calls `differs(key, old, now)`, in order of keys, for each entry that is not the same in both;
  // an entry that is missing is a default Value. Cost: the nodes, and what is in those not shared.
  template <class Differs>
  static void for_each_difference(const SharedMap& before, const SharedMap& after,
                                  const Differs& differs) {
    if (before.nodes_ == after.nodes_) return;
    auto old = before.begin();
    auto now = after.begin();
    const Value none{};
    while (!old.is_end() || !now.is_end()) {
      const bool has_both = !old.is_end() && !now.is_end();
      if (has_both && old.begins_node() && now.begins_node() && old.node() == now.node()) {
        old.next_node(), now.next_node();
      } else if (has_both && old.begins_chunk() && now.begins_chunk() && old.items_ == now.items_) {
        old.next_chunk(), now.next_chunk();
      } else if (now.is_end() || (has_both && old->first < now->first)) {
        differs(old->first, old->second, none);
        ++old;
      } else if (old.is_end() || now->first < old->first) {
        differs(now->first, none, now->second);
        ++now;
      } else {
        if (!(old->second == now->second)) differs(now->first, old->second, now->second);
        ++old, ++now;
      }
    }
  }

 private:
  // Entries of a chunk, chunks of a node: copying a chunk of pods costs a few microseconds, a list
  // of parts one, and 200,000 entries have some 100 nodes.
  static constexpr std::size_t kMaxItems = 64;
  // What has no more is put together with a neighbour that leaves room.
  static constexpr std::size_t kFewItems = kMaxItems / 4;

  [[nodiscard]] const_iterator known(const Key& key) const {
    const auto place = find(key);
    if (place.is_end()) throw std::out_of_range("SharedMap::at");
    return place;
  }

  void own_list() {
    if (editor_ && !is_shared_.load(std::memory_order_relaxed)) return;
    editor_ = std::make_shared<const Editor>();
    nodes_ = std::make_shared<Nodes>(*nodes_);
    is_shared_.store(false, std::memory_order_relaxed);
  }
  template <class Part>
  Part& own_part(std::shared_ptr<Part>& part) {
    if (part->editor != editor_) part = std::make_shared<Part>(Part{part->items, editor_});
    return *part;
  }
  Node& own_node(std::size_t node) {
    own_list();
    return own_part((*nodes_)[node]);
  }
  Chunk& own_chunk(const Place& at) { return own_part(own_node(at.node).items[at.chunk]); }
  Value& own(const const_iterator& place) {
    return own_chunk(place.at_).items[place.at_.entry].second;
  }

  template <class Part>
  [[nodiscard]] std::shared_ptr<Part> part_of(decltype(Part::items) items) {
    return std::make_shared<Part>(Part{std::move(items), editor_});
  }

  // Halves the part at `index` when it has too many items. Part of an owned list.
  template <class Part>
  void split(std::vector<std::shared_ptr<Part>>& list, std::size_t index) {
    auto& items = list[index]->items;
    if (items.size() <= kMaxItems) return;
    const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
    auto second =
        part_of<Part>({std::make_move_iterator(middle), std::make_move_iterator(items.end())});
    items.erase(middle, items.end());
    list.insert(list.begin() + static_cast<std::ptrdiff_t>(index) + 1, std::move(second));
  }

  // Takes the part at `index` away when it is empty, else puts it and a neighbour together when
  // both fit one and leave room for more. The list is owned, and so is that part.
  template <class Part>
  void join(std::vector<std::shared_ptr<Part>>& list, std::size_t index) {
    const auto drop = [&list](std::size_t at) {
      list.erase(list.begin() + static_cast<std::ptrdiff_t>(at));
    };
    if (list[index]->items.empty()) return drop(index);
    if (list.size() == 1) return;
    const std::size_t left = index == 0 ? 0 : index - 1;
    if (list[left]->items.size() + list[left + 1]->items.size() > kMaxItems / 2) return;
    auto& items = own_part(list[left]).items;
    const auto& more = list[left + 1]->items;
    items.insert(items.end(), more.begin(), more.end());
    drop(left + 1);
  }

  const_iterator insert(Place at, value_type entry) {
    own_list();
    ++size_;
    Nodes& nodes = *nodes_;
    if (nodes.empty()) {
      nodes.push_back(part_of<Node>({part_of<Chunk>({std::move(entry)})}));
      return begin();
    }
    if (at.node == nodes.size()) return append(std::move(entry));
    const Key key = entry.first;
    auto& entries = own_chunk(at).items;
    entries.insert(entries.begin() + static_cast<std::ptrdiff_t>(at.entry), std::move(entry));
    if (entries.size() <= kMaxItems) return {nodes_.get(), at};
    split(nodes[at.node]->items, at.chunk);
    split(nodes, at.node);
    return find(key);
  }

  // Behind the last entry. Filled in order of keys, chunks and nodes are full.
  const_iterator append(value_type entry) {
    Nodes& nodes = *nodes_;
    auto* chunks = &own_node(nodes.size() - 1).items;
    if (chunks->back()->items.size() < kMaxItems) {
      own_part(chunks->back()).items.push_back(std::move(entry));
    } else if (chunks->size() < kMaxItems) {
      chunks->push_back(part_of<Chunk>({std::move(entry)}));
    } else {
      nodes.push_back(part_of<Node>({part_of<Chunk>({std::move(entry)})}));
    }
    return --end();
  }

  std::shared_ptr<Nodes> nodes_ = std::make_shared<Nodes>();
  EditorPtr editor_;  // of the list and of the parts that only this map has
  std::size_t size_ = 0;
  mutable std::atomic<bool> is_shared_ = false;  // written by whoever copies
};

template <class Key, class Value, class Differs>
void for_each_difference(const SharedMap<Key, Value>& before, const SharedMap<Key, Value>& after,
                         const Differs& differs) {
  SharedMap<Key, Value>::for_each_difference(before, after, differs);
}

}  // namespace bulkhead::model
