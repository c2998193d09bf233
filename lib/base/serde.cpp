#include "klamm/serde.hpp"

#include <bit>

namespace klamm::inline v0 {

void detail::append(Bytes& out, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  out.insert(out.end(), bytes, bytes + size);
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
