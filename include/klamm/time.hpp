#pragma once

#include <compare>
#include <cstdint>

namespace klamm::inline v0 {

namespace detail {
template <class D> constexpr bool chrono_like_v = requires {
  typename D::rep;
  D::period::num;
  D::period::den;
};
template <class D> constexpr bool whole_milliseconds_v = 1000 * D::period::num % D::period::den == 0;
}  // namespace detail

/// A span of time in milliseconds. Converts from any chrono-like duration without including <chrono>; finer units are refused.
class Duration {
 public:
  constexpr Duration() = default;
  constexpr explicit Duration(std::int64_t milliseconds) : milliseconds_{milliseconds} {}

  template <class D>
  requires detail::chrono_like_v<D>
  constexpr Duration(D d) : milliseconds_{static_cast<std::int64_t>(d.count()) * 1000 * D::period::num / D::period::den} {
    static_assert(detail::whole_milliseconds_v<D>, "klamm: Duration: finer than a millisecond: convert it yourself, and say how to round");
  }

  [[nodiscard]] constexpr std::int64_t milliseconds() const { return milliseconds_; }
  friend constexpr auto operator<=>(Duration, Duration) = default;
  friend constexpr Duration operator+(Duration a, Duration b) { return Duration{a.milliseconds_ + b.milliseconds_}; }
  friend constexpr Duration operator-(Duration a, Duration b) { return Duration{a.milliseconds_ - b.milliseconds_}; }

 private:
  std::int64_t milliseconds_ = 0;
};

/// A point of time: milliseconds since 1970 (UTC).
class Timestamp {
 public:
  constexpr Timestamp() = default;
  constexpr explicit Timestamp(std::int64_t milliseconds) : milliseconds_{milliseconds} {}

  [[nodiscard]] constexpr std::int64_t milliseconds() const { return milliseconds_; }
  friend constexpr auto operator<=>(Timestamp, Timestamp) = default;
  friend constexpr Timestamp operator+(Timestamp t, Duration d) { return Timestamp{t.milliseconds_ + d.milliseconds()}; }
  friend constexpr Timestamp operator-(Timestamp t, Duration d) { return Timestamp{t.milliseconds_ - d.milliseconds()}; }
  friend constexpr Duration operator-(Timestamp a, Timestamp b) { return Duration{a.milliseconds_ - b.milliseconds_}; }

 private:
  std::int64_t milliseconds_ = 0;
};

}  // namespace klamm::inline v0
