#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/callback.hpp"
#include "klamm/record.hpp"

namespace klamm::inline v0 {

/// At which step a record could not go on.
enum class ErrorStage : unsigned char {
  decode,   ///< its bytes are not what the topic's serde expects
  process,  ///< a function of the topology threw, or wanted a key that is null
  produce,  ///< what was made of it can't be written
};

/// A record that can't go on, as a custom policy sees it. Valid during the call.
struct KLAMM_API FailedRecord {
  ErrorStage stage = ErrorStage::process;
  std::string_view topic{};  ///< where it was read, with partition and offset
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::string_view op{};  ///< the operator's name
  std::string_view reason{};
  BytesView key{};  ///< as the log has it; null has `data() == nullptr`
  BytesView value{};
  Timestamp timestamp{};
  Headers headers{};
};

/// What a custom policy decides.
enum class Verdict : unsigned char { fail, skip, dead_letter };

/// What happens to a record that can't be decoded, processed or produced. Made by `fail()`, `skip()`, `dead_letter(topic)` and `custom(f)`.
class KLAMM_API ErrorPolicy {
 public:
  enum class Kind : unsigned char { fail, skip, dead_letter, custom };
  using Decide = Callback<Verdict(const FailedRecord&)>;

  explicit ErrorPolicy(Kind kind, std::string topic = {}, Decide decide = {})
      : kind_{kind}, topic_{std::move(topic)}, decide_{std::move(decide)} {}
  [[nodiscard]] Kind kind() const { return kind_; }
  /// The dead-letter topic; empty if there is none.
  [[nodiscard]] const std::string& topic() const { return topic_; }
  [[nodiscard]] const Decide& decide() const { return decide_; }

 private:
  Kind kind_;
  std::string topic_;
  Decide decide_;
};

/// Stops the application in order; the status names topic, partition, offset and operator. Nothing behind the record is committed, so a
/// new start meets it again.
inline ErrorPolicy fail() { return ErrorPolicy{ErrorPolicy::Kind::fail}; }

/// Counts the record and goes on behind it; the log gets a sample. At a branch point each branch fails alone, and what the record has
/// already forwarded stays.
inline ErrorPolicy skip() { return ErrorPolicy{ErrorPolicy::Kind::skip}; }

/// Writes the record to `topic` as it was read (key, value, timestamp, headers), and goes on as `skip` does. Headers behind the record's
/// own say where and why: `klamm.error.topic`, `.partition`, `.offset`, `.operator`, `.stage`, `.reason`, as text. It is in the same commit
/// as what the record has forwarded, so it is there exactly once. A record that fails in several branches is written once for each. The
/// topic is created where klamm creates sinks.
inline ErrorPolicy dead_letter(std::string topic) { return ErrorPolicy{ErrorPolicy::Kind::dead_letter, std::move(topic)}; }

/// Asks `f`, a `Verdict(const FailedRecord&)`, on the worker's thread; it is shared by all tasks and must be safe to call from several.
/// When it throws, the record fails. `topic`: where `Verdict::dead_letter` puts it; without one that verdict fails.
inline ErrorPolicy custom(ErrorPolicy::Decide f, std::string topic = {}) {
  return ErrorPolicy{ErrorPolicy::Kind::custom, std::move(topic), std::move(f)};
}

}  // namespace klamm::inline v0
