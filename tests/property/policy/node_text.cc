// SPDX-License-Identifier: Apache-2.0
#include "tests/property/policy/node_text.h"

#include <fmt/format.h>

namespace bulkhead::testing {
namespace {

using parse::Node;

Node& at(Node& root, const Place& place) {
  Node* node = &root;
  for (const std::size_t i : place) node = &node->items.at(i);
  return *node;
}

Place parent_of(const Place& place) { return {place.begin(), place.end() - 1}; }

void collect(const Node& node, Place& here, std::vector<Place>& places) {
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    here.push_back(i);
    places.push_back(here);
    collect(node.items[i], here, places);
    here.pop_back();
  }
}

}  // namespace

std::string node_text(const Node& node) {
  switch (node.kind) {
    case Node::Kind::Null:
      return "null";
    case Node::Kind::Scalar:
      return node.is_plain ? node.scalar : fmt::format("\"{}\"", node.scalar);
    case Node::Kind::Sequence: {
      std::string text;
      for (const auto& item : node.items) text += (text.empty() ? "" : ", ") + node_text(item);
      return "[" + text + "]";
    }
    case Node::Kind::Map: {
      std::string text;
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        text += fmt::format("{}\"{}\": {}", i == 0 ? "" : ", ", node.keys[i].name,
                            node_text(node.items[i]));
      }
      return "{" + text + "}";
    }
  }
  return {};
}

std::vector<Place> places_of(const Node& root) {
  std::vector<Place> places;
  Place here;
  collect(root, here, places);
  return places;
}

const Node& value_at(const Node& root, const Place& place) {
  const Node* node = &root;
  for (const std::size_t i : place) node = &node->items.at(i);
  return *node;
}

std::string name_of(const Node& root, const Place& place) {
  std::string name;
  const Node* node = &root;
  for (const std::size_t i : place) {
    if (node->is_map()) {
      name += (name.empty() ? "" : ".") + node->keys.at(i).name;
    } else {
      name += "[]";
    }
    node = &node->items.at(i);
  }
  return name;
}

Node replaced(Node root, const Place& place, const Node& value) {
  at(root, place) = value;
  return root;
}

bool has_key(const Node& root, const Place& place) {
  return value_at(root, parent_of(place)).is_map();
}

Node misspelt(Node root, const Place& place) {
  at(root, parent_of(place)).keys.at(place.back()).name += "x";
  return root;
}

}  // namespace bulkhead::testing
