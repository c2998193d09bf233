#pragma once

#include <span>
#include <string>
#include <string_view>

#include "klamm/callback.hpp"

namespace klamm::inline v0 {

enum class Level : unsigned char { debug, info, warning, error };

/// A name and a value that belong to a line of the log.
struct Field {
  std::string_view name;
  std::string value;
};

/// Gets the lines of klamm's log, from any thread. Must not throw.
using LogSink = Callback<void(Level, std::string_view component, std::string_view message, std::span<const Field>)>;

}  // namespace klamm::inline v0
