// expect: map\(f\): f returns a view
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Word {
  int length;
  std::string_view text;
};

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string& w) { return Word{static_cast<int>(w.size()), w}; }).for_each([](const Word&) {});
}
