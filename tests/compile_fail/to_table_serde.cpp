// expect: to_table\(name\): the table has a changelog
#include "klamm/klamm.hpp"

#include "types.hpp"

void pipeline(klamm::Topology& t) {
  t.stream(words).map([](const std::string&) { return Plain{}; }).to_table("last").upserts().for_each([](const Plain&) {});
}
