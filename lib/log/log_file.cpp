#include "log/log_file.hpp"

#include <utility>

#include "ports/fault.hpp"

namespace klamm::inline v0::log {
namespace {

constexpr std::int64_t application_mark = 0x6b6c616d;  // "klam": tells our files from other SQLite files
constexpr std::int64_t page_size = 8192;

constexpr const char* schema =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE topics(name TEXT PRIMARY KEY, partitions INTEGER NOT NULL, cleanup TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE partitions(id INTEGER PRIMARY KEY AUTOINCREMENT, topic TEXT NOT NULL, partition INTEGER NOT NULL,"
    " begin_offset INTEGER NOT NULL DEFAULT 0, end_offset INTEGER NOT NULL DEFAULT 0, records INTEGER NOT NULL DEFAULT 0,"
    " live INTEGER NOT NULL DEFAULT 0, clean INTEGER NOT NULL DEFAULT 0, seen INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE committed(group_id TEXT, topic TEXT, partition INTEGER, position INTEGER NOT NULL, metadata BLOB NOT NULL,"
    " PRIMARY KEY(group_id, topic, partition)) WITHOUT ROWID;"
    "CREATE TABLE feeders(feeder TEXT PRIMARY KEY, position INTEGER NOT NULL) WITHOUT ROWID;";

std::string table(std::int64_t partition) { return "records_" + std::to_string(partition); }

BytesView bytes_of(std::string_view text) { return std::as_bytes(std::span{text.data(), text.size()}); }

int note_wal_pages(void* wal_pages, sqlite3*, const char*, int pages) {
  *static_cast<int*>(wal_pages) = pages;
  return SQLITE_OK;
}

}  // namespace

Status LogFile::open(const Options& options) {
  path_ = options.directory + '/' + name;
  if (Status status = db_.open(path_, Database::Access::write); !status.ok()) return status;
  for (const char* sql : {"PRAGMA page_size=8192", "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA cache_size=-4096",
                          "PRAGMA wal_autocheckpoint=0", "PRAGMA journal_size_limit=67108864"}) {
    if (Status status = db_.run(sql); !status.ok()) return status;
  }
  sqlite3_wal_hook(db_.handle(), note_wal_pages, &wal_pages_);
  auto mark = db_.integer("PRAGMA application_id");
  auto version = db_.integer("PRAGMA user_version");
  auto tables = db_.integer("SELECT count(*) FROM sqlite_schema");
  for (const auto* result : {&mark, &version, &tables}) {
    if (!result->ok()) return result->status();
  }
  if (*mark == 0 && *version == 0 && *tables == 0) {
    if (Status status = create_schema(options); !status.ok()) return status;
  } else if (*mark != application_mark) {
    return {Code::failed_precondition, "log \"" + path_ + "\": is a database of another program: use another directory", path_};
  } else if (*version > format_version) {
    return {Code::failed_precondition,
            "log \"" + path_ + "\": has format " + std::to_string(*version) + ", written by a newer klamm (this one knows formats up to " +
                std::to_string(format_version) + "): run the newer one, or use another directory",
            path_};
  }
  if (Status status = check_application(options); !status.ok()) return status;
  if (options.max_bytes) {
    const std::string limit = "PRAGMA max_page_count=" + std::to_string(std::max<std::int64_t>(1, *options.max_bytes / page_size));
    if (Status status = db_.run(limit.c_str()); !status.ok()) return status;
  }
  for (auto [sql, statement] :
       {std::pair{"BEGIN IMMEDIATE", &begin_}, std::pair{"COMMIT", &commit_}, std::pair{"ROLLBACK", &rollback_},
        std::pair{"UPDATE partitions SET begin_offset=?2, end_offset=?3, records=?4, live=?5, clean=?6, seen=?7 WHERE id=?1", &save_},
        std::pair{"REPLACE INTO committed VALUES(?1,?2,?3,?4,?5)", &commit_offset_},
        std::pair{"REPLACE INTO feeders VALUES(?1,?2)", &feed_position_}, std::pair{"DELETE FROM committed WHERE group_id=?1", &forget_}}) {
    auto prepared = db_.prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return {};
}

Status LogFile::create_schema(const Options& options) {
  if (Status status = db_.run("BEGIN IMMEDIATE"); !status.ok()) return status;
  const auto write = [&]() -> Status {
    if (Status status = db_.run(schema); !status.ok()) return status;
    for (const auto& [key, value] :
         {std::pair{"application", options.application_id},
          std::pair{"partitions", std::to_string(options.default_partitions.value_or(options.new_directory_partitions))}}) {
      auto insert = db_.prepare("INSERT INTO meta VALUES(?1,?2)");
      if (!insert.ok()) return insert.status();
      insert->bind(1, std::string_view{key}).bind(2, std::string_view{value});
      if (Status status = db_.run(*insert); !status.ok()) return status;
    }
    const std::string marks = "PRAGMA application_id=" + std::to_string(application_mark) +
                              "; PRAGMA user_version=" + std::to_string(format_version) + "; COMMIT";
    return db_.run(marks.c_str());
  };
  Status status = write();
  if (!status.ok()) (void)db_.run("ROLLBACK");
  return status;
}

Result<std::string> LogFile::meta(const char* key) {
  auto select = db_.prepare("SELECT value FROM meta WHERE key=?1");
  if (!select.ok()) return select.status();
  select->bind(1, std::string_view{key});
  if (const int result = select->step(); result == SQLITE_ROW) return select->text(0);
  return Status{Code::data_loss, "log \"" + path_ + "\": does not say its " + key, path_};
}

Status LogFile::check_application(const Options& options) {
  auto application = meta("application");
  if (!application.ok()) return application.status();
  if (*application != options.application_id) {
    return {Code::failed_precondition,
            "directory \"" + options.directory + "\": belongs to application \"" + *application + "\", not to \"" + options.application_id +
                "\": use another directory",
            options.directory};
  }
  auto partitions = meta("partitions");
  if (!partitions.ok()) return partitions.status();
  default_partitions_ = static_cast<Partition>(std::strtol(partitions->c_str(), nullptr, 10));
  if (options.default_partitions.value_or(default_partitions_) != default_partitions_) {
    return {Code::failed_precondition,
            "directory \"" + options.directory + "\": was made with " + std::to_string(default_partitions_) + " partitions, not " +
                std::to_string(*options.default_partitions) + ": leave the count out, or use another directory",
            options.directory};
  }
  return {};
}

Result<std::vector<LogFile::StoredPartition>> LogFile::load() {
  const char* sql =
      "SELECT t.name, t.partitions, t.cleanup, p.partition, p.id, p.begin_offset, p.end_offset, p.records, p.live, p.clean, p.seen"
      " FROM topics t JOIN partitions p ON p.topic = t.name ORDER BY t.name, p.partition";
  auto select = db_.prepare(sql);
  if (!select.ok()) return select.status();
  std::vector<StoredPartition> all;
  int result = select->step();
  for (; result == SQLITE_ROW; result = select->step()) {
    StoredPartition one{};
    const std::string cleanup = select->text(2);
    one.topic = {select->text(0), static_cast<Partition>(select->integer(1)), cleanup == "compact" ? Cleanup::compact : Cleanup::keep};
    one.partition = static_cast<Partition>(select->integer(3));
    one.id = select->integer(4);
    one.bounds = {select->integer(5), select->integer(6)};
    one.upkeep = {.records = select->integer(7),
                  .live = select->integer(8),
                  .clean = select->integer(9),
                  .seen = select->integer(10),
                  .assigned = one.bounds.end};
    all.push_back(std::move(one));
  }
  if (result != SQLITE_DONE) return db_.problem(sql);
  return all;
}

Status LogFile::begin(std::size_t batches) {
  batches_until_half_ = (batches + 1) / 2;
  return db_.run(begin_);
}

Status LogFile::commit() { return db_.run(commit_); }

// Fails harmlessly when the error has ended the transaction by itself.
void LogFile::rollback() { (void)db_.run(rollback_); }

Status LogFile::checkpoint() {
  const int result = sqlite3_wal_checkpoint_v2(db_.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (result != SQLITE_OK && result != SQLITE_BUSY) return db_.problem("checkpoint");
  return {};
}

Result<LogFile::Rows*> LogFile::rows(std::int64_t partition) {
  if (const auto known = rows_.find(partition); known != rows_.end()) return &known->second;
  Rows rows;
  const std::string name_of_table = table(partition);
  for (auto [sql, statement] :
       {std::pair{"INSERT INTO " + name_of_table + " VALUES(?1,?2,?3,?4)", &rows.insert},
        std::pair{"DELETE FROM " + name_of_table + " WHERE base_offset=?1", &rows.erase},
        std::pair{"SELECT base_offset, next_offset, records FROM " + name_of_table + " ORDER BY base_offset LIMIT 1", &rows.oldest}}) {
    auto prepared = db_.prepare(sql);
    if (!prepared.ok()) return prepared.status();
    *statement = *std::move(prepared);
  }
  return &rows_.emplace(partition, std::move(rows)).first->second;
}

Status LogFile::insert(std::int64_t partition, const Batch& batch) {
  auto statements = rows(partition);
  if (!statements.ok()) return statements.status();
  Statement& insert = (*statements)->insert;
  insert.bind(1, batch.base_offset()).bind(2, batch.next_offset()).bind(3, std::int64_t{batch.count()}).bind(4, batch.bytes());
  if (Status status = db_.run(insert); !status.ok()) return status;
  if (batches_until_half_ != 0 && --batches_until_half_ == 0) ports::reached("log: after half of the rows");
  return {};
}

Status LogFile::erase(std::int64_t partition, Offset base) {
  auto statements = rows(partition);
  if (!statements.ok()) return statements.status();
  return db_.run((*statements)->erase.bind(1, base));
}

Result<std::optional<std::int64_t>> LogFile::erase_oldest(std::int64_t partition, Offset before) {
  auto statements = rows(partition);
  if (!statements.ok()) return statements.status();
  Statement& oldest = (*statements)->oldest;
  const int result = oldest.step();
  const Offset base = oldest.integer(0), next = oldest.integer(1);
  const std::int64_t records = oldest.integer(2);
  Status status = result == SQLITE_ROW || result == SQLITE_DONE ? Status{} : db_.problem("find the oldest batch");
  oldest.reset();
  if (!status.ok()) return status;
  if (result == SQLITE_DONE || next > before) return std::optional<std::int64_t>{};
  if (status = db_.run((*statements)->erase.bind(1, base)); !status.ok()) return status;
  return std::optional{records};
}

Status LogFile::save(const PartitionLog& partition, Offset begin) {
  const Upkeep& upkeep = partition.upkeep;
  save_.bind(1, partition.id()).bind(2, begin).bind(3, upkeep.assigned).bind(4, upkeep.records);
  save_.bind(5, upkeep.live).bind(6, upkeep.clean).bind(7, upkeep.seen);
  return db_.run(save_);
}

Status LogFile::commit_offset(const std::string& group, const OffsetCommit& offset) {
  commit_offset_.bind(1, std::string_view{group})
      .bind(2, std::string_view{offset.input.topic})
      .bind(3, std::int64_t{offset.input.partition});
  return db_.run(commit_offset_.bind(4, offset.committed.offset).bind(5, bytes_of(offset.committed.metadata)));
}

Status LogFile::feed_position(const FeedPosition& position) {
  return db_.run(feed_position_.bind(1, std::string_view{position.feeder}).bind(2, position.position));
}

Status LogFile::forget(const std::string& group) { return db_.run(forget_.bind(1, std::string_view{group})); }

Result<std::vector<std::int64_t>> LogFile::create(const TopicState& topic) {
  auto add_topic = db_.prepare("INSERT INTO topics VALUES(?1,?2,?3)");
  auto add_partition = db_.prepare("INSERT INTO partitions(topic, partition) VALUES(?1,?2)");
  if (!add_topic.ok()) return add_topic.status();
  if (!add_partition.ok()) return add_partition.status();
  add_topic->bind(1, std::string_view{topic.name}).bind(2, std::int64_t{topic.partitions});
  if (Status status = db_.run(add_topic->bind(3, std::string_view{compacts(topic.cleanup) ? "compact" : "keep"})); !status.ok()) {
    return status;
  }
  std::vector<std::int64_t> ids;
  for (Partition p = 0; p < topic.partitions; ++p) {
    if (Status status = db_.run(add_partition->bind(1, std::string_view{topic.name}).bind(2, std::int64_t{p})); !status.ok()) return status;
    ids.push_back(sqlite3_last_insert_rowid(db_.handle()));
    const std::string sql =
        "CREATE TABLE " + table(ids.back()) +
        "(base_offset INTEGER PRIMARY KEY, next_offset INTEGER NOT NULL, records INTEGER NOT NULL, batch BLOB NOT NULL)";
    if (Status status = db_.run(sql.c_str()); !status.ok()) return status;
  }
  return ids;
}

Status LogFile::remove(const std::string& topic, std::span<const std::shared_ptr<PartitionLog>> partitions) {
  for (const char* sql :
       {"DELETE FROM topics WHERE name=?1", "DELETE FROM partitions WHERE topic=?1", "DELETE FROM committed WHERE topic=?1"}) {
    auto statement = db_.prepare(sql);
    if (!statement.ok()) return statement.status();
    if (Status status = db_.run(statement->bind(1, std::string_view{topic})); !status.ok()) return status;
  }
  for (const auto& partition : partitions) {
    rows_.erase(partition->id());
    if (Status status = db_.run(("DROP TABLE " + table(partition->id())).c_str()); !status.ok()) return status;
  }
  return {};
}

}  // namespace klamm::inline v0::log
