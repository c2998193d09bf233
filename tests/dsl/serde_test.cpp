#include <doctest/doctest.h>

#include <limits>

#include "klamm/serde.hpp"
#include "support/hex.hpp"

using klamm::testing::hex;

namespace {

/// What comes back, decoded over `slot`.
template <class T> T round_trip(const T& value, T slot) {
  klamm::Bytes bytes;
  REQUIRE(klamm::detail::encode(value, bytes).ok());
  REQUIRE(klamm::detail::decode(klamm::BytesView{bytes}, slot).ok());
  return slot;
}
template <class T> bool decodes(std::size_t size, std::byte fill = {}) {
  const klamm::Bytes bytes(size, fill);
  T slot{};
  return klamm::detail::decode(klamm::BytesView{bytes}, slot).ok();
}

}  // namespace

TEST_CASE("numbers are written in network order, as Kafka's own serialisers do") {
  CHECK(hex(std::int64_t{1}) == "0000000000000001");
  CHECK(hex(std::int32_t{-2}) == "fffffffe");
  CHECK(hex(std::uint16_t{0x1234}) == "1234");
  CHECK(hex(std::int8_t{-1}) == "ff");
  CHECK(hex(1.0) == "3ff0000000000000");
  CHECK(hex(1.0F) == "3f800000");
  CHECK(hex(true) == "01");
}

TEST_CASE("values come back, whatever was in the slot") {
  CHECK(round_trip(std::numeric_limits<std::int64_t>::min(), std::int64_t{5}) == std::numeric_limits<std::int64_t>::min());
  CHECK(round_trip(-0.5, 7.0) == -0.5);
  CHECK(round_trip(0.25F, 7.0F) == 0.25F);
  CHECK(round_trip(false, true) == false);
  CHECK(round_trip(std::string{"a\0b", 3}, std::string{"longer than that"}) == std::string{"a\0b", 3});
  CHECK(round_trip(std::string{}, std::string{"x"}).empty());
  CHECK(round_trip(klamm::Bytes{std::byte{1}}, klamm::Bytes(9)) == klamm::Bytes{std::byte{1}});
  CHECK(round_trip(std::optional{std::int32_t{3}}, std::optional<std::int32_t>{}) == 3);
}

TEST_CASE("bytes of another size, or that nobody writes, are malformed") {
  CHECK_FALSE(decodes<std::int64_t>(7));
  CHECK_FALSE(decodes<std::int32_t>(8));
  CHECK_FALSE(decodes<double>(4));
  CHECK_FALSE(decodes<float>(8));
  CHECK_FALSE(decodes<bool>(0));
  CHECK_FALSE(decodes<bool>(1, std::byte{2}));
  CHECK(decodes<bool>(1, std::byte{1}));
}

TEST_CASE("schemas name the formats") {
  CHECK(klamm::detail::schema_of<std::int64_t>() == "int64");
  CHECK(klamm::detail::schema_of<std::uint8_t>() == "uint8");
  CHECK(klamm::detail::schema_of<long long>() == "int64");
  CHECK(klamm::detail::schema_of<std::string>() == "string");
  CHECK(klamm::detail::schema_of<double>() == "double");
  CHECK(klamm::detail::schema_of<klamm::Bytes>() == "bytes");
  CHECK(klamm::detail::schema_of<std::optional<std::string>>() == "optional<string>");
  CHECK(klamm::detail::schema_of<klamm::NoKey>().empty());
}
