#include "klamm/serde.hpp"

#include <bit>

#include "klamm/serde/composite.hpp"

namespace klamm::inline v0 {

void detail::append(Bytes& out, const void* data, std::size_t size) {
  const auto* bytes = static_cast<const std::byte*>(data);
  out.insert(out.end(), bytes, bytes + size);
}

Encoded detail::end_sized(Bytes& out, std::size_t at) {
  std::size_t size = out.size() - at - 1;
  if (size > 0xffff'ffff) return unencodable("a field above 4 GiB");
  std::size_t more = 0;
  for (std::size_t rest = size >> 7; rest != 0; rest >>= 7) ++more;
  out.insert(out.begin() + static_cast<std::ptrdiff_t>(at) + 1, more, std::byte{});
  for (std::size_t i = 0; i < more; ++i, size >>= 7) out[at + i] = static_cast<std::byte>(size & 0x7f) | std::byte{0x80};
  out[at + more] = static_cast<std::byte>(size);
  return {};
}

Decoded detail::take_part(BytesView& in, BytesView& part) {
  std::uint64_t size = 0;
  for (std::size_t i = 0;; ++i) {
    if (i == in.size()) return malformed("ends inside a size");
    const auto byte = static_cast<std::uint64_t>(in[i]);
    size |= (byte & 0x7f) << (7 * i);
    if ((byte & 0x80) != 0 && i < 4) continue;
    if ((byte & 0x80) != 0 || size > 0xffff'ffff) return malformed("a size of more than 32 bits");
    if (byte == 0 && i != 0) return malformed("a size longer than needed");
    in = in.subspan(i + 1);
    break;
  }
  if (size > in.size()) return malformed("a size beyond the end");
  part = in.first(size);
  in = in.subspan(size);
  return {};
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
