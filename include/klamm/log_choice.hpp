#pragma once

#include <memory>
#include <string>
#include <utility>

#include "klamm/api.hpp"

namespace klamm::inline v0 {

struct KafkaOptions;

/// How long an embedded log keeps the records of topics that are not compacted. Changelogs keep the last record of each key in any case.
enum class Retention : bool {
  keep,             ///< for ever: the directory grows with what comes in
  until_committed,  ///< source topics are let go once this application has committed them; sinks stay
};

/// Which log an application runs on. Made by `kafka` (kafka.hpp), `embedded` or `in_memory`; there is no default.
class LogChoice {
 public:
  enum class Kind : unsigned char { none, embedded, in_memory, kafka };

  LogChoice() = default;
  LogChoice(Kind kind, std::string place, Retention retention) : kind_{kind}, place_{std::move(place)}, retention_{retention} {}
  LogChoice(std::string brokers, std::shared_ptr<const KafkaOptions> options)
      : kind_{Kind::kafka}, place_{std::move(brokers)}, kafka_{std::move(options)} {}

  [[nodiscard]] Kind kind() const { return kind_; }
  /// The directory of an embedded log, the brokers of Kafka.
  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] Retention retention() const { return retention_; }
  /// Null but on Kafka.
  [[nodiscard]] const KafkaOptions* kafka() const { return kafka_.get(); }

 private:
  Kind kind_ = Kind::none;
  std::string place_;
  Retention retention_ = Retention::keep;
  std::shared_ptr<const KafkaOptions> kafka_;
};

/// A log in files under `directory`, which is created if missing and belongs to one application and one process at a time.
/// What flush() or a commit has confirmed survives a crash and a power cut.
inline LogChoice embedded(std::string directory, Retention retention = Retention::keep) {
  return {LogChoice::Kind::embedded, std::move(directory), retention};
}
/// A log in memory, gone with the process. Writes no file.
inline LogChoice in_memory(Retention retention = Retention::until_committed) { return {LogChoice::Kind::in_memory, {}, retention}; }

}  // namespace klamm::inline v0
