// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/compile/label_index.h"
#include "policy/model/cluster.h"

namespace bulkhead::compile {

inline constexpr std::uint32_t kNoGroup = ~std::uint32_t{0};

// Live pods that no policy can tell apart but by address: equal namespace, labels, service account
// and named ports. A quarantined pod is a group of its own.
struct Group {
  std::uint32_t space = 0;                 // of Inventory::spaces()
  model::PodPtr pod;                       // any of them
  std::shared_ptr<const std::string> key;  // the same in every compile
  std::uint32_t pods = 0;                  // how many there are; 0: a free place
};

// A namespace that has had live pods, and its groups.
struct Space {
  model::NamespacePtr ns;
  std::string text;  // what tells it from others; empty: not read yet
  std::vector<std::uint32_t> groups;
};

// The live pods of a cluster, grouped; follows it from version to version, a pod at a time. A
// group keeps its number for its life.
class Inventory {
 public:
  // What policies can know of a namespace; equal texts, equal answers. A namespace that nobody
  // declared (null) has its name label.
  [[nodiscard]] static std::string text_of(const std::string& name, const model::NamespacePtr& ns);

  // `ns` is what the cluster says of it now. Its groups must be empty if its text changes.
  void set_space(const std::string& name, const model::NamespacePtr& ns);
  // Of a pod in a space that was set.
  std::uint32_t add(const model::PodPtr& pod);
  // The group stays, perhaps without pods, until free() is called.
  std::uint32_t remove(const model::Pod& pod);
  // Forgets a group that has no pod.
  void free(std::uint32_t group);

  // kNoGroup where no such pod was added.
  [[nodiscard]] std::uint32_t group_of(const model::Pod& pod) const;
  // Null where no live pod is, or was, in it.
  [[nodiscard]] const Space* space(std::string_view name) const;
  [[nodiscard]] const std::vector<Space>& spaces() const { return spaces_; }
  [[nodiscard]] const Group& group(std::uint32_t number) const { return groups_[number]; }
  [[nodiscard]] const model::Namespace& namespace_of(std::uint32_t group) const {
    return *spaces_[groups_[group].space].ns;
  }
  // Groups and spaces by the labels they have.
  [[nodiscard]] const LabelIndex& groups_by_label() const { return groups_by_label_; }
  [[nodiscard]] const LabelIndex& spaces_by_label() const { return spaces_by_label_; }
  // The groups that have a port of this name, whatever its protocol.
  [[nodiscard]] const std::vector<std::uint32_t>& groups_with_port(const std::string& name) const;

 private:
  struct NameHash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  void write_key(std::string& text, const model::Pod& pod) const;
  void index(std::uint32_t number, const Group& group, const bool is_added);

  std::vector<Space> spaces_;
  std::unordered_map<std::string, std::uint32_t, NameHash, std::equal_to<>> space_numbers_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> free_groups_;
  std::unordered_map<std::string_view, std::uint32_t> group_numbers_;  // by Group::key
  LabelIndex groups_by_label_;
  LabelIndex spaces_by_label_;
  std::unordered_map<std::string, std::vector<std::uint32_t>> groups_by_port_;
};

}  // namespace bulkhead::compile
