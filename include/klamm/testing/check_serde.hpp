#pragma once

#include <concepts>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "klamm/serde.hpp"

namespace klamm::inline v0 {

namespace detail {

/// The trait as an object, so that traits and objects are checked alike.
template <class T> struct TraitCodec {
  Encoded encode(const T& value, Bytes& out) { return detail::encode(value, out); }
  Decoded decode(BytesView in, T& slot) { return detail::decode(in, slot); }
};

template <class T, class Codec> class SerdeCheck {
 public:
  SerdeCheck(Codec& codec, const std::vector<T>& samples) : codec_{codec}, samples_{samples} {}

  /// `canonical`: whether equal values must have equal bytes.
  std::vector<std::string> run(bool canonical) {
    if (samples_.empty()) problems_.emplace_back("no samples: nothing was checked");
    for (std::size_t i = 0; i < samples_.size(); ++i) encode_sample(i);
    for (std::size_t b = 0; b < samples_.size(); ++b) {
      if (!encoded_[b].fine) continue;
      check_decode(b, T{}, "");
      for (std::size_t a = 0; a < samples_.size(); ++a) check_decode(b, samples_[a], " over sample " + std::to_string(a));
      check_damaged(b);
      if (canonical) check_equals(b);
    }
    return std::move(problems_);
  }

 private:
  struct Sample {
    bool fine = false;
    Bytes bytes;
  };

  void add(std::size_t sample, const std::string& problem) { problems_.push_back("sample " + std::to_string(sample) + ": " + problem); }

  /// A place of its own for each input, as long as it: a sanitizer sees who reads behind the end.
  Decoded decode(const Bytes& bytes, std::size_t size, T& slot) {
    const std::unique_ptr<std::byte[]> exact{new std::byte[size == 0 ? 1 : size]};
    if (size != 0) std::memcpy(exact.get(), bytes.data(), size);
    return codec_.decode({exact.get(), size}, slot);
  }

  static std::string said(const Decoded& decoded) {
    return std::string{decoded.code == Decoded::Code::malformed ? "malformed: " : "unavailable: "} + decoded.reason;
  }

  Encoded encode(const T& value, Bytes& out) {
    if constexpr (std::is_void_v<decltype(codec_.encode(value, out))>) {
      codec_.encode(value, out);
      return {};
    } else {
      return codec_.encode(value, out);
    }
  }

  void encode_sample(std::size_t i) {
    Sample& sample = encoded_.emplace_back();
    const T& value = samples_[i];
    if (const Encoded done = encode(value, sample.bytes); !done.ok()) return add(i, std::string{"can't be encoded: "} + done.reason);
    const Bytes before{std::byte{0x6b}, std::byte{0x6c}};
    Bytes appended = before;
    if (!encode(value, appended).ok()) return add(i, "can't be encoded behind other bytes");
    if (appended.size() < before.size() || std::memcmp(appended.data(), before.data(), before.size()) != 0)
      return add(i, "encode does not append: it changed what was there");
    appended.erase(appended.begin(), appended.begin() + static_cast<std::ptrdiff_t>(before.size()));
    if (appended != sample.bytes) return add(i, "encode gives other bytes behind other bytes");
    sample.fine = true;
  }

  /// The slot must hold sample `b` afterwards, by == if there is one, and by its bytes.
  void check_decode(std::size_t b, T slot, const std::string& over) {
    const Decoded decoded = decode(encoded_[b].bytes, encoded_[b].bytes.size(), slot);
    if (!decoded.ok()) return add(b, "its own bytes are not decoded" + over + ": " + said(decoded));
    if constexpr (std::equality_comparable<T>) {
      if (!(slot == samples_[b])) return add(b, "another value comes back when it is decoded" + over);
    } else {
      Bytes again;
      if (!encode(slot, again).ok() || again != encoded_[b].bytes) return add(b, "other bytes come back when it is decoded" + over);
    }
  }

  /// Whatever the bytes: an answer, and a slot that can be used again.
  void check_damaged(std::size_t b) {
    const Bytes& whole = encoded_[b].bytes;
    T slot = samples_[b];
    for (std::size_t size = 0; size < whole.size(); ++size) static_cast<void>(decode(whole, size, slot));
    for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
      Bytes flipped = whole;
      flipped[bit / 8] ^= std::byte{1} << (bit % 8);
      static_cast<void>(decode(flipped, flipped.size(), slot));
    }
    check_decode(b, std::move(slot), " over what damaged bytes have left");
  }

  void check_equals(std::size_t b) {
    if constexpr (std::equality_comparable<T>) {
      for (std::size_t a = 0; a < b; ++a) {
        if (encoded_[a].fine && samples_[a] == samples_[b] && encoded_[a].bytes != encoded_[b].bytes)
          add(b, "equals sample " + std::to_string(a) + " and has other bytes: the serde is not canonical");
      }
    }
  }

  Codec& codec_;
  const std::vector<T>& samples_;
  std::vector<Sample> encoded_;
  std::vector<std::string> problems_;
};

}  // namespace detail

namespace testing {

/// Looks for what goes wrong with serdes: each sample comes back, into a new slot and decoded over every other sample (a slot is used for
/// record after record); encode appends to what is there, and gives equal bytes each time; truncated bytes and flipped bits
/// are refused or give some value, but break nothing (run it with a sanitizer); the schema is not empty; `canonical` serdes give equal
/// bytes for equal samples. Returns what it found, a line each; empty if all is well. T is copied, and compared by == or else by its bytes.
///
///     CHECK(klamm::testing::check_serde<Order>({{}, order(7, "ink"), order(8, "")}).empty());
template <class T> std::vector<std::string> check_serde(const std::vector<T>& samples) {
  static_assert(klamm::detail::has_serde_v<T>, "klamm: check_serde(samples): the type needs klamm::serde<T>");
  if constexpr (klamm::detail::has_serde_v<T>) {
    klamm::detail::TraitCodec<T> codec;
    std::vector<std::string> problems =
        klamm::detail::SerdeCheck<T, klamm::detail::TraitCodec<T>>{codec, samples}.run(klamm::detail::canonical<T>());
    if (klamm::detail::schema_of<T>().empty())
      problems.emplace_back("no schema: stores and internal topics can't tell when the format changes");
    return problems;
  } else {
    return {};
  }
}

/// The same for an object as it is given to `Topic::serde`; objects have no schema.
template <class T, class Codec> std::vector<std::string> check_serde(Codec codec, const std::vector<T>& samples) {
  return klamm::detail::SerdeCheck<T, Codec>{codec, samples}.run(false);
}

}  // namespace testing
}  // namespace klamm::inline v0
