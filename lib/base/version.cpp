#include "klamm/api.hpp"

namespace klamm::inline v0 {

const char* version() { return KLAMM_VERSION; }

}  // namespace klamm::inline v0
