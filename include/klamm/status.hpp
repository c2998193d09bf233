#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "klamm/api.hpp"

namespace klamm::inline v0 {

/// Why something did not work, in the terms a caller can act on.
enum class Code : unsigned char {
  ok,
  invalid_argument,     ///< what the program or the user asked for can't be right: change it
  failed_precondition,  ///< right in itself, but not here and now: another application's directory, a changed partition count
  not_found,
  already_exists,
  out_of_range,        ///< an offset that is not in the log any more, or not yet
  unavailable,         ///< try again: somebody else is away or busy
  resource_exhausted,  ///< a full disk, no memory
  data_loss,           ///< a damaged file
  aborted,             ///< a transaction was rolled back: do it again from the last commit
  cancelled,           ///< stopped on request before it was done
  failed_record,       ///< a record could not be processed and the policy is to fail
  internal,            ///< a defect of klamm
  elsewhere,           ///< another instance of the application has it: ask there
};

/// How something ended: fine, or a code with a message that names the object first. Cheap when ok.
class [[nodiscard]] KLAMM_API Status {
 public:
  Status() = default;
  /// `object`: what it is about (a topic, a store, a file), also named in the message.
  Status(Code code, std::string message, std::string object = {});

  [[nodiscard]] bool ok() const { return problem_ == nullptr; }
  [[nodiscard]] Code code() const { return ok() ? Code::ok : problem_->code; }
  [[nodiscard]] const std::string& message() const { return ok() ? empty() : problem_->message; }
  [[nodiscard]] const std::string& object() const { return ok() ? empty() : problem_->object; }
  /// What a process should end with: 0 when ok, 2 for wrong usage (`invalid_argument`), 1 for everything else.
  [[nodiscard]] int exit_code() const { return ok() ? 0 : code() == Code::invalid_argument ? 2 : 1; }

 private:
  struct Problem {
    Code code;
    std::string message;
    std::string object;
  };
  static const std::string& empty();
  std::shared_ptr<const Problem> problem_;
};

/// A value, or the status that says why there is none.
template <class T> class [[nodiscard]] Result {
 public:
  Result(T value) : value_{std::move(value)} {}
  Result(Status status) : status_{std::move(status)} {}

  [[nodiscard]] bool ok() const { return status_.ok(); }
  [[nodiscard]] const Status& status() const { return status_; }
  /// The value; only when `ok()`.
  [[nodiscard]] T& operator*() & { return *value_; }
  [[nodiscard]] const T& operator*() const& { return *value_; }
  [[nodiscard]] T&& operator*() && { return std::move(*value_); }
  [[nodiscard]] T* operator->() { return &*value_; }
  [[nodiscard]] const T* operator->() const { return &*value_; }
  /// Whether it is ok and equal to `value`.
  friend bool operator==(const Result& result, const T& value) { return result.ok() && *result.value_ == value; }

 private:
  Status status_;
  std::optional<T> value_;
};

/// Something wrong with a topology, and where the program said it.
struct Problem {
  std::string message;
  const char* file = "";
  int line = 0;
};

/// A name for an operator and the place of the call; every operator takes one as its last argument.
struct Named {
  const char* name;
  const char* file;
  int line;

  constexpr Named(const char* n = nullptr, const char* f = __builtin_FILE(), int l = __builtin_LINE()) : name{n}, file{f}, line{l} {}
};

/// Names an operator: `.filter(valid, klamm::as("valid-orders"))`. The name is copied.
constexpr Named as(const char* name, const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {name, file, line}; }

}  // namespace klamm::inline v0
