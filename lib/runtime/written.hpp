#pragma once

#include <string>
#include <vector>

#include "klamm/status.hpp"
#include "log/log.hpp"

namespace klamm::inline v0::runtime {

/// What the records of a topic of ours (a changelog, a repartition topic) were written as: the schemas of the program that writes now, and
/// those of its earlier versions, whose records may still be there. Kept in the commit mark, so that bytes are never taken for another
/// type.
struct Written {
  struct Older {
    std::string value_schema;
    log::Offset until = 0;
    friend bool operator==(const Older&, const Older&) = default;
  };
  std::string key_schema, value_schema;  ///< empty: not known, agrees with everything
  std::vector<Older> older;              ///< oldest first

  /// The schema of the value at an offset, if it is an older one; else null.
  [[nodiscard]] const std::string* older_at(log::Offset offset) const;
  /// Behind the last record that may be older.
  [[nodiscard]] log::Offset older_end() const { return older.empty() ? 0 : older.back().until; }

  friend bool operator==(const Written&, const Written&) = default;
};

/// What a program is, as far as the types of one topic of ours are concerned.
struct Types {
  std::string key_schema, value_schema;
  bool upgrades = false;  ///< values of older schemas can be read
};

/// Goes on with records that are there, from an earlier version of the program or this one: `unread` are those that may be read again.
/// `failed_precondition`, with both types and the ways out, when they can't be read. `what`: the beginning of that message.
Result<Written> go_on(const Written& before, const Types& now, const log::Bounds& unread, const std::string& what);
/// Why older values that are to be read can't be, where the program has no upgrade.
Status no_upgrade(const std::string& old_schema, const Types& now, const std::string& what);

}  // namespace klamm::inline v0::runtime
