#include "state/store_view.hpp"

#include <cctype>

namespace klamm::inline v0::state {
namespace {

std::string quoted(const std::string& name) {
  std::string result = "\"";
  for (const char c : name) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + '"';
}

bool is_taken(const std::string& name) {
  std::string lower;
  for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower == "rows" || lower == "meta" || lower.rfind("sqlite_", 0) == 0;
}

/// An integer in network order: each hex digit, shifted to its place.
std::string integer(const std::string& column, int bytes) {
  std::string sum;
  for (int digit = 1; digit <= 2 * bytes; ++digit) {
    if (digit != 1) sum += '|';
    sum += "((instr('0123456789ABCDEF',substr(hex(" + column + ")," + std::to_string(digit) + ",1))-1)<<" +
           std::to_string(8 * bytes - 4 * digit) + ")";
  }
  return "(" + sum + ")";
}

std::string readable(const std::string& column, const std::string& schema) {
  const auto sized = [&](int bytes, const std::string& value) {  // what has another size is not what it says: show the bytes
    return "CASE WHEN length(" + column + ")=" + std::to_string(bytes) + " THEN " + value + " ELSE hex(" + column + ") END";
  };
  if (schema == "string") return "CAST(" + column + " AS TEXT)";
  if (schema == "bool") return sized(1, integer(column, 1));
  if (schema == "timestamp" || schema == "duration") return readable(column, "int64");
  for (const int bytes : {1, 2, 4, 8}) {
    const std::string bits = std::to_string(8 * bytes), spare = std::to_string(64 - 8 * bytes);
    if (schema == "int" + bits) return sized(bytes, "(" + integer(column, bytes) + "<<" + spare + ")>>" + spare);
    if (schema == "uint" + bits) return sized(bytes, bytes == 8 ? "printf('%u'," + integer(column, bytes) + ")" : integer(column, bytes));
  }
  return "hex(" + column + ")";
}

std::string view_name(const std::string& store) { return quoted(is_taken(store) ? store + "_view" : store); }

}  // namespace

std::string drop_view_sql(const std::string& store) { return "DROP VIEW IF EXISTS " + view_name(store); }

std::string create_view_sql(const std::string& store, const std::string& key_schema, const std::string& value_schema) {
  return "CREATE VIEW " + view_name(store) + "(key,value,timestamp) AS SELECT " + readable("k", key_schema) + "," +
         readable("v", value_schema) + ",ts FROM rows";
}

}  // namespace klamm::inline v0::state
