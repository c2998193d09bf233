#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "klamm/processor.hpp"
#include "klamm/status.hpp"
#include "klamm/time.hpp"
#include "runtime/written.hpp"

namespace klamm::inline v0::runtime {

/// What a task remembers of a commit beside its stores (proto/klamm/commit_mark.proto). What is neither here nor in a changelog is not
/// remembered.
struct CommitMark {
  struct Store {
    std::string lineage;
    std::int64_t changelog_end = 0;
    Timestamp expired_before{};                        ///< of windows: segments that end before it are gone
    std::map<std::uint64_t, std::int64_t> segments{};  ///< likewise: the changelog's offset below which there is nothing of a segment
    Written written{};
  };
  /// A punctuation that a processor's constructor has scheduled.
  struct Punctuation {
    std::string owner;  ///< the operator's name
    int number = 0;     ///< of the constructor's calls
    Time time = Time::stream;
    std::int64_t every = 0;
    std::int64_t due = 0;  ///< of stream time
    bool cancelled = false;
  };
  std::map<std::string, Store> stores;      ///< by store name
  std::map<std::string, Timestamp> clocks;  ///< by the operator's stable name; "" is the task's stream time
  std::vector<Punctuation> punctuations;
  std::map<std::string, std::int64_t> followers;  ///< offsets of the inputs beside the leader, by full name
  std::map<std::string, Written> inputs;          ///< repartition topics that the task reads, by full name

  [[nodiscard]] std::string encode() const;
  /// `data_loss` when the bytes are no mark, `failed_precondition` when a newer klamm wrote it.
  static Result<CommitMark> decode(const std::string& bytes, const std::string& where);
};

}  // namespace klamm::inline v0::runtime
