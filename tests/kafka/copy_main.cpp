#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "kafka/kafka.hpp"
#include "log/partitioner.hpp"

// A program around the log port alone, for tests/kafka/tasks.py and clients.py to start, kill and freeze:
//
//     kafka_copy copy BROKERS GROUP NAME SESSION_MS OUT IN...   copies the partitions it is given, each record once, until SIGTERM
//     kafka_copy feed BROKERS RATE PARTITIONS TOPIC...          numbers, RATE a second into each topic, until SIGTERM
//     kafka_copy create BROKERS PARTITIONS TOPIC...
//     kafka_copy keys BROKERS PARTITIONS TOPIC                  a record for each line of stdin, in the partition of its key

namespace klamm::rdkafka {
namespace {

using log::TopicPartition;

std::atomic<bool> ending{false};

[[noreturn]] void die(const Status& status) {
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}
void must(const Status& status) {
  if (!status.ok()) die(status);
}
template <class T> T must(Result<T> result) {
  if (!result.ok()) die(result.status());
  return *std::move(result);
}

BytesView bytes(const std::string& text) { return std::as_bytes(std::span{text}); }

void say(const std::string& event) {
  const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::printf("%.3f %s\n", now, event.c_str());
  std::fflush(stdout);
}

std::unique_ptr<log::Log> connect(const std::string& brokers, const std::string& name, const char* session_ms = "6000") {
  return must(open_kafka({.brokers = brokers,
                          .application_id = "copy",
                          .instance = name,
                          .session_timeout = Duration{std::atoi(session_ms)},
                          .transaction_timeout = Duration{6'000},
                          .log_sink = [](Level level, std::string_view text) {
                            if (level >= Level::warning) std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
                          }}));
}

/// Task p reads partition p of all inputs. One thread does everything.
class Copier final : log::GroupListener {
 public:
  Copier(log::Log& log, std::string group, const std::string& name, const std::string& out, std::vector<std::string> inputs)
      : log_{log}, group_{std::move(group)}, inputs_{std::move(inputs)} {
    producer_ = must(log_.producer(group_ + '-' + name, Guarantee::exactly_once, nullptr));
    out_ = must(producer_->topic(out));
    member_ = must(log_.join(group_, {inputs_.front()}, *this));
  }

  void run() {
    while (!ending) {
      must(member_->poll());
      open_tasks();
      if (!step()) std::this_thread::sleep_for(std::chrono::milliseconds{5});
      advance_commit();
    }
    settle();
    tasks_.clear();
    member_.reset();
    say("left");
  }

 private:
  using Task = std::vector<std::unique_ptr<log::Reader>>;

  void assigned(std::span<const TopicPartition> partitions) override {
    for (const auto& tp : partitions) {
      say("assigned " + std::to_string(tp.partition));
      tasks_[tp.partition];
    }
  }
  void revoked(std::span<const TopicPartition> partitions) override {
    settle();
    drop(partitions, "revoked ");
  }
  void lost(std::span<const TopicPartition> partitions) override {
    drop(partitions, "lost ");
    finish_commit();
    producer_->abort();
    go_back();
  }
  void drop(std::span<const TopicPartition> partitions, const char* how) {
    for (const auto& tp : partitions) {
      say(how + std::to_string(tp.partition));
      tasks_.erase(tp.partition);
    }
  }

  [[nodiscard]] std::vector<TopicPartition> inputs_of(log::Partition partition) const {
    std::vector<TopicPartition> all;
    for (const auto& input : inputs_) all.push_back({input, partition});
    return all;
  }

  // Not before the offsets can be read: a dead owner's transaction may still be open.
  void open_tasks() {
    for (auto& [partition, task] : tasks_) {
      if (!task.empty()) continue;
      const auto partitions = inputs_of(partition);
      const auto committed = log_.committed(group_, partitions);
      if (!committed.ok()) {
        if (committed.status().code() != Code::unavailable) die(committed.status());
        continue;
      }
      for (std::size_t i = 0; i < partitions.size(); ++i)
        task.push_back(must(log_.reader(partitions[i], (*committed)[i] ? (*committed)[i]->offset : 0, nullptr)));
      say("opened " + std::to_string(partition));
    }
  }

  bool step() {
    if (producer_->pending_bytes() > 4'000'000) return false;
    std::size_t taken = 0;
    for (auto& [partition, task] : tasks_) {
      for (std::size_t i = 0; i < task.size(); ++i) {
        taken += must(task[i]->poll(500, [&, p = partition](std::span<const RawMessage> run) {
          for (const RawMessage& message : run) {
            const std::string from = inputs_[i] + '/' + std::to_string(p) + '/' + std::to_string(message.offset);
            producer_->append(out_, p, bytes(from), message.value, message.timestamp, {});
          }
          return run.size();
        }));
      }
    }
    dirty_ = dirty_ || taken != 0;
    return taken != 0;
  }

  void advance_commit() {
    if (stage_ == Stage::open) {
      if (!dirty_) return;
      dirty_ = false;
      offsets_.clear();
      for (const auto& [partition, task] : tasks_) {
        for (std::size_t i = 0; i < task.size(); ++i) offsets_.push_back({{inputs_[i], partition}, {task[i]->position(), "mark"}});
      }
      producer_->prepare();
      stage_ = Stage::preparing;
    } else if (stage_ == Stage::preparing) {
      if (const auto prepared = producer_->prepared()) prepared->status.ok() ? begin_commit() : failed(prepared->status);
    } else if (const auto ended = producer_->poll()) {
      stage_ = Stage::open;
      if (!ended->status.ok()) failed(ended->status);
    }
  }
  void begin_commit() {
    producer_->commit(group_, std::move(offsets_), {});
    stage_ = Stage::committing;
  }
  void failed(const Status& status) {
    if (status.code() != Code::aborted) die(status);
    say("aborted: " + status.message());
    stage_ = Stage::open;
    go_back();
  }
  void go_back() {
    dirty_ = false;
    for (auto& [partition, task] : tasks_) task.clear();  // opened again at what is committed
  }
  void finish_commit() {
    while (stage_ != Stage::open) {
      advance_commit();
      std::this_thread::sleep_for(std::chrono::milliseconds{1});
    }
  }
  // All that was read is committed, or the tasks have gone back.
  void settle() {
    finish_commit();
    advance_commit();
    finish_commit();
  }

  log::Log& log_;
  const std::string group_;
  const std::vector<std::string> inputs_;
  std::unique_ptr<log::Producer> producer_;
  std::unique_ptr<log::Member> member_;
  log::Producer::Topic out_ = 0;
  std::map<log::Partition, Task> tasks_;
  enum class Stage : unsigned char { open, preparing, committing } stage_ = Stage::open;
  std::vector<log::OffsetCommit> offsets_;
  bool dirty_ = false;
};

void copy(char** arguments, int count) {
  const auto log = connect(arguments[0], arguments[2], arguments[3]);
  Copier{*log, arguments[1], arguments[2], arguments[4], {arguments + 5, arguments + count}}.run();
}

void feed(char** arguments, int count) {
  const auto log = connect(arguments[0], "feed");
  const int rate = std::atoi(arguments[1]), partitions = std::atoi(arguments[2]);
  std::vector<std::unique_ptr<log::Inlet>> inlets;
  for (int i = 3; i < count; ++i) inlets.push_back(must(log->inlet(arguments[i], "")));
  long sent = 0;
  const auto start = std::chrono::steady_clock::now();
  while (!ending) {
    const auto due = static_cast<long>(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() * rate);
    // Of today: what is older than producer.id.expiration.ms (a day) has lost its idempotence when a broker comes back from a crash.
    const Timestamp now{std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
    for (; sent < due; ++sent) {
      const std::string value = std::to_string(sent);
      for (const auto& inlet : inlets)
        must(inlet->send(static_cast<log::Partition>(sent % partitions), {}, bytes(value), now, {}, std::nullopt));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  }
  for (const auto& inlet : inlets) must(inlet->flush());
  say("sent " + std::to_string(sent));
}

void create(char** arguments, int count) {
  const auto log = connect(arguments[0], "create");
  for (int i = 2; i < count; ++i) {
    const log::TopicState topic{.name = arguments[i], .partitions = std::atoi(arguments[1]), .owner = log::Owner::application};
    must(log->create(std::span{&topic, 1}));
  }
}

void keys(char** arguments) {
  const auto log = connect(arguments[0], "keys");
  const log::Partition partitions = std::atoi(arguments[1]);
  const auto inlet = must(log->inlet(arguments[2], ""));
  char line[4096];
  while (std::fgets(line, sizeof line, stdin) != nullptr) {
    std::string key{line};
    while (!key.empty() && key.back() == '\n') key.pop_back();
    must(inlet->send(log::partition_of(bytes(key), partitions), bytes(key), std::as_bytes(std::span{"v", 1}), Timestamp{1}, {},
                     std::nullopt));
  }
  must(inlet->flush());
}

}  // namespace
}  // namespace klamm::rdkafka

int main(int count, char** arguments) {
  ::signal(SIGTERM, [](int) { klamm::rdkafka::ending = true; });
  const std::string command = count > 2 ? arguments[1] : "";
  if (command == "copy" && count > 7) {
    klamm::rdkafka::copy(arguments + 2, count - 2);
  } else if (command == "feed" && count > 5) {
    klamm::rdkafka::feed(arguments + 2, count - 2);
  } else if (command == "create" && count > 4) {
    klamm::rdkafka::create(arguments + 2, count - 2);
  } else if (command == "keys" && count == 5) {
    klamm::rdkafka::keys(arguments + 2);
  } else {
    std::fprintf(stderr, "see copy_main.cpp\n");
    return 2;
  }
  return 0;
}
