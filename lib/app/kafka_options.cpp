#include "klamm/kafka.hpp"

namespace klamm::inline v0 {

LogChoice kafka(std::string brokers, KafkaOptions options) {
  return {std::move(brokers), std::make_shared<const KafkaOptions>(std::move(options))};
}

}  // namespace klamm::inline v0
