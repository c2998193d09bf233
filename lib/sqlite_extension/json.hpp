#pragma once

#include <string>
#include <string_view>

#include "sqlite_extension/schema.hpp"

namespace klamm::sqlite_extension {

/// The value that the bytes are, as JSON: structs as objects, lists, arrays and pairs as arrays, times as milliseconds. Bytes, values of
/// unknown types and what doesn't fit the type are strings of hex digits; so are numbers that JSON has not (infinities).
std::string to_json(std::string_view bytes, const Type& type);

}  // namespace klamm::sqlite_extension
