#include "state/table_file.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>

#include "ports/fault.hpp"
#include "state/key_order.hpp"
#include "state/store_view.hpp"

namespace klamm::inline v0::state {
namespace {

using ports::reached;

Code code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
      return Code::data_loss;
    case SQLITE_FULL:
    case SQLITE_NOMEM:
    case SQLITE_IOERR:
      return Code::resource_exhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::unavailable;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return Code::failed_precondition;
    // A table or column that is missing in a file that passed for ours.
    case SQLITE_ERROR:
      return Code::data_loss;
    default:
      return Code::internal;
  }
}

Status system_problem(const StoreFile& file, const std::string& path, const char* doing) {
  const int error = errno;
  const Code code =
      error == ENOSPC || error == EDQUOT || error == EIO || error == EFBIG ? Code::resource_exhausted : Code::failed_precondition;
  return {code, "store \"" + file.store + "\": file " + path + ": " + doing + ": " + std::strerror(error), file.store};
}

// Not "bind": std::bind would be the better match for a span.
void bind_blob(sqlite3_stmt* statement, int column, const void* data, std::size_t size) {
  sqlite3_bind_blob64(statement, column, size == 0 ? "" : data, size, SQLITE_STATIC);
}
void bind_blob(sqlite3_stmt* statement, int column, BytesView bytes) { bind_blob(statement, column, bytes.data(), bytes.size()); }

void bind_text(sqlite3_stmt* statement, int column, const std::string& value) {
  sqlite3_bind_text64(statement, column, value.data(), value.size(), SQLITE_STATIC, SQLITE_UTF8);
}

BytesView blob(sqlite3_stmt* statement, int column) {
  static constexpr std::byte empty{};
  const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
  return {data != nullptr ? data : &empty, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))};
}
std::string text(sqlite3_stmt* statement, int column) {
  const BytesView bytes = blob(statement, column);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Reset {
  sqlite3_stmt* statement;
  ~Reset() { sqlite3_reset(statement); }
};
using Once = std::unique_ptr<sqlite3_stmt, decltype([](sqlite3_stmt* s) { sqlite3_finalize(s); })>;

Once prepare_once(sqlite3* db, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(db, sql, -1, &statement, nullptr);
  return Once{statement};
}

constexpr const char* tables_sql =
    "CREATE TABLE rows(k BLOB PRIMARY KEY, v BLOB NOT NULL, ts INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id=1), store TEXT NOT NULL, application TEXT NOT NULL, partition INTEGER NOT NULL, "
    "key_schema TEXT NOT NULL, value_schema TEXT NOT NULL, lineage TEXT NOT NULL, changelog_offset INTEGER NOT NULL, "
    "commit_number INTEGER NOT NULL, mark BLOB NOT NULL);";

}  // namespace

std::size_t TableFile::cache_bytes(const StoreFile& file) {
  constexpr std::size_t most = std::size_t{16} << 20, least = std::size_t{64} << 10;
  return file.memory_bytes == 0 ? most : std::clamp(file.memory_bytes / 32, least, most);
}

Status TableFile::problem(const char* doing) {
  const int sqlite = db_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(db_);
  std::string message =
      "store \"" + file_.store + "\": file " + path_ + ": " + doing + ": " + (db_ == nullptr ? "out of memory" : sqlite3_errmsg(db_));
  if (const int system = db_ == nullptr ? 0 : sqlite3_system_errno(db_); system != 0 && code_of(sqlite) != Code::data_loss) {
    message += std::string(" (") + std::strerror(system) + ')';
  }
  return {code_of(sqlite), std::move(message), file_.store};
}

Status TableFile::connect(const std::string& path, int flags) {
  path_ = path;
  if (sqlite3_open_v2(path.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr) != SQLITE_OK) return problem("open");
  sqlite3_extended_result_codes(db_, 1);
  sqlite3_busy_timeout(db_, 10'000);
  return {};
}

Status TableFile::run(const char* sql) {
  if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return problem(sql);
  return {};
}

Status TableFile::prepare() {
  for (auto [sql, statement] : {std::pair{"SELECT v,ts FROM rows WHERE k=?1", &get_},
                                {"REPLACE INTO rows VALUES(?1,?2,?3)", &put_},
                                {"DELETE FROM rows WHERE k=?1", &erase_},
                                {"SELECT k,v,ts FROM rows WHERE k>=?1 ORDER BY k", &scan_},
                                {"UPDATE meta SET changelog_offset=?1,commit_number=?2,mark=?3 WHERE id=1", &write_meta_}}) {
    if (sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, statement, nullptr) != SQLITE_OK) return problem("prepare");
  }
  return {};
}

Result<std::unique_ptr<TableFile>> TableFile::open(const StoreFile& file, Access access) {
  std::unique_ptr<TableFile> table{new TableFile{file}};
  if (auto status = table->connect(file.path, SQLITE_OPEN_READWRITE); !status.ok()) return status;
  // FULL: the changelog's tombstones below a checkpoint go once it is told, so no power cut may take it back. It is one fsync per
  // checkpoint, in the background. The WAL file does not stay as large as the largest checkpoint.
  const std::string cache = "PRAGMA cache_size=-" + std::to_string(cache_bytes(file) / 1024);
  const std::string pragmas = access == Access::write
                                  ? cache + "; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216"
                                  : cache + "; PRAGMA query_only=1";
  if (auto status = table->run(pragmas.c_str()); !status.ok()) return status;
  if (auto status = table->prepare(); !status.ok()) return status;
  return Result<std::unique_ptr<TableFile>>{std::move(table)};
}

TableFile::~TableFile() {
  for (auto* statement : {get_, put_, erase_, scan_, write_meta_}) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Status TableFile::only_row(sqlite3_stmt* statement, const char* doing) {
  const int step = statement == nullptr ? SQLITE_ERROR : sqlite3_step(statement);
  if (step == SQLITE_ROW) return {};
  if (step != SQLITE_DONE) return problem(doing);
  return {Code::data_loss, "store \"" + file_.store + "\": file " + path_ + ": " + doing + ": there is none", file_.store};
}

Result<FilePosition> TableFile::position() {
  const Once statement = prepare_once(db_, "SELECT changelog_offset,commit_number,mark FROM meta WHERE id=1");
  if (auto status = only_row(statement.get(), "read position"); !status.ok()) return status;
  return FilePosition{sqlite3_column_int64(statement.get(), 0), static_cast<CommitNumber>(sqlite3_column_int64(statement.get(), 1)),
                      text(statement.get(), 2)};
}

Result<FileOwner> TableFile::owner() {
  const Once statement = prepare_once(db_, "SELECT store,application,lineage,key_schema,value_schema,partition FROM meta WHERE id=1");
  if (auto status = only_row(statement.get(), "read owner"); !status.ok()) return status;
  const auto column = [&](int i) { return text(statement.get(), i); };
  return FileOwner{column(0), column(1), column(2), column(3), column(4), sqlite3_column_int(statement.get(), 5)};
}

Status TableFile::adopt_types(const FileOwner& owner) {
  const std::string& key = owner.key_schema.empty() ? file_.key_schema : owner.key_schema;
  const std::string& value = owner.value_schema.empty() ? file_.value_schema : owner.value_schema;
  if (key == owner.key_schema && value == owner.value_schema) return {};
  return in_transaction([&] { return write_types(key, value); });
}

Status TableFile::write_types(const std::string& key_schema, const std::string& value_schema) {
  const Once types = prepare_once(db_, "UPDATE meta SET key_schema=?1,value_schema=?2 WHERE id=1");
  if (types == nullptr) return problem("write types");
  bind_text(types.get(), 1, key_schema), bind_text(types.get(), 2, value_schema);
  if (sqlite3_step(types.get()) != SQLITE_DONE) return problem("write types");
  if (auto dropped = run(drop_view_sql(file_.store).c_str()); !dropped.ok()) return dropped;
  return run(create_view_sql(file_.store, key_schema, value_schema).c_str());
}

Result<std::int64_t> TableFile::upgrade_values(const std::string& old_schema, const Upgrade& upgrade) {
  std::int64_t rows = 0;
  const auto rewrite = [&]() -> Status {
    const Once next = prepare_once(db_, "SELECT k,v FROM rows WHERE k>?1 OR ?2 ORDER BY k LIMIT 1");
    const Once update = prepare_once(db_, "UPDATE rows SET v=?2 WHERE k=?1");
    if (next == nullptr || update == nullptr) return problem("upgrade rows");
    Bytes key, value;
    for (;; ++rows) {
      bind_blob(next.get(), 1, key.data(), key.size());
      sqlite3_bind_int(next.get(), 2, rows == 0 ? 1 : 0);
      const int step = sqlite3_step(next.get());
      if (step == SQLITE_DONE) break;
      if (step != SQLITE_ROW) return problem("read row to upgrade");
      const BytesView found = blob(next.get(), 0);
      key.assign(found.begin(), found.end());
      value.clear();
      if (auto status = upgrade(old_schema, found, blob(next.get(), 1), value); !status.ok()) return status;
      sqlite3_reset(next.get());
      bind_blob(update.get(), 1, key.data(), key.size());
      bind_blob(update.get(), 2, value.data(), value.size());
      if (sqlite3_step(update.get()) != SQLITE_DONE) return problem("write upgraded row");
      sqlite3_reset(update.get());
      if (rows == 1) reached("state: upgrade: some rows");
    }
    reached("state: upgrade: before the type");
    return write_types(file_.key_schema, file_.value_schema);
  };
  if (auto status = in_transaction(rewrite); !status.ok()) return status;
  reached("state: upgrade: after COMMIT");
  return rows;
}

Status TableFile::check() {
  const Once statement = prepare_once(db_, "PRAGMA quick_check(1)");
  if (statement == nullptr || sqlite3_step(statement.get()) != SQLITE_ROW) return problem("check");
  const std::string found = text(statement.get(), 0);
  if (found == "ok") return {};
  return {Code::data_loss, "store \"" + file_.store + "\": file " + path_ + ": check: " + found, file_.store};
}

Result<bool> TableFile::get(BytesView key, Bytes& value, Timestamp& timestamp) {
  const Reset reset{get_};
  bind_blob(get_, 1, key);
  const int step = sqlite3_step(get_);
  if (step == SQLITE_DONE) return false;
  if (step != SQLITE_ROW) return problem("read row");
  const BytesView found = blob(get_, 0);
  value.assign(found.begin(), found.end());
  timestamp = Timestamp{sqlite3_column_int64(get_, 1)};
  return true;
}

Status TableFile::scan(detail::RowVisitor visit) {
  const Reset reset{scan_};
  if (Status status = seek({}); !status.ok()) return status;
  Change row;
  for (;;) {
    const Result<bool> found = step(row);
    if (!found.ok() || !*found) return found.status();
    visit(row.key, row.value, row.timestamp);
  }
}

Status TableFile::seek(BytesView from) {
  sqlite3_reset(scan_);
  const int bound = sqlite3_bind_blob64(scan_, 1, from.empty() ? "" : static_cast<const void*>(from.data()), from.size(), SQLITE_TRANSIENT);
  return bound == SQLITE_OK ? Status{} : problem("read rows");
}

Result<bool> TableFile::step(Change& row) {
  const int step = sqlite3_step(scan_);
  if (step == SQLITE_DONE) return false;
  if (step != SQLITE_ROW) return problem("read rows");
  row = {blob(scan_, 0), blob(scan_, 1), Timestamp{sqlite3_column_int64(scan_, 2)}};
  return true;
}

Status TableFile::end_read() { return run("COMMIT"); }

Result<CommitNumber> TableFile::begin_read() {
  if (auto status = run("BEGIN"); !status.ok()) return status;
  Result<FilePosition> at = position();
  if (!at.ok()) return at.status();
  return at->commit;
}

Status TableFile::scan_keys(detail::FunctionRef<bool(BytesView key)> visit) {
  const Once statement = prepare_once(db_, "SELECT k FROM rows");
  int step = statement == nullptr ? SQLITE_ERROR : SQLITE_ROW;
  while (step == SQLITE_ROW && (step = sqlite3_step(statement.get())) == SQLITE_ROW) {
    if (!visit(blob(statement.get(), 0))) return {};
  }
  return step == SQLITE_DONE ? Status{} : problem("read keys");
}

Status TableFile::delete_expired(std::uint64_t first_segment) {
  if (first_segment <= first_segment_) return {};
  Bytes first;
  for (int shift = 56; shift >= 0; shift -= 8) first.push_back(static_cast<std::byte>(first_segment >> shift));
  const Once statement = prepare_once(db_, "DELETE FROM rows WHERE k<?1");
  if (statement == nullptr) return problem("delete expired rows");
  bind_blob(statement.get(), 1, first);
  if (sqlite3_step(statement.get()) != SQLITE_DONE) return problem("delete expired rows");
  reached("state: checkpoint: expired rows deleted");
  return {};
}

Status TableFile::put_rows(const SortedChanges& changes, const FilePosition& position) {
  if (auto status = delete_expired(position.first_segment); !status.ok()) return status;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Change change = changes[i];
    if (position.first_segment != 0 && KeyOrder::segment_of(change.key) < position.first_segment) continue;
    auto* statement = change.tombstone() ? erase_ : put_;
    const Reset reset{statement};
    bind_blob(statement, 1, change.key);
    if (!change.tombstone()) {
      bind_blob(statement, 2, change.value);
      sqlite3_bind_int64(statement, 3, change.timestamp.milliseconds());
    }
    if (sqlite3_step(statement) != SQLITE_DONE) return problem("write row");
    if (i + 1 == changes.size() / 2) reached("state: checkpoint: half of the rows");
  }
  reached("state: checkpoint: before the position");
  const Reset reset{write_meta_};
  sqlite3_bind_int64(write_meta_, 1, position.changelog);
  sqlite3_bind_int64(write_meta_, 2, position.commit);
  bind_blob(write_meta_, 3, position.mark.data(), position.mark.size());
  return sqlite3_step(write_meta_) == SQLITE_DONE ? Status{} : problem("write position");
}

Status TableFile::write(const SortedChanges& changes, const FilePosition& position) {
  return in_transaction([&] {
    auto status = put_rows(changes, position);
    if (status.ok()) reached("state: checkpoint: before COMMIT");
    return status;
  });
}

Status TableFile::in_transaction(detail::FunctionRef<Status()> work) {
  if (auto status = run("BEGIN IMMEDIATE"); !status.ok()) return status;
  auto status = work();
  if (status.ok()) status = run("COMMIT");
  // A failed COMMIT may have left the transaction open, or rolled it back already.
  if (!status.ok() && sqlite3_get_autocommit(db_) == 0) (void)run("ROLLBACK");
  return status;
}

Status TableFile::create() {
  const std::string pragmas =
      "PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA application_id=" + std::to_string(application_id) +
      "; PRAGMA user_version=" + std::to_string(format_version);
  const std::string view = create_view_sql(file_.store, file_.key_schema, file_.value_schema);
  for (const char* sql : {pragmas.c_str(), tables_sql, view.c_str()}) {
    if (auto status = run(sql); !status.ok()) return status;
  }
  const Once statement = prepare_once(db_, "INSERT INTO meta VALUES(1,?1,?2,?3,?4,?5,?6,0,0,x'')");
  if (statement == nullptr) return problem("write owner");
  bind_text(statement.get(), 1, file_.store);
  bind_text(statement.get(), 2, file_.application);
  sqlite3_bind_int(statement.get(), 3, file_.partition);
  bind_text(statement.get(), 4, file_.key_schema);
  bind_text(statement.get(), 5, file_.value_schema);
  bind_text(statement.get(), 6, file_.lineage);
  return sqlite3_step(statement.get()) == SQLITE_DONE ? Status{} : problem("write owner");
}

Status TableFile::build(const StoreFile& file, const SortedChanges& changes, const FilePosition& position) {
  const std::string fresh = file.path + ".new";
  if (auto status = remove_file(fresh); !status.ok()) return status;
  {
    TableFile table{file};
    if (auto status = table.connect(fresh, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE); !status.ok()) return status;
    if (auto status = table.create(); !status.ok()) return status;
    if (auto status = table.prepare(); !status.ok()) return status;
    if (auto status = table.run("BEGIN"); !status.ok()) return status;
    if (auto status = table.put_rows(changes, position); !status.ok()) return status;
    reached("state: build: before COMMIT");
    if (auto status = table.run("COMMIT"); !status.ok()) return status;
  }
  reached("state: build: before fsync");
  const auto synced = [&](const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) return false;
    const bool done = ::fsync(fd) == 0;
    return ::close(fd) == 0 && done;
  };
  if (!synced(fresh, O_RDONLY)) return system_problem(file, fresh, "fsync");
  reached("state: build: before rename");
  // Frames of another file's WAL would be taken for this one's.
  if (auto status = remove_file(file.path); !status.ok()) return status;
  if (std::rename(fresh.c_str(), file.path.c_str()) != 0) return system_problem(file, fresh, "rename");
  reached("state: build: after rename");
  const auto directory = std::filesystem::path{file.path}.parent_path().string();
  if (!synced(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY)) return system_problem(file, directory, "fsync");
  return {};
}

Status remove_file(const std::string& path) {
  for (const char* suffix : {"-wal", "-shm", "-journal", ""}) {
    std::error_code error;
    std::filesystem::remove(path + suffix, error);
    if (error) return {Code::failed_precondition, "file " + path + suffix + ": can't be removed: " + error.message(), path};
  }
  return {};
}

}  // namespace klamm::inline v0::state
