#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace klamm::sqlite_extension {

/// A type, as a schema describes it. A value.
struct Type {
  enum class Kind : unsigned char {
    integer,
    unsigned_integer,
    floating,
    boolean,
    text,
    bytes,
    optional,
    list,
    array,
    pair,
    record,
    unknown
  };
  Kind kind = Kind::unknown;
  std::size_t size = 0;            ///< bytes of a number; elements of an array
  std::vector<Type> parts;         ///< what is inside
  std::vector<std::string> names;  ///< of a record's fields

  /// Whether its values say themselves where they end; else their size stands before them.
  [[nodiscard]] bool ends_itself() const;
};

/// What can't be parsed is of kind `unknown`.
Type parse_schema(std::string_view schema);

}  // namespace klamm::sqlite_extension
