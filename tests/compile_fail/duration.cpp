// expect: Duration: finer than a millisecond
#include "klamm/time.hpp"

struct Micro {
  static constexpr long num = 1, den = 1000000;
};
struct Microseconds {
  using rep = long;
  using period = Micro;
  rep count() const { return 1; }
};

klamm::Duration duration() { return Microseconds{}; }
