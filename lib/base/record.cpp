#include "klamm/record.hpp"

#include <algorithm>
#include <cstring>

namespace klamm::inline v0 {
namespace {

constexpr std::uint32_t null_size = 0xffff'ffff;

}  // namespace

bool Headers::next(Header& header) {
  std::uint32_t sizes[2];
  if (bytes_.size() < sizeof sizes) return false;
  std::memcpy(sizes, bytes_.data(), sizeof sizes);
  const std::size_t value_size = sizes[1] == null_size ? 0 : sizes[1];
  const BytesView rest = bytes_.subspan(sizeof sizes);
  if (rest.size() < sizes[0] || rest.size() - sizes[0] < value_size) return false;
  header.key = {reinterpret_cast<const char*>(rest.data()), sizes[0]};
  header.value = sizes[1] == null_size ? BytesView{} : rest.subspan(sizes[0], value_size);
  bytes_ = rest.subspan(sizes[0] + value_size);
  return true;
}

BytesView Headers::find(std::string_view key) const {
  BytesView found;
  Header header;
  for (Headers rest = *this; rest.next(header);) {
    if (header.key == key) found = header.value;
  }
  return found;
}

void Headers::append(Bytes& out, const Header& header) {
  const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(header.key.size()),
                                  header.value.data() == nullptr ? null_size : static_cast<std::uint32_t>(header.value.size())};
  const std::size_t before = out.size();
  out.resize(before + sizeof sizes + header.key.size() + header.value.size());
  std::byte* at = out.data() + before;
  std::memcpy(at, sizes, sizeof sizes);
  at = std::copy_n(reinterpret_cast<const std::byte*>(header.key.data()), header.key.size(), at + sizeof sizes);
  std::copy_n(header.value.data(), header.value.size(), at);
}

}  // namespace klamm::inline v0
