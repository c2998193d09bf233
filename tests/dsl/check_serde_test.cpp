// klamm::testing::check_serde finds what is wrong with a serde.
#include <doctest/doctest.h>

#include "klamm/testing/check_serde.hpp"

namespace {

struct Value {
  explicit Value(std::string t = {}, int b = 0) : text{std::move(t)}, bonus{b} {}
  std::string text;
  int bonus;
  friend bool operator==(const Value&, const Value&) = default;
};

/// A serde that is right, and can be made wrong: as an object.
struct Codec {
  enum class Wrong {
    nothing,
    clears,
    forgets_field,
    appends_to_slot,
    refuses_own,
    depends_on_before,
    refuses_value
  } wrong = Wrong::nothing;

  klamm::Encoded encode(const Value& value, klamm::Bytes& out) const {
    if (wrong == Wrong::refuses_value && value.bonus == 2) return klamm::unencodable("no twos");
    if (wrong == Wrong::clears) out.clear();
    if (wrong == Wrong::depends_on_before && !out.empty()) out.push_back(std::byte{});
    klamm::detail::append(out, value.text.data(), value.text.size());
    out.push_back(static_cast<std::byte>(value.bonus));
    return {};
  }
  klamm::Decoded decode(klamm::BytesView in, Value& slot) const {
    if (in.empty()) return klamm::malformed("no bonus");
    if (wrong == Wrong::refuses_own && in.size() > 3) return klamm::unavailable("too long");
    if (wrong != Wrong::appends_to_slot) slot.text.clear();
    slot.text.append(reinterpret_cast<const char*>(in.data()), in.size() - 1);
    if (wrong != Wrong::forgets_field || in.back() != std::byte{0}) slot.bonus = static_cast<int>(in.back());
    return {};
  }
};

std::string problems_of(Codec::Wrong wrong) {
  std::string all;
  for (const std::string& problem : klamm::testing::check_serde<Value>(Codec{wrong}, {Value{"a"}, Value{"bcd", 1}, Value{"e", 2}}))
    all += problem + '\n';
  return all;
}

}  // namespace

/// Equal when the lengths are, and says so although the bytes are the text's.
struct Length {
  std::string text;
  friend bool operator==(const Length& a, const Length& b) { return a.text.size() == b.text.size(); }
};

template <> struct klamm::serde<Length> {
  static constexpr bool canonical = true;
  static void encode(const Length& value, Bytes& out) { detail::append(out, value.text.data(), value.text.size()); }
  static std::optional<Length> decode(BytesView in) { return Length{{reinterpret_cast<const char*>(in.data()), in.size()}}; }
};

TEST_CASE("each mistake of a serde is named, with the sample") {
  using Wrong = Codec::Wrong;
  const struct {
    Wrong wrong;
    const char* says;
  } rows[] = {
      {Wrong::clears, "sample 0: encode does not append"},
      {Wrong::forgets_field, "sample 0: another value comes back when it is decoded over sample 1"},
      {Wrong::appends_to_slot, "sample 1: another value comes back when it is decoded over sample 0"},
      {Wrong::refuses_own, "sample 1: its own bytes are not decoded: unavailable: too long"},
      {Wrong::depends_on_before, "sample 2: encode gives other bytes behind other bytes"},
      {Wrong::refuses_value, "sample 2: can't be encoded: no twos"},
  };
  CHECK(problems_of(Wrong::nothing).empty());
  for (const auto& row : rows) {
    CAPTURE(row.says);
    const std::string problems = problems_of(row.wrong);
    CHECK_MESSAGE(problems.find(row.says) != std::string::npos, problems);
  }
}

TEST_CASE("a trait needs a schema, canonical means equal bytes, and samples must be given") {
  const auto problems = klamm::testing::check_serde<Length>({Length{"a"}, Length{"b"}, Length{"cd"}});
  REQUIRE(problems.size() == 2);
  CHECK(problems[0] == "sample 1: equals sample 0 and has other bytes: the serde is not canonical");
  CHECK(problems[1].find("no schema") == 0);
  CHECK(klamm::testing::check_serde<std::string>({}).size() == 1);
}
