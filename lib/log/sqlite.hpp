#pragma once

#include <sqlite3.h>

#include <string>
#include <string_view>

#include "klamm/record.hpp"
#include "klamm/status.hpp"

namespace klamm::inline v0::log {

/// A prepared statement. Belongs to its database's thread. The first error stays until `reset`.
class Statement {
 public:
  Statement() = default;
  Statement(Statement&& other) noexcept : statement_{std::exchange(other.statement_, nullptr)} {}
  Statement& operator=(Statement&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }
  ~Statement() { sqlite3_finalize(statement_); }

  Statement& bind(int index, std::int64_t value);
  Statement& bind(int index, std::string_view text);
  /// The bytes must live until the statement has run.
  Statement& bind(int index, BytesView blob);
  /// SQLITE_ROW, SQLITE_DONE or an error code.
  int step() { return sqlite3_step(statement_); }
  void reset() { sqlite3_reset(statement_); }

  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
  [[nodiscard]] std::string text(int column) const;
  /// Valid until the next step.
  [[nodiscard]] BytesView blob(int column) const;

 private:
  friend class Database;
  sqlite3_stmt* statement_ = nullptr;
};

/// One connection to a SQLite file, for one thread at a time. Its errors name the file and say what was tried.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close_v2(db_); }

  enum class Access : bool { read, write };
  Status open(const std::string& path, Access access);
  Status run(const char* sql);
  Result<Statement> prepare(const std::string& sql);
  /// Runs a statement that returns nothing, and resets it.
  Status run(Statement& statement);
  /// The integer that a query returns in its first row.
  Result<std::int64_t> integer(const char* sql);
  /// What went wrong last. Full disk: `resource_exhausted`; a damaged file: `data_loss`; no permission: `failed_precondition`; a value too
  /// large: `invalid_argument`; locked by somebody: `unavailable`.
  [[nodiscard]] Status problem(std::string_view doing) const;
  [[nodiscard]] sqlite3* handle() const { return db_; }

 private:
  std::string path_;
  sqlite3* db_ = nullptr;
};

}  // namespace klamm::inline v0::log
