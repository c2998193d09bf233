#include "klamm/status.hpp"

namespace klamm::inline v0 {

Status::Status(Code code, std::string message, std::string object) {
  if (code != Code::ok) problem_ = std::make_shared<const Problem>(Problem{code, std::move(message), std::move(object)});
}

const std::string& Status::empty() {
  static const std::string none;
  return none;
}

}  // namespace klamm::inline v0
