// expect: group_by\(f\): key and value outlive their record
#include "klamm/klamm.hpp"

#include "types.hpp"

struct Word {
  int length;
  std::string_view text;
};

void pipeline(klamm::Topology& t) {
  t.stream(words).group_by([](const std::string& w) { return Word{static_cast<int>(w.size()), w}; }).count("n").to(numbers);
}
