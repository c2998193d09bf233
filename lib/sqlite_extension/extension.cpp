// What SQLite's shell loads. Functions of SQL, and where they find the types.
#include <sqlite3ext.h>

#include <exception>
#include <string>
#include <string_view>

#include "sqlite_extension/json.hpp"

SQLITE_EXTENSION_INIT1

namespace {

using klamm::sqlite_extension::parse_schema;
using klamm::sqlite_extension::to_json;

std::string_view bytes_of(sqlite3_value* value) {
  const void* data = sqlite3_value_blob(value);  // before the size: it may convert
  return data == nullptr ? std::string_view{}
                         : std::string_view{static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_value_bytes(value))};
}

/// Nothing may be thrown through SQLite.
template <class F> void guarded(sqlite3_context* context, F f) {
  try {
    f();
  } catch (const std::exception&) {
    sqlite3_result_error_nomem(context);
  }
}

void show(sqlite3_context* context, sqlite3_value* value, std::string_view schema) {
  if (sqlite3_value_type(value) == SQLITE_NULL) return sqlite3_result_null(context);
  const std::string json = to_json(bytes_of(value), parse_schema(schema));
  sqlite3_result_text64(context, json.data(), json.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void json(sqlite3_context* context, int, sqlite3_value** arguments) {
  guarded(context, [&] { show(context, arguments[0], bytes_of(arguments[1])); });
}

/// The column of the file's `meta` that says the type; it is the function's own.
void by_meta(sqlite3_context* context, int, sqlite3_value** arguments) {
  guarded(context, [&] {
    sqlite3_stmt* statement = nullptr;
    const std::string sql = std::string{"SELECT "} + static_cast<const char*>(sqlite3_user_data(context)) + " FROM meta WHERE id=1";
    std::string schema;
    const bool found = sqlite3_prepare_v2(sqlite3_context_db_handle(context), sql.c_str(), -1, &statement, nullptr) == SQLITE_OK &&
                       sqlite3_step(statement) == SQLITE_ROW;
    if (found) schema = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    if (!found) return sqlite3_result_error(context, "klamm: this database is not the file of a store", -1);
    show(context, arguments[0], schema);
  });
}

}  // namespace

extern "C" [[gnu::visibility("default")]] int sqlite3_klammsqlite_init(sqlite3* db, char**, const sqlite3_api_routines* api);

int sqlite3_klammsqlite_init(sqlite3* db, char**, const sqlite3_api_routines* api) {
  SQLITE_EXTENSION_INIT2(api)
  static char key_column[] = "key_schema", value_column[] = "value_schema";
  constexpr int pure = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
  int result = sqlite3_create_function_v2(db, "klamm_json", 2, pure, nullptr, json, nullptr, nullptr, nullptr);
  if (result == SQLITE_OK)
    result =
        sqlite3_create_function_v2(db, "klamm_key", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, key_column, by_meta, nullptr, nullptr, nullptr);
  if (result == SQLITE_OK)
    result =
        sqlite3_create_function_v2(db, "klamm_value", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, value_column, by_meta, nullptr, nullptr, nullptr);
  return result;
}
