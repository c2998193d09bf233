#include "log/log_file_reader.hpp"

namespace klamm::inline v0::log {
namespace {

constexpr std::size_t idle_connections = 4, most_statements = 256;

Status damaged(const PartitionLog& partition, Offset offset, const std::string& why) {
  const std::string name = to_string(partition.name());
  return {Code::data_loss, "partition " + name + ": offset " + std::to_string(offset) + ": " + why, name};
}

}  // namespace

Result<LogFileReader::Lease> LogFileReader::lease() {
  const auto give_back = [this](Connection* connection) {
    std::unique_ptr<Connection> owned{connection};
    if (owned->select.size() > most_statements) owned->select.clear();
    const std::lock_guard lock{mutex_};
    if (idle_.size() < idle_connections) idle_.push_back(std::move(owned));
  };
  {
    const std::lock_guard lock{mutex_};
    if (!idle_.empty()) {
      Lease taken{idle_.back().release(), give_back};
      idle_.pop_back();
      return taken;
    }
  }
  auto fresh = std::make_unique<Connection>();
  if (Status status = fresh->db.open(path_, Database::Access::read); !status.ok()) return status;
  for (const char* sql : {"PRAGMA cache_size=-1024", "PRAGMA synchronous=FULL", "PRAGMA wal_autocheckpoint=0"}) {
    if (Status status = fresh->db.run(sql); !status.ok()) return status;
  }
  return Lease{fresh.release(), give_back};
}

Result<BatchPtr> LogFileReader::load(const PartitionLog& partition, Offset position) {
  auto connection = lease();
  if (!connection.ok()) return connection.status();
  Database& db = (*connection)->db;
  auto found = (*connection)->select.find(partition.id());
  if (found == (*connection)->select.end()) {
    // The batch that begins last at or before the position contains it, unless it stands in a gap or at the end.
    const std::string table = "records_" + std::to_string(partition.id());
    auto prepared = db.prepare("SELECT base_offset, batch FROM " + table +
                               " WHERE base_offset >= ifnull((SELECT base_offset FROM (SELECT base_offset, next_offset FROM " + table +
                               " WHERE base_offset <= ?1 ORDER BY base_offset DESC LIMIT 1) WHERE next_offset > ?1), ?1)"
                               " ORDER BY base_offset LIMIT 1");
    if (!prepared.ok()) return prepared.status();
    found = (*connection)->select.emplace(partition.id(), *std::move(prepared)).first;
  }
  Statement& select = found->second;
  const int result = select.bind(1, position).step();
  Result<BatchPtr> batch = BatchPtr{};
  if (result == SQLITE_ROW) {
    const Offset base = select.integer(0);
    auto copy = Batch::copy(select.blob(1));
    if (Status status = copy->check(); !status.ok()) {
      batch = damaged(partition, base, status.message());
    } else if (copy->base_offset() != base) {
      batch = damaged(partition, base, "the batch says that it begins at " + std::to_string(copy->base_offset()));
    } else {
      batch = BatchPtr{std::move(copy)};
    }
  } else if (result != SQLITE_DONE) {
    const Status status = db.problem("read");
    batch = status.code() == Code::data_loss ? damaged(partition, position, status.message()) : status;
  }
  select.reset();
  return batch;
}

Result<std::vector<std::optional<Committed>>> LogFileReader::committed(const std::string& group,
                                                                       std::span<const TopicPartition> partitions) {
  auto connection = lease();
  if (!connection.ok()) return connection.status();
  // One transaction, so that all positions are those of one commit.
  Database& db = (*connection)->db;
  auto select = db.prepare("SELECT position, metadata FROM committed WHERE group_id=?1 AND topic=?2 AND partition=?3");
  if (!select.ok()) return select.status();
  if (Status status = db.run("BEGIN"); !status.ok()) return status;
  Status failed;
  std::vector<std::optional<Committed>> all(partitions.size());
  for (std::size_t i = 0; i < partitions.size() && failed.ok(); ++i) {
    const TopicPartition& tp = partitions[i];
    select->bind(1, std::string_view{group}).bind(2, std::string_view{tp.topic}).bind(3, std::int64_t{tp.partition});
    const int result = select->step();
    if (result == SQLITE_ROW) {
      const BytesView metadata = select->blob(1);
      all[i] = Committed{select->integer(0), {reinterpret_cast<const char*>(metadata.data()), metadata.size()}};
    } else if (result != SQLITE_DONE) {
      failed = db.problem("read committed offsets");
    }
    select->reset();
  }
  if (Status status = db.run("COMMIT"); failed.ok()) failed = status;
  if (!failed.ok()) return failed;
  return all;
}

Result<std::optional<std::int64_t>> LogFileReader::feed_position(const std::string& feeder) {
  auto connection = lease();
  if (!connection.ok()) return connection.status();
  Database& db = (*connection)->db;
  auto select = db.prepare("SELECT position FROM feeders WHERE feeder=?1");
  if (!select.ok()) return select.status();
  const int result = select->bind(1, std::string_view{feeder}).step();
  if (result == SQLITE_ROW) return std::optional{select->integer(0)};
  if (result != SQLITE_DONE) return db.problem("read a feeder's position");
  return std::optional<std::int64_t>{};
}

Status LogFileReader::checkpoint() {
  auto connection = lease();
  if (!connection.ok()) return connection.status();
  Database& db = (*connection)->db;
  const int result = sqlite3_wal_checkpoint_v2(db.handle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (result != SQLITE_OK && result != SQLITE_BUSY) return db.problem("checkpoint");
  return {};
}

}  // namespace klamm::inline v0::log
