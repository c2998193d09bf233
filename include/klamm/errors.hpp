#pragma once

namespace klamm {

/// What happens to a record that cannot be decoded, or on which a user's function throws. Made by `fail()` and `skip()`.
class ErrorPolicy {
 public:
  enum class Kind : unsigned char { fail, skip };
  constexpr explicit ErrorPolicy(Kind kind) : kind_{kind} {}
  [[nodiscard]] constexpr Kind kind() const { return kind_; }

 private:
  Kind kind_;
};

/// Stops the application in order; the status names topic, partition, offset and operator. Nothing behind the record is committed, so a
/// new start meets it again.
constexpr ErrorPolicy fail() { return ErrorPolicy{ErrorPolicy::Kind::fail}; }

/// Counts the record and goes on behind it; the log gets a sample. At a branch point each branch fails alone, and what the record has
/// already forwarded stays.
constexpr ErrorPolicy skip() { return ErrorPolicy{ErrorPolicy::Kind::skip}; }

}  // namespace klamm
