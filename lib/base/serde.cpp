#include "klamm/serde.hpp"

#include <bit>
#include <cstring>

#include "klamm/update.hpp"

namespace klamm::inline v0 {

void detail::append(Bytes& out, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  out.insert(out.end(), bytes, bytes + size);
}

std::size_t detail::reserve_size(Bytes& out) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(std::uint32_t));
  return at;
}

void detail::fill_size(Bytes& out, std::size_t at) {
  const std::uint32_t size = swap_bytes(static_cast<std::uint32_t>(out.size() - at - sizeof(std::uint32_t)));
  std::memcpy(out.data() + at, &size, sizeof size);
}

bool detail::take_sized(BytesView& in, BytesView& out) {
  std::uint32_t size = 0;
  if (in.size() < sizeof size) return false;
  std::memcpy(&size, in.data(), sizeof size);
  size = swap_bytes(size);
  in = in.subspan(sizeof size);
  if (in.size() < size) return false;
  out = in.first(size);
  in = in.subspan(size);
  return true;
}

void serde<double>::encode(double value, Bytes& out) { serde<std::uint64_t>::encode(std::bit_cast<std::uint64_t>(value), out); }

Decoded serde<double>::decode(BytesView in, double& slot) {
  std::uint64_t bits = 0;
  if (!serde<std::uint64_t>::decode(in, bits).ok()) return malformed("double of another size");
  slot = std::bit_cast<double>(bits);
  return {};
}

void serde<float>::encode(float value, Bytes& out) { serde<std::uint32_t>::encode(std::bit_cast<std::uint32_t>(value), out); }

Decoded serde<float>::decode(BytesView in, float& slot) {
  std::uint32_t bits = 0;
  if (!serde<std::uint32_t>::decode(in, bits).ok()) return malformed("float of another size");
  slot = std::bit_cast<float>(bits);
  return {};
}

void serde<bool>::encode(bool value, Bytes& out) { out.push_back(value ? std::byte{1} : std::byte{0}); }

Decoded serde<bool>::decode(BytesView in, bool& slot) {
  if (in.size() != 1 || in[0] > std::byte{1}) return malformed("bool that is not one byte of 0 or 1");
  slot = in[0] != std::byte{0};
  return {};
}

}  // namespace klamm::inline v0
