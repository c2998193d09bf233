#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "klamm/detail/store.hpp"
#include "klamm/status.hpp"
#include "state/commit_batch.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace klamm::inline v0::state {

using detail::StoreFile;

/// What the file holds besides rows; written in the same transaction as they are.
struct FilePosition {
  std::int64_t changelog = 0;  ///< replay starts here
  CommitNumber commit = 0;     ///< newest commit inside
  std::string mark;
  std::uint64_t first_segment = 0;  ///< rows of segments before it are deleted; not read back
};

/// Appends the value of a row of an older schema as it is written now.
using Upgrade = std::function<Status(std::string_view schema, BytesView key, BytesView value, Bytes& out)>;

/// Who wrote a file, and for what.
struct FileOwner {
  std::string store, application, lineage, key_schema, value_schema;
  std::int32_t partition = 0;
};

/// One connection to a store's SQLite file, used by one thread at a time: the checkpoint writes, the task looks up rows that are
/// not in memory.
///
///     rows(k BLOB PRIMARY KEY, v BLOB, ts INTEGER) WITHOUT ROWID     by serialised key
///     meta(id = 1, store, application, …, changelog_offset, commit_number, mark)     the position that belongs to exactly these rows
///     a view named as the store (store_view.hpp)                     keys and values of built-in types, readable
///
/// `application_id` is "klmm", `user_version` the format's. A file appears at its path whole, by `build`.
class TableFile {
 public:
  static constexpr std::int32_t application_id = 0x6b6c'6d6d;
  static constexpr std::int32_t format_version = 1;
  enum class Access : unsigned char { write, read };

  /// Opens a file that is there; `data_loss` when it is damaged.
  static Result<std::unique_ptr<TableFile>> open(const StoreFile& file, Access access);
  ~TableFile();
  TableFile(const TableFile&) = delete;
  TableFile& operator=(const TableFile&) = delete;

  /// Memory that one connection takes at most for its pages.
  static std::size_t cache_bytes(const StoreFile& file);

  Result<FilePosition> position();
  Result<FileOwner> owner();
  /// Writes the types of the store where the file, whose owner is given, knows none.
  Status adopt_types(const FileOwner& owner);
  /// Rewrites all values, whose type was `old_schema`, and the type, in one transaction: how many. Nothing is written when one fails.
  Result<std::int64_t> upgrade_values(const std::string& old_schema, const Upgrade& upgrade);
  /// `data_loss` when SQLite finds pages that contradict each other.
  Status check();

  /// Copies the value of `key` into `value`; false when there is none.
  Result<bool> get(BytesView key, Bytes& value, Timestamp& timestamp);
  /// Calls `visit` for all rows in key order.
  Status scan(detail::RowVisitor visit);
  /// Goes before the row of `from`, or of the next key; `step` takes one row after the other, in key order. False behind the last.
  /// A row is valid until the next step.
  Status seek(BytesView from);
  Result<bool> step(Change& row);
  /// Begins a read transaction, and tells which commit is the newest in it. Without one each call is a transaction of its own, with locks
  /// that cost as much as the look-up.
  Result<CommitNumber> begin_read();
  Status end_read();
  /// The same for the keys alone, until `visit` returns false.
  Status scan_keys(detail::FunctionRef<bool(BytesView key)> visit);

  /// Writes `changes` and the position in one transaction, or nothing.
  Status write(const SortedChanges& changes, const FilePosition& position);

  /// Writes a new file by one sorted append without journal, then fsync and rename: all or nothing. Nobody may have the old one open.
  static Status build(const StoreFile& file, const SortedChanges& changes, const FilePosition& position);

 private:
  explicit TableFile(const StoreFile& file) : file_{file} {}
  Status connect(const std::string& path, int flags);
  Status prepare();
  Status create();
  Status run(const char* sql);
  /// Does all of `work` in one transaction, or nothing of it.
  Status in_transaction(detail::FunctionRef<Status()> work);
  Status write_types(const std::string& key_schema, const std::string& value_schema);
  Status put_rows(const SortedChanges& changes, const FilePosition& position);
  Status delete_expired(std::uint64_t first_segment);
  Status only_row(sqlite3_stmt* statement, const char* doing);
  Status problem(const char* doing);

  const StoreFile file_;
  std::string path_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt* get_ = nullptr;
  sqlite3_stmt* put_ = nullptr;
  sqlite3_stmt* erase_ = nullptr;
  sqlite3_stmt* scan_ = nullptr;
  sqlite3_stmt* write_meta_ = nullptr;
  std::uint64_t first_segment_ = 0;  // segments before it have been deleted by this connection
};

/// Removes a store's file with all that belongs to it. No error when nothing is there.
Status remove_file(const std::string& path);

}  // namespace klamm::inline v0::state
