// expect: client.read\(f\): f must be callable as f\(const TopicRecord
#include "klamm/klamm.hpp"

#include "types.hpp"

klamm::Status read(klamm::Client& client, const klamm::Topic<std::string, std::int64_t>& totals) {
  return client.read(totals, [](const std::string&, std::int64_t) {});
}
