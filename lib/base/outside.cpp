#include "klamm/detail/outside.hpp"

#include <exception>

namespace klamm::inline v0::detail {

Status encode_guarded(const std::string& topic, FunctionRef<Encoded()> encode) {
  std::string reason;
  try {
    const Encoded encoded = encode();
    if (encoded.ok()) return {};
    reason = encoded.reason;
  } catch (const std::exception& e) {
    reason = std::string{"its serde, or the topic's partition_by, threw: "} + e.what();
  } catch (...) {
    reason = "its serde, or the topic's partition_by, threw something that is no std::exception";
  }
  return {Code::invalid_argument, "topic \"" + topic + "\": the record can't be written, nothing was sent: " + reason, topic};
}

}  // namespace klamm::inline v0::detail
