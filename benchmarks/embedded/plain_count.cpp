// What a program without klamm does: reads a text line by line, counts its words in a hash map, prints the top ten. No log, no recovery,
// one thread.
#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "../../examples/support/text_file.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "usage: %s FILE\n", argv[0]), 2;
  auto text = example::TextFile::open(argv[1]);
  if (!text.ok()) return std::fprintf(stderr, "%s\n", text.status().message().c_str()), 1;
  absl::flat_hash_map<std::string, long long> counts;
  std::string line, word;
  const auto count = [&] {
    if (!word.empty()) ++counts[word];
    word.clear();
  };
  while (text->next(line)) {
    for (const char c : line) {
      const bool upper = c >= 'A' && c <= 'Z';
      if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '\'' || static_cast<unsigned char>(c) >= 0x80)
        word += upper ? static_cast<char>(c + 32) : c;
      else
        count();
    }
    count();
  }
  std::vector<std::pair<long long, std::string>> top;
  for (const auto& [key, n] : counts) top.emplace_back(-n, key);
  std::partial_sort(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(10, top.size())), top.end());
  for (std::size_t i = 0; i < std::min<std::size_t>(10, top.size()); ++i) std::printf("%8lld  %s\n", -top[i].first, top[i].second.c_str());
}
