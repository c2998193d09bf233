#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <vector>

#include "shadow.hpp"

using namespace klamm;
using namespace klamm::testing;

namespace {

/// A value with a heap of its own.
struct Basket {
  std::vector<std::string> items;
  std::int64_t total = 0;
  friend bool operator==(const Basket&, const Basket&) = default;
};

}  // namespace

template <> struct klamm::serde<Basket> {
  static void encode(const Basket& basket, Bytes& out) {
    serde<std::int64_t>::encode(basket.total, out);
    for (const auto& item : basket.items) {
      serde<std::uint32_t>::encode(static_cast<std::uint32_t>(item.size()), out);
      serde<std::string>::encode(item, out);
    }
  }
  static std::size_t heap_bytes(const Basket& basket) { return detail::heap_bytes(basket.items); }
  static Decoded decode(BytesView in, Basket& slot) {
    slot.items.clear();
    if (in.size() < 8) return malformed("too short");
    (void)serde<std::int64_t>::decode(in.first(8), slot.total);
    for (in = in.subspan(8); !in.empty();) {
      std::uint32_t size = 0;
      if (in.size() < 4) return malformed("too short");
      (void)serde<std::uint32_t>::decode(in.first(4), size);
      if (in.size() - 4 < size) return malformed("too short");
      slot.items.push_back(text(in.subspan(4, size)));
      in = in.subspan(4 + size);
    }
    return {};
  }
};

namespace {

using Random = std::mt19937_64;

void next(std::int64_t& value, Random& random) { value += static_cast<std::int64_t>(random() % 100); }
void next(std::string& value, Random& random) {
  value += std::string(random() % 12, static_cast<char>('a' + random() % 26));
  if (value.size() > 100) value.clear();
}
void next(Basket& value, Random& random) {
  value.total += 1;
  value.items.emplace_back(random() % 40, 'x');
  if (value.items.size() > 5) value.items.erase(value.items.begin());
}

std::map<std::string, std::string> values_of(const Table& table) {
  std::map<std::string, std::string> values;
  for (const auto& [key, shown] : table) values[key] = shown.value;
  return values;
}

/// Does the same to a store and to its shadow, at random, and compares them.
template <class V> class Run {
 public:
  explicit Run(std::uint64_t seed, std::size_t budget = 0)
      : random_{seed}, executor_{seed % 2 == 0 ? ports::inline_executor() : ports::background_thread("checkpoint")} {
    file_ = file_at(seed % 5 == 4 ? "" : directory_ / "s.sqlite");
    file_.key_schema = file_.value_schema = "";
    file_.dirty_bytes = std::size_t{256} << random_() % 8;
    file_.memory_bytes = budget;
    if (budget != 0) keys_ = 4000, most_touches_ = 400;
    reopen();
  }

  void work(int steps) {
    for (int i = 0; i < steps; ++i) {
      for (auto n = random_() % most_touches_; n-- > 0;) touch();
      switch (random_() % 16) {
        case 0:
          abort();
          break;
        case 1:
          store_->checkpoint();
          break;
        case 2:
          REQUIRE(store_->flush().ok());
          break;
        case 3:
          reopen();
          break;
        case 4:
          REQUIRE(table_of(*store_) == shadow_.current());
          break;
        case 5:
          REQUIRE(table_of(*store_, Contents::committed) == shadow_.committed());
          REQUIRE(snapshot_of(*store_) == values_of(shadow_.committed()));
          break;
        default:
          commit();
          break;
      }
    }
    reopen();
    REQUIRE(table_of(*store_) == shadow_.current());
  }
  /// Works some more and erases all rows: what is counted then was counted wrongly.
  void empty() {
    for (int i = 0; i < 20; ++i) {
      for (auto n = random_() % most_touches_; n-- > 0;) touch();
      i % 4 == 0 ? abort() : commit();
    }
    for (std::uint64_t i = 0; i < 3 * keys_; ++i) {
      const std::string key = key_of(i % 3, i / 3);
      if (!shadow_.get(key)) continue;
      store_->erase(store_->change(bytes(key)));
      shadow_.erase(key);
    }
    for (int round = 0; round < 2; ++round) {
      const auto end = static_cast<std::int64_t>(log_.size()) + 100'000 + round;
      shadow_.begin_commit();
      REQUIRE(klamm::testing::commit(*store_, end).size() == shadow_.in_flight().size());
      shadow_.settle();
      REQUIRE(store_->flush().ok());
    }
    klamm::testing::commit(*store_, static_cast<std::int64_t>(log_.size()) + 200'000);
    REQUIRE(table_of(*store_).empty());
    REQUIRE(store_->size() == 0);
    REQUIRE(store_->figures().heap_bytes == 0);
  }
  [[nodiscard]] const Changelog& log() const { return log_; }
  /// Rows that left memory in all stores but the last.
  [[nodiscard]] std::uint64_t evicted() const { return evicted_; }

 private:
  static std::string key_of(std::uint64_t dashes, std::uint64_t number) {
    return "key-" + std::string(dashes * 8, '-') + std::to_string(number);
  }

  void touch() {
    const std::uint64_t dashes = random_() % 3;
    const std::string key = key_of(dashes, random_() % keys_);
    const auto expected = shadow_.get(key);
    if (random_() % 4 == 0) {
      const auto* row = store_->find(bytes(key));
      REQUIRE((row != nullptr) == expected.has_value());
      if (row != nullptr) REQUIRE((row->value == expected->value && row->timestamp.milliseconds() == expected->timestamp));
      return;
    }
    if (random_() % 4 == 0) return look_up(key);
    auto& row = store_->change(bytes(key));
    REQUIRE(row.present() == expected.has_value());
    REQUIRE(row.value == (expected ? expected->value : V{}));
    row.timestamp = Timestamp{++now_};
    if (random_() % 5 == 0) {
      store_->erase(row);
      shadow_.erase(key);
      return;
    }
    next(row.value, random_);
    row.set_present(true);
    shadow_.put(key, row.value, now_);
  }

  void look_up(const std::string& key) {
    const auto contents = random_() % 2 == 0 ? Contents::current : Contents::committed;
    const auto expected = shadow_.get(key, contents);
    Timestamp timestamp;
    REQUIRE(store_->get(contents, bytes(key), value_, timestamp) == expected.has_value());
    if (expected) REQUIRE((text(value_) == encoded(expected->value) && timestamp.milliseconds() == expected->timestamp));
  }

  void abort() {
    store_->abort();
    shadow_.abort();
    REQUIRE(table_of(*store_) == shadow_.current());
  }

  void commit() {
    Changelog drained;
    Table table;
    store_->begin_commit();
    shadow_.begin_commit();
    const auto sink = [&](BytesView key, BytesView value, Timestamp timestamp) {
      Table one;
      show(one, key, value, timestamp);
      drained.push_back({one.begin()->first, one.begin()->second});
      if (one.begin()->second.tombstone) one.begin()->second.timestamp = 0;
      REQUIRE(table.insert(*one.begin()).second);
    };
    while (!store_->drain(1 + random_() % 20, sink)) {
      for (auto n = random_() % 5; n-- > 0;) touch();  // the next generation begins
    }
    REQUIRE(table == shadow_.in_flight());
    for (auto n = random_() % 30; n-- > 0;) touch();
    if (random_() % 8 == 0) return abort();
    log_.insert(log_.end(), drained.begin(), drained.end());
    REQUIRE(store_->settle(static_cast<std::int64_t>(log_.size())).ok());
    shadow_.settle();
  }

  /// With the file closed in order, left as in a crash, or lost.
  void reopen() {
    if (store_ != nullptr) evicted_ += store_->figures().evicted;
    if (store_ != nullptr && random_() % 2 == 0) REQUIRE(store_->close().ok());
    store_ = std::make_unique<Store<V>>();
    if (random_() % 6 == 0) std::filesystem::remove_all(file_.path);
    shadow_.abort();
    REQUIRE(open_and_replay(*store_, file_, *executor_, log_).ok());
  }

  TempDirectory directory_;
  Random random_;
  std::unique_ptr<ports::Executor> executor_;
  StoreFile file_;
  std::unique_ptr<Store<V>> store_;
  Shadow<V> shadow_;
  Changelog log_;
  std::int64_t now_ = 0;
  std::uint64_t keys_ = 300, most_touches_ = 60, evicted_ = 0;
  Bytes value_;
};

}  // namespace

TEST_CASE_TEMPLATE("a store does what a naive one does: changes, commits in slices, aborts, checkpoints, restarts", V, std::int64_t,
                   std::string, Basket) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    Run<V> run{seed};
    run.work(120);
    CHECK(run.log().size() > 500);
  }
}

TEST_CASE_TEMPLATE("a store with a small budget does what a naive one does", V, std::int64_t, std::string, Basket) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    Run<V> run{seed, std::size_t{64} << 10};
    run.work(100);
    if (seed % 5 != 4) CHECK(run.evicted() > 100);  // else it has no file
    run.empty();
  }
}
