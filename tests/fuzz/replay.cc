// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

// Runs a fuzz target without libFuzzer: each file of the corpus as it is, then mutations of it. The
// seed is printed; BULKHEAD_SEED repeats a run.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr int kMutations = 12'000;  // of all files together, however many there are

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Bytes(std::istreambuf_iterator<char>(file), {});
}

// Truncates, flips, repeats or overwrites a few bytes.
Bytes mutate(Bytes bytes, std::mt19937_64& random) {
  for (std::uint64_t change = 1 + random() % 4; change > 0; --change) {
    const std::size_t at = bytes.empty() ? 0 : random() % bytes.size();
    const auto position = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    switch (bytes.empty() ? 3 : random() % 5) {
      case 0:
        bytes[at] = static_cast<std::uint8_t>(random());
        break;
      case 1:
        bytes[at] ^= static_cast<std::uint8_t>(1u << (random() % 8));
        break;
      case 2:
        bytes.resize(at);
        break;
      case 3:
        bytes.insert(position, static_cast<std::uint8_t>(random()));
        break;
      default: {
        const std::size_t length = std::min<std::size_t>(bytes.size() - at, 1 + random() % 16);
        const Bytes piece(position, position + static_cast<std::ptrdiff_t>(length));
        bytes.insert(position, piece.begin(), piece.end());
      }
    }
  }
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
    return 2;
  }
  const char* chosen = std::getenv("BULKHEAD_SEED");
  const std::uint64_t seed =
      chosen != nullptr ? std::strtoull(chosen, nullptr, 0) : std::random_device{}();
  std::mt19937_64 random(seed);
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::printf("%zu files, seed %llu\n", files.size(), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  if (files.empty()) return 1;
  std::vector<Bytes> kept;
  for (const auto& file : files) {
    kept.push_back(read(file));
    LLVMFuzzerTestOneInput(kept.back().data(), kept.back().size());
  }
  for (int i = 0; i < kMutations; ++i) {
    const Bytes mutant = mutate(kept[random() % kept.size()], random);
    LLVMFuzzerTestOneInput(mutant.data(), mutant.size());
  }
  return 0;
}
