#pragma once

#include <string>

namespace klamm::inline v0::state {

/// SQL that makes the view through which people read a store's file: `SELECT * FROM "counts"` shows key, value and timestamp.
/// Strings, integers and bools are readable, other types are hex digits. A store named as one of the file's own tables gets `<name>_view`.
std::string create_view_sql(const std::string& store, const std::string& key_schema, const std::string& value_schema);

std::string drop_view_sql(const std::string& store);

}  // namespace klamm::inline v0::state
