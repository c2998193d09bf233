#include "log/sqlite.hpp"

#include <cerrno>
#include <filesystem>

namespace klamm::inline v0::log {
namespace {

Code code_of(int result, int system_error) {
  switch (result) {
    case SQLITE_FULL:
    case SQLITE_NOMEM:
      return Code::resource_exhausted;
    case SQLITE_IOERR:
      return system_error == ENOSPC || system_error == EDQUOT ? Code::resource_exhausted : Code::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::data_loss;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::failed_precondition;
    case SQLITE_TOOBIG:
      return Code::invalid_argument;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::unavailable;
    default:
      return Code::internal;
  }
}

}  // namespace

Statement& Statement::bind(int index, std::int64_t value) {
  sqlite3_bind_int64(statement_, index, value);
  return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
  sqlite3_bind_text64(statement_, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int index, BytesView blob) {
  sqlite3_bind_blob64(statement_, index, blob.empty() ? "" : static_cast<const void*>(blob.data()), blob.size(), SQLITE_STATIC);
  return *this;
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  return data == nullptr ? std::string{} : std::string{data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

BytesView Statement::blob(int column) const {
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Status Database::open(const std::string& path, Access access) {
  path_ = path;
  const int flags = (access == Access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK) return problem("open");
  sqlite3_busy_timeout(db_, 10'000);
  return {};
}

Status Database::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return problem(sql);
  return {};
}

Result<Statement> Database::prepare(const std::string& sql) {
  Statement statement;
  if (sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement.statement_, nullptr) != SQLITE_OK) return problem(sql);
  return statement;
}

Status Database::run(Statement& statement) {
  const int result = statement.step();
  Status status = result == SQLITE_DONE || result == SQLITE_ROW ? Status{} : problem(sqlite3_sql(statement.statement_));
  statement.reset();
  return status;
}

Result<std::int64_t> Database::integer(const char* sql) {
  auto statement = prepare(sql);
  if (!statement.ok()) return statement.status();
  if (statement->step() != SQLITE_ROW) return problem(sql);
  return statement->integer(0);
}

Status Database::problem(std::string_view doing) const {
  if (db_ == nullptr) return {Code::resource_exhausted, "log \"" + path_ + "\": no memory", path_};
  const Code code = code_of(sqlite3_errcode(db_) & 0xff, sqlite3_system_errno(db_));
  std::string message = "log \"" + path_ + "\": ";
  if (code == Code::resource_exhausted) {
    const std::string directory = std::filesystem::path{path_}.parent_path().string();
    message = "directory \"" + directory + "\": the disk is full: nothing that was confirmed is lost, make room and start again; ";
  }
  message.append(sqlite3_errmsg(db_)).append(" (").append(doing.substr(0, 60)).append(")");
  return {code, std::move(message), path_};
}

}  // namespace klamm::inline v0::log
