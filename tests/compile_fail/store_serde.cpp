// expect: store<Key, Value>\(name\): the store has a changelog, so key and value need klamm::serde
#include "klamm/klamm.hpp"

#include "types.hpp"

/// Has no serde, and none can be derived.
class Opaque {
 public:
  Opaque() = default;

 private:
  int x_ = 0;
};

void pipeline(klamm::Topology& t) { static_cast<void>(t.store<std::string, Opaque>("rows")); }
