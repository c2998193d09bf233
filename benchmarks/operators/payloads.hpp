#pragma once

#include <cstdint>
#include <string>

#include "klamm/serde.hpp"

// What the chains are measured on, and the operators that they are made of: an edit, a test, an edit, …

namespace klamm::bench {

struct Event {
  std::int64_t id = 0, count = 0;
  double price = 0, score = 0;
  std::string user, page;
};

template <class V> struct Payload;

template <> struct Payload<std::int64_t> {
  static constexpr const char* name = "int64";
  using Key = std::int64_t;
  static Key key(std::uint64_t r) { return static_cast<Key>(r >> 3); }
  static std::int64_t value(std::uint64_t r) { return static_cast<std::int64_t>(r >> 2); }
  template <int I> static void edit(std::int64_t& v) { v = v * 3 + I; }
  template <int I> static bool keep(const std::int64_t& v) { return ((v >> (I + 3)) & 15) != I; }
  static std::int64_t digest(const std::int64_t& v) { return v & 0xff; }
};

template <> struct Payload<std::string> {
  static constexpr const char* name = "string";
  using Key = std::string;
  static Key key(std::uint64_t r) { return "key-" + std::to_string(10000000 + r % 1000000); }
  static std::string value(std::uint64_t r) {
    std::string s(40, 'a');
    for (std::size_t i = 0; i < 40; ++i, r = r * 6364136223846793005U + 1) s[i] = static_cast<char>('a' + (r >> 59) % 16);
    return s;
  }
  template <int I> static void edit(std::string& v) { v[I] = static_cast<char>(v[I + 1] ^ 1); }
  template <int I> static bool keep(const std::string& v) { return v[20 + I] != 'c'; }
  static std::int64_t digest(const std::string& v) { return v[0]; }
};

template <> struct Payload<Event> {
  static constexpr const char* name = "struct";
  using Key = std::string;
  static Key key(std::uint64_t r) { return Payload<std::string>::key(r); }
  static Event value(std::uint64_t r) {
    const std::string s = Payload<std::string>::value(r);
    return {static_cast<std::int64_t>(r), static_cast<std::int64_t>(r >> 7), 1.5, 2.5, s.substr(0, 24), s};
  }
  template <int I> static void edit(Event& v) {
    v.count += I;
    v.score = v.score * 1.01 + static_cast<double>(v.count & 3);
  }
  template <int I> static bool keep(const Event& v) { return v.page[20 + I] != 'c'; }
  static std::int64_t digest(const Event& v) { return v.count & 0xff; }
};

template <class V, int I> constexpr auto editor = [](V& v) { Payload<V>::template edit<I>(v); };
template <class V, int I> constexpr auto tester = [](const V& v) { return Payload<V>::template keep<I>(v); };

}  // namespace klamm::bench

/// Out of line on both sides, as a protobuf would be: g++ inlines it into the loop by hand only, which measures the inliner (2 ns).
template <> struct klamm::serde<klamm::bench::Event> {
  [[gnu::noinline]] static void encode(const bench::Event& e, Bytes& out) {
    detail::append(out, &e.id, 32);
    const auto n = static_cast<std::uint32_t>(e.user.size());
    detail::append(out, &n, 4);
    detail::append(out, e.user.data(), n);
    detail::append(out, e.page.data(), e.page.size());
  }
  [[gnu::noinline]] static Decoded decode(BytesView in, bench::Event& e) {
    if (in.size() < 36) return malformed("short event");
    __builtin_memcpy(&e.id, in.data(), 32);
    std::uint32_t n;
    __builtin_memcpy(&n, in.data() + 32, 4);
    if (in.size() < 36 + std::size_t{n}) return malformed("short event");
    const char* text = reinterpret_cast<const char*>(in.data()) + 36;
    e.user.assign(text, n);
    e.page.assign(text + n, in.size() - 36 - n);
    return {};
  }
};
