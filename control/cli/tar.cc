// SPDX-License-Identifier: Apache-2.0
#include "control/cli/tar.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <span>

namespace bulkhead::control::cli {
namespace {

constexpr std::size_t kBlock = 512;

// The header's fields at their offsets (pax, "ustar Interchange Format").
struct Header {
  std::array<char, kBlock> bytes{};

  void put(std::size_t offset, std::string_view text) {
    std::memcpy(bytes.data() + offset, text.data(), text.size());
  }
  [[nodiscard]] unsigned sum() const {
    unsigned total = 0;
    for (const char byte : bytes) total += static_cast<unsigned char>(byte);
    return total;
  }
};

}  // namespace

void Tar::add(std::string name, std::string_view content) {
  constexpr std::size_t kLongestName = 100;
  if (name.size() > kLongestName) {
    const auto slash = name.rfind('/');
    const std::string folder = slash == name.npos ? "" : name.substr(0, slash + 1);
    name = folder.size() < kLongestName / 2
               ? folder + name.substr(name.size() - (kLongestName - folder.size()))
               : name.substr(name.size() - kLongestName);
  }
  Header header;
  header.put(0, name);
  header.put(100, "0000600");
  header.put(108, "0000000");
  header.put(116, "0000000");
  header.put(124, fmt::format("{:011o}", content.size()));
  header.put(136, fmt::format("{:011o}", time_s_));
  header.put(148, "        ");  // the checksum counts as blanks
  header.put(156, "0");
  header.put(257, std::string_view("ustar\00000", 8));
  header.put(148, fmt::format("{:06o}", header.sum()));
  header.bytes[154] = '\0';
  text_.append(header.bytes.data(), header.bytes.size());
  text_.append(content);
  text_.append((kBlock - content.size() % kBlock) % kBlock, '\0');
}

std::vector<std::byte> Tar::bytes() const {
  const std::string ended = text_ + std::string(2 * kBlock, '\0');
  const auto all = std::as_bytes(std::span(ended));
  return {all.begin(), all.end()};
}

}  // namespace bulkhead::control::cli
