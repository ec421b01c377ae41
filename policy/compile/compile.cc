// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/compile.h"

#include <utility>

#include "policy/compile/classes.h"
#include "policy/compile/compiler.h"
#include "policy/compile/emit.h"
#include "policy/compile/identities.h"
#include "policy/compile/local_groups.h"
#include "policy/compile/policy_index.h"
#include "policy/compile/resolve.h"
#include "policy/compile/rule_book.h"
#include "policy/compile/subjects.h"
#include "policy/table/sections.h"

namespace bulkhead::compile {
namespace {

std::vector<bool> either(std::vector<bool> one, const std::vector<bool>& other) {
  one.resize(std::max(one.size(), other.size()));
  for (std::size_t i = 0; i < other.size(); ++i) one[i] = one[i] || other[i];
  return one;
}

}  // namespace

std::vector<table::SectionBytes> CompiledTable::section_bytes() const {
  return table::borrow(sections);
}

// What was made of a cluster. Its members refer to one another.
class Compiler::Kept {
 public:
  explicit Kept(const model::Settings& settings) : identities_(settings) {
    cluster_.settings = settings;
  }

  // False where this is not what the next step can begin with.
  [[nodiscard]] bool fits(const model::Cluster& now, const Numbers& numbers) const {
    if (cluster_.settings != now.settings) return false;
    if (policies_.has_named_nodes() && cluster_.nodes != now.nodes) return false;
    const auto released = numbers.released_since(mark_);
    return released && std::ranges::none_of(*released, [&](const Numbers::Released& released) {
             if (released.kind == Numbers::Change::Kind::Identity) {
               return identities_.is_live(IdentityId{released.number});
             }
             return layout_ && layout_->emitter.names(CounterSlot{released.number});
           });
  }

  // After a failure this is of no use any more.
  Result<CompiledTable> follow(const model::Cluster& now, const LocalPods& local, Revision revision,
                               Numbers& numbers, std::span<const Alias> aliases) {
    auto policies = policies_.follow(cluster_, now);
    auto identities = identities_.follow(cluster_, now, policies.come, policies.gone, numbers);
    if (!identities) return tl::unexpected(identities.error());
    for_each_difference(cluster_.policies, now.policies,
                        [&](const auto&, const auto& old, const auto&) {
                          if (old == nullptr) return;
                          resolver_.forget(*old);
                          book_.forget(*old);
                        });
    // Whether a rule is staged is also its namespace's to say.
    for_each_difference(cluster_.namespaces, now.namespaces,
                        [&](const auto& name, const auto&, const auto&) {
                          for (const auto& [order, policy] : policies_.of(name)) {
                            book_.forget(*policy);
                          }
                          policies.spaces.insert(name);
                        });
    subjects_.forget(policies.spaces);
    cluster_ = now;
    const bool has_subjects = local_.follow(now, local, identities_, *identities);
    resolver_.follow(*identities);
    if (identities->moves_outside || tries_ == nullptr) {
      tries_ = std::make_shared<const table::Tries>(table::build_tries(identities_.outside()));
    }
    const bool is_same = last_ && aliases.empty() && !has_aliases_ && !has_subjects &&
                         policies.spaces.empty() && identities->come.empty() &&
                         identities->gone.empty() && places_ == numbers.shared_places();
    if (is_same) {
      last_->sections = table::with_revision(std::move(last_->sections), revision);
    } else if (auto ok = write(revision, numbers, aliases, *identities); !ok) {
      return tl::unexpected(ok.error());
    }
    last_->revision = revision;
    last_->addresses = identities_.addresses();
    last_->pods = identities_.pods_without_address();
    last_->identity_keys = identities_.keys();
    mark_ = numbers.mark();
    return *last_;
  }

 private:
  Status write(Revision revision, Numbers& numbers, std::span<const Alias> aliases,
               const Identities::Change& change) {
    const auto groups = local_.all();
    const auto subjects = subjects_.find(groups);
    if (!subjects) return tl::unexpected(subjects.error());
    const std::array used = {used_rules(Direction::Egress, *subjects, book_),
                             used_rules(Direction::Ingress, *subjects, book_)};
    book_.forget_unused(either(used[0], used[1]));
    follow_columns(used, numbers, change);
    CompiledTable compiled;
    compiled.revision = revision;
    const EmitInputs inputs{
        .book = book_,
        .identities = identities_,
        .subjects = *subjects,
        .columns = layout_->columns,
        .port_lists = port_lists_,
        .tries = tries_,
        .last = last_ ? std::span<const Section>(last_->sections) : std::span<const Section>()};
    if (auto ok = layout_->emitter.emit(inputs, aliases, numbers, compiled); !ok) return ok;
    places_ = numbers.shared_places();
    has_aliases_ = !aliases.empty();
    last_ = std::move(compiled);
    return {};
  }

  void follow_columns(const std::array<std::vector<bool>, 2>& used_rules, const Numbers& numbers,
                      const Identities::Change& change) {
    const ColumnInputs inputs{.identities = identities_,
                              .resolver = resolver_,
                              .book = book_,
                              .port_names = port_names_,
                              .port_lists = port_lists_};
    Identities::Change everything;
    const bool is_anew = !layout_ || places_ != numbers.shared_places();
    if (is_anew) {
      layout_.emplace(numbers);
      for (std::uint32_t id = 0; id < identities_.all().size(); ++id) {
        if (identities_.all()[id].is_live) everything.come.push_back(id);
      }
    }
    std::vector<bool> is_used;
    for (const Direction direction : kDirections) {
      const auto d = static_cast<std::size_t>(direction);
      const auto used = used_sets(used_rules[d], book_, resolver_.sets().size());
      auto& columns = layout_->columns[d];
      columns.follow(inputs, used, is_anew ? everything : change);
      is_used = either(std::move(is_used), used);
    }
    resolver_.forget_unused(is_used);
  }

  // What goes from the last table to the next one, whoever wrote it.
  struct Layout {
    explicit Layout(const Numbers& numbers)
        : columns{Columns(Direction::Egress, numbers.places().identities),
                  Columns(Direction::Ingress, numbers.places().identities)},
          emitter(numbers) {}
    std::array<Columns, 2> columns;
    Emitter emitter;
  };

  model::Cluster cluster_;
  PolicyIndex policies_;
  Identities identities_;
  LocalGroups local_;
  Resolver resolver_{cluster_, identities_};
  PortNames port_names_;
  PortLists port_lists_;
  RuleBook book_{resolver_, identities_.inventory(), port_names_};
  SubjectFinder subjects_{cluster_, identities_, policies_, resolver_, book_};
  std::optional<Layout> layout_;
  std::shared_ptr<const table::Tries> tries_;
  // The last table, and the numbers it came with.
  std::optional<CompiledTable> last_;
  bool has_aliases_ = false;
  std::shared_ptr<const table::Places> places_;
  Numbers::Mark mark_;
};

Compiler::Compiler() = default;
Compiler::Compiler(Compiler&&) noexcept = default;
Compiler& Compiler::operator=(Compiler&&) noexcept = default;
Compiler::~Compiler() = default;

Result<CompiledTable> Compiler::compile(const model::Cluster& cluster, const LocalPods& local,
                                        Revision revision, Numbers& numbers,
                                        std::span<const Alias> aliases) {
  if (kept_ && kept_->fits(cluster, numbers)) {
    auto compiled = kept_->follow(cluster, local, revision, numbers, aliases);
    if (compiled) return compiled;
    // What is kept of earlier versions counts against the limits too: without it there may be room.
  }
  kept_.reset();  // before as much is made again
  kept_ = std::make_unique<Kept>(cluster.settings);
  auto compiled = kept_->follow(cluster, local, revision, numbers, aliases);
  if (compiled) return compiled;
  kept_.reset();
  return in_context("cannot compile", compiled.error());
}

Result<CompiledTable> compile(const model::Cluster& cluster, const LocalPods& local,
                              Revision revision, Numbers& numbers, std::span<const Alias> aliases) {
  return Compiler().compile(cluster, local, revision, numbers, aliases);
}

}  // namespace bulkhead::compile
