// expect: json<T>\(\): T must be a protobuf message
#include "klamm/serde/json.hpp"

#include "types.hpp"

void pipeline() { static_cast<void>(klamm::json<Plain>()); }
