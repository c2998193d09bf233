// expect: check_serde\(samples\): the type needs
#include "klamm/testing/check_serde.hpp"

#include "types.hpp"

bool fine() { return klamm::testing::check_serde<Plain>({Plain{}}).empty(); }
