// SPDX-License-Identifier: Apache-2.0
#include "policy/compile/numbers.h"

#include <charconv>
#include <utility>

namespace bulkhead::compile {
namespace {

constexpr std::uint32_t kFirstSlot = 1;  // slot 0 counts decisions without a rule

// Beyond this a mark is not worth following.
constexpr std::size_t kMaxReleased = 1u << 16;

std::string escaped(std::string_view key) {
  std::string text;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || c == '%') {
      text += fmt::format("%{:02x}", byte);
    } else {
      text += c;
    }
  }
  return text;
}

Result<std::string> unescaped(std::string_view text) {
  std::string key;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      key += text[i];
      continue;
    }
    unsigned byte = 0;
    const auto digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc{} || end != digits.data() + 2) {
      return fail("'%{}' is not an escaped byte", digits);
    }
    key += static_cast<char>(byte);
    i += 2;
  }
  return key;
}

}  // namespace

std::uint32_t Numbers::Pool::take(const std::string& key) {
  const auto found = numbers.find(key);
  if (found != numbers.end()) return found->second;
  std::uint32_t number = next;
  if (free.empty()) {
    ++next;
  } else {
    number = *free.begin();
    free.erase(free.begin());
  }
  numbers.emplace(key, number);
  return number;
}

std::optional<std::uint32_t> Numbers::Pool::release(const std::string& key) {
  const auto found = numbers.find(key);
  if (found == numbers.end()) return std::nullopt;
  const std::uint32_t number = found->second;
  free.insert(number);
  numbers.erase(found);
  return number;
}

Status Numbers::Pool::restore(std::string key, std::uint32_t number, std::uint32_t first) {
  if (number < first) return fail("number {} is reserved", number);
  if (!free.insert(number).second) return fail("number {} is given twice", number);
  if (!numbers.emplace(std::move(key), number).second) return fail("a key is given twice");
  return {};
}

void Numbers::Pool::rebuild_free(std::uint32_t first) {
  const auto taken = std::exchange(free, {});  // restore() noted the taken numbers here
  next = taken.empty() ? first : *taken.rbegin() + 1;
  for (std::uint32_t number = first; number < next; ++number) {
    if (!taken.contains(number)) free.insert(number);
  }
}

Status Numbers::Pool::restore_freed(const std::string& key, std::uint32_t number) {
  const auto found = numbers.find(key);
  if (found == numbers.end() || found->second != number) return fail("the number is not taken");
  free.erase(number);
  numbers.erase(found);
  return {};
}

void Numbers::note(Change::Kind kind, bool is_taken, std::uint32_t number, const std::string& key) {
  if (!is_taken && life_.lineage) life_.released.push_back({kind, number});
  if (changes_) changes_->push_back({kind, is_taken, number, key});
}

std::vector<Numbers::Change> Numbers::take_changes() {
  if (!changes_) return {};
  return std::exchange(*changes_, {});
}

IdentityId Numbers::identity(const std::string& key) {
  const std::size_t known = identities_.numbers.size();
  const IdentityId id{identities_.take(key)};
  if (identities_.numbers.size() != known) note(Change::Kind::Identity, true, id.value, key);
  return id;
}
Numbers::Mark Numbers::mark() {
  if (life_.released.size() > kMaxReleased) life_ = {};
  if (!life_.lineage) life_.lineage = std::make_shared<const Lineage>();
  return {life_.lineage, life_.released.size()};
}

std::optional<std::vector<Numbers::Released>> Numbers::released_since(const Mark& mark) const {
  if (!mark.lineage || mark.lineage != life_.lineage) return std::nullopt;
  const auto first = life_.released.begin() + static_cast<std::ptrdiff_t>(mark.released);
  return std::vector<Released>(first, life_.released.end());
}

CounterSlot Numbers::slot(const std::string& key) {
  const std::size_t known = slots_.numbers.size();
  const CounterSlot slot{slots_.take(key)};
  if (slots_.numbers.size() != known) note(Change::Kind::Slot, true, slot.value, key);
  return slot;
}
void Numbers::release_identity(const std::string& key) {
  if (const auto number = identities_.release(key)) {
    note(Change::Kind::Identity, false, *number, key);
  }
}
void Numbers::release_slot(const std::string& key) {
  if (const auto number = slots_.release(key)) note(Change::Kind::Slot, false, *number, key);
}

std::string Numbers::line_of(const Change& change) {
  const auto* const kind = change.kind == Change::Kind::Identity ? "identity" : "slot";
  return fmt::format("{}{} {} {}\n", change.is_taken ? "" : "free-", kind, change.number,
                     escaped(change.key));
}

std::string Numbers::text() const {
  std::string text;
  for (const auto& [key, number] : identities_.numbers) {
    text += fmt::format("identity {} {}\n", number, escaped(key));
  }
  for (const auto& [key, number] : slots_.numbers) {
    text += fmt::format("slot {} {}\n", number, escaped(key));
  }
  return text;
}

Result<Numbers> Numbers::parse(std::string_view text) {
  Numbers numbers;
  // A file that claims number 4e9 would make the free list as long: bounded by what tables hold.
  constexpr std::uint32_t kHighest = 1u << 24;
  for (std::size_t line_number = 1; !text.empty(); ++line_number) {
    const auto where = fmt::format("line {}", line_number);
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.size() == text.size()) return fail_at(where, "the line does not end");
    text.remove_prefix(line.size() + 1);
    const auto first_space = line.find(' ');
    const auto second_space = line.find(' ', first_space + 1);
    if (first_space == line.npos || second_space == line.npos) {
      return fail_at(where, "'identity NUMBER KEY' or 'slot NUMBER KEY' is expected");
    }
    std::string_view kind = line.substr(0, first_space);
    const bool is_freed = kind.starts_with("free-");
    if (is_freed) kind.remove_prefix(std::string_view("free-").size());
    const bool is_identity = kind == "identity";
    if (!is_identity && kind != "slot") return fail_at(where, "'{}' is not a kind", kind);
    std::uint32_t number = 0;
    const char* digits_end = line.data() + second_space;
    const auto [end, error] = std::from_chars(line.data() + first_space + 1, digits_end, number);
    if (error != std::errc{} || end != digits_end || number > kHighest) {
      return fail_at(where, "the number is not valid");
    }
    auto key = unescaped(line.substr(second_space + 1));
    if (!key) return fail_at(where, "{}", key.error().text());
    Pool& pool = is_identity ? numbers.identities_ : numbers.slots_;
    const std::uint32_t first = is_identity ? kFirstDynamicIdentity.value : kFirstSlot;
    const Status ok =
        is_freed ? pool.restore_freed(*key, number) : pool.restore(std::move(*key), number, first);
    if (!ok) return fail_at(where, "{}", ok.error().text());
  }
  numbers.identities_.rebuild_free(kFirstDynamicIdentity.value);
  numbers.slots_.rebuild_free(kFirstSlot);
  return numbers;
}

}  // namespace bulkhead::compile
