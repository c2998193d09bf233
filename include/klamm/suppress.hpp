#pragma once

#include <cstdint>
#include <string>
#include <type_traits>

#include "klamm/api.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0 {

namespace detail {

enum class WhenFull : unsigned char { emit_early, stop };

/// How much a suppress may hold back, and what happens when it is more; 0: any amount.
struct BufferLimit {
  std::int64_t records = 0;
  std::int64_t bytes = 0;
  WhenFull when_full = WhenFull::stop;
};
/// The same where what happens is part of the type.
template <WhenFull When> struct Bounded { BufferLimit limit; };
struct Unbounded {};
template <class T> constexpr bool emits_early_v = false;
template <> inline constexpr bool emits_early_v<Bounded<WhenFull::emit_early>> = true;

/// Whether a limit says what happens beyond it.
template <class L> constexpr bool says_when_full_v = false;
template <> inline constexpr bool says_when_full_v<Unbounded> = true;
template <WhenFull W> constexpr bool says_when_full_v<Bounded<W>> = true;

/// What is wrong with a limit, or nothing.
KLAMM_API std::string problem_of(const BufferLimit& limit);
/// The format of the keys of what is held back.
KLAMM_API std::string held_schema(const std::string& key);

template <class Limit> constexpr BufferLimit limit_of(const Limit& limit) {
  if constexpr (std::is_same_v<Limit, Unbounded>)
    return {};
  else
    return limit.limit;
}

template <class Limit> struct UntilWindowCloses { Limit limit; };
template <class Limit> struct UntilTimeLimit {
  Duration time;
  Limit limit;
};
template <class U> constexpr bool suppress_bounded_v = true;  // of what else it is, another sentence speaks
template <class L> constexpr bool suppress_bounded_v<UntilWindowCloses<L>> = says_when_full_v<L>;
template <class L> constexpr bool suppress_bounded_v<UntilTimeLimit<L>> = says_when_full_v<L>;
template <class U> constexpr bool closes_early_v = false;
template <class L> constexpr bool closes_early_v<UntilWindowCloses<L>> = emits_early_v<L>;
template <class T> constexpr bool until_closes_v = false;
template <class L> constexpr bool until_closes_v<UntilWindowCloses<L>> = true;
template <class T> constexpr bool until_limit_v = false;
template <class L> constexpr bool until_limit_v<UntilTimeLimit<L>> = true;

}  // namespace detail

/// Bounds of what a suppress holds back. They say what happens beyond: `.emit_early()` lets the oldest go, `.stop()` stops the application
/// with an error that names the table.
class BufferBounds {
 public:
  constexpr explicit BufferBounds(const detail::BufferLimit& limit) : limit_{limit} {}

  [[nodiscard]] constexpr BufferBounds max_records(std::int64_t n) const { return BufferBounds{{n, limit_.bytes}}; }
  [[nodiscard]] constexpr BufferBounds max_bytes(std::int64_t n) const { return BufferBounds{{limit_.records, n}}; }
  [[nodiscard]] constexpr auto emit_early() const {
    return detail::Bounded<detail::WhenFull::emit_early>{{limit_.records, limit_.bytes, detail::WhenFull::emit_early}};
  }
  [[nodiscard]] constexpr auto stop() const {
    return detail::Bounded<detail::WhenFull::stop>{{limit_.records, limit_.bytes, detail::WhenFull::stop}};
  }

 private:
  detail::BufferLimit limit_;
};
/// At most so many keys.
constexpr BufferBounds max_records(std::int64_t n) { return BufferBounds{{n, 0}}; }
/// At most so many bytes of serialised keys, old and new values.
constexpr BufferBounds max_bytes(std::int64_t n) { return BufferBounds{{0, n}}; }

/// For `suppress` of a windowed table: only the final result of each window, when it is closed.
constexpr detail::UntilWindowCloses<detail::Unbounded> until_window_closes() { return {}; }
template <class Limit> constexpr detail::UntilWindowCloses<Limit> until_window_closes(const Limit& limit) { return {limit}; }

/// For `suppress` of any table: of the changes of a key that come within `time`, only the last.
constexpr detail::UntilTimeLimit<detail::Unbounded> until_time_limit(Duration time) { return {time, {}}; }
template <class Limit> constexpr detail::UntilTimeLimit<Limit> until_time_limit(Duration time, const Limit& limit) { return {time, limit}; }

}  // namespace klamm::inline v0
