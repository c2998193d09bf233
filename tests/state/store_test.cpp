#include <doctest/doctest.h>

#include <stdexcept>

#include "support.hpp"

using namespace klamm;
using namespace klamm::testing;

namespace {

const std::string one = encoded<std::int64_t>(1), two = encoded<std::int64_t>(2), three = encoded<std::int64_t>(3);

bool away = false;

struct Picky {
  std::string value;
};

}  // namespace

template <> struct klamm::serde<Picky> {
  static Encoded encode(const Picky& picky, Bytes& out) {
    if (picky.value == "throw") throw std::runtime_error("no");
    detail::append(out, "half of it", 4);
    if (picky.value == "bad") return unencodable("it is bad");
    detail::append(out, picky.value.data(), picky.value.size());
    return {};
  }
  static Decoded decode(BytesView in, Picky& slot) {
    if (in.size() < 4) return malformed("too short");
    if (text(in) == "away" && away) return unavailable("the registry is away");
    slot.value = text(in.subspan(4));
    return {};
  }
};

TEST_CASE("a changed row is found, an erased one is not") {
  Store<std::int64_t> store;
  CHECK(store.find(bytes("a")) == nullptr);
  put<std::int64_t>(store, "a", 1, 10);
  put<std::int64_t>(store, "", 2, 20);
  REQUIRE(store.find(bytes("a")) != nullptr);
  CHECK(store.find(bytes("a"))->value == 1);
  CHECK(store.find(bytes("a"))->timestamp == Timestamp{10});
  CHECK(store.find(bytes(""))->value == 2);
  erase(store, "a");
  CHECK(store.find(bytes("a")) == nullptr);
  auto& row = store.change(bytes("a"));
  CHECK(!row.present());
  CHECK(row.value == 0);
}

TEST_CASE("a commit hands on each touched row once, with its newest value and timestamp") {
  Store<std::int64_t> store;
  put<std::int64_t>(store, "a", 7, 1);
  put<std::int64_t>(store, "a", 1, 2);
  put<std::int64_t>(store, "b", 2, 3);
  put<std::int64_t>(store, "came and went", 9, 4);
  erase(store, "came and went");
  CHECK(commit(store, 2) == Table{{"a", {one, 2}}, {"b", {two, 3}}});
  auto& row = store.change(bytes("b"));
  row.timestamp = Timestamp{8};
  store.erase(row);
  CHECK(commit(store, 3) == Table{{"b", {"", 8, true}}});
  CHECK(commit(store, 3).empty());
  CHECK(store.position() == 3);
  CHECK(store.size() == 1);  // erased rows don't stay
}

TEST_CASE("an abort takes back the open generation and the one in flight") {
  Store<std::string> store;
  put<std::string>(store, "a", "committed", 1);
  put<std::string>(store, "gone", "committed", 1);
  commit(store, 2);
  put<std::string>(store, "a", "in flight", 2);
  put<std::string>(store, "new", "in flight", 2);
  erase(store, "gone");
  store.begin_commit();
  SUBCASE("not drained") {}
  SUBCASE("half drained") {
    CHECK(!store.drain(1, [](BytesView, BytesView, Timestamp) {}));
  }
  SUBCASE("drained") {
    CHECK(store.drain(10, [](BytesView, BytesView, Timestamp) {}));
  }
  put<std::string>(store, "a", "open", 3);
  put<std::string>(store, "new", "open", 3);
  put<std::string>(store, "newer", "open", 3);
  CHECK(table_of(store, Contents::committed) == Table{{"a", {"committed", 1}}, {"gone", {"committed", 1}}});
  store.abort();
  CHECK(table_of(store) == Table{{"a", {"committed", 1}}, {"gone", {"committed", 1}}});
  CHECK(store.size() == 2);
  put<std::string>(store, "a", "again", 4);
  CHECK(commit(store, 3) == Table{{"a", {"again", 4}}});
}

TEST_CASE("one row is told as it is and as it was settled") {
  Store<std::string> store;
  const auto got = [&](Contents contents, const std::string& key) {
    Bytes value(3);
    Timestamp timestamp;
    const auto found = store.get(contents, bytes(key), value, timestamp);
    if (!found.ok()) return found.status().message();
    return *found ? text(value) + '@' + std::to_string(timestamp.milliseconds()) : value.empty() ? "none" : "left over";
  };
  put<std::string>(store, "a", "one", 1);
  put<std::string>(store, "erased", "one", 1);
  put<std::string>(store, "empty", "", 1);
  CHECK(got(Contents::current, "a") == "one@1");
  CHECK(got(Contents::committed, "a") == "none");
  commit(store, 3);
  put<std::string>(store, "a", "two", 2);
  put<std::string>(store, "new", "two", 2);
  erase(store, "erased");
  store.begin_commit();
  put<std::string>(store, "a", "three", 3);
  erase(store, "new");
  const auto uncommitted = [&] {
    CHECK(got(Contents::current, "a") == "three@3");
    CHECK(got(Contents::current, "new") == "none");
    CHECK(got(Contents::current, "erased") == "none");
    CHECK(got(Contents::committed, "a") == "one@1");
    CHECK(got(Contents::committed, "new") == "none");
    CHECK(got(Contents::committed, "erased") == "one@1");
    CHECK(got(Contents::committed, "empty") == "@1");
    CHECK(got(Contents::committed, "never there") == "none");
  };
  uncommitted();
  while (!store.drain(1, [](BytesView, BytesView, Timestamp) {})) uncommitted();
  uncommitted();
  SUBCASE("settled") {
    REQUIRE(store.settle(6).ok());
    CHECK(got(Contents::current, "a") == "three@3");
    CHECK(got(Contents::committed, "a") == "two@2");
    CHECK(got(Contents::committed, "new") == "two@2");
    CHECK(got(Contents::committed, "erased") == "none");
  }
  SUBCASE("aborted") {
    store.abort();
    CHECK(got(Contents::current, "a") == "one@1");
    CHECK(got(Contents::current, "erased") == "one@1");
    CHECK(got(Contents::current, "new") == "none");
  }
}

TEST_CASE("a row in flight that is touched again goes out as it was at the commit") {
  Store<std::int64_t> store;
  put<std::int64_t>(store, "a", 1);
  put<std::int64_t>(store, "b", 2);
  erase(store, "b");
  put<std::int64_t>(store, "c", 3);
  Table out;
  const auto sink = [&](BytesView key, BytesView value, Timestamp timestamp) { show(out, key, value, timestamp); };
  store.begin_commit();
  CHECK(!store.drain(1, sink));
  put<std::int64_t>(store, "c", 1);
  put<std::int64_t>(store, "a", 3);
  while (!store.drain(1, sink)) {
  }
  CHECK(out == Table{{"a", {one}}, {"c", {three}}});
  REQUIRE(store.settle(2).ok());
  CHECK(commit(store, 4) == Table{{"a", {three}}, {"c", {one}}});
}

TEST_CASE("a value that can't be written fails the commit, and an abort takes it back") {
  Store<Picky> store;
  put<Picky>(store, "a", {"good"});
  commit(store, 1);
  put<Picky>(store, "b", {"fine"});
  for (const std::string bad : {"bad", "throw"}) {
    put<Picky>(store, "a", {bad});
    store.begin_commit();
    CHECK(store.drain(100, [](BytesView, BytesView, Timestamp) { FAIL("nothing of it may be sent"); }));
    const auto status = store.content_status();
    CHECK(status.code() == Code::failed_record);
    CHECK(status.message().find("can't encode the value of key \"a\"") != std::string::npos);
    CHECK(!store.settle(2).ok());
    store.abort();
    CHECK(store.content_status().ok());
    CHECK(table_of(store) == Table{{"a", {"halfgood"}}});
  }
}

TEST_CASE("restored rows are the last of each key, and an undecodable one is named") {
  Store<Picky> store;
  CHECK(store.restore(bytes("a"), bytes("....old"), Timestamp{1}).ok());
  CHECK(store.restore(bytes("a"), bytes("....new"), Timestamp{2}).ok());
  CHECK(store.restore(bytes("b"), bytes("....gone"), Timestamp{1}).ok());
  CHECK(store.restore(bytes("b"), {}, Timestamp{2}).ok());
  CHECK(store.restore(bytes("c"), {}, Timestamp{2}).ok());
  CHECK(store.end_restore(17).ok());
  CHECK(store.position() == 17);
  CHECK(table_of(store) == Table{{"a", {"halfnew", 2}}});
  const auto status = store.restore(bytes(std::string("\x01\xff", 2)), bytes("."), Timestamp{});
  CHECK(status.code() == Code::data_loss);
  CHECK(status.message().find("of key 0x01ff: too short") != std::string::npos);
}

TEST_CASE("a value whose serde is away is not lost: the same again later") {
  TempDirectory directory;
  const auto executor = ports::inline_executor();
  const auto file = file_at(directory / "s.sqlite");
  {
    Store<Picky> store;
    REQUIRE(store.open(file, *executor).ok());
    away = true;
    CHECK(store.restore(bytes("a"), bytes("away"), Timestamp{1}).code() == Code::unavailable);
    away = false;
    CHECK(store.restore(bytes("a"), bytes("away"), Timestamp{1}).ok());
    CHECK(store.end_restore(1).ok());
    REQUIRE(store.close().ok());
  }
  Store<std::string> raw;
  REQUIRE(raw.open(file, *executor).ok());
  put<std::string>(raw, "a", "away");
  commit(raw, 2);
  REQUIRE(raw.close().ok());
  Store<Picky> store;
  REQUIRE(store.open(file, *executor).ok());
  away = true;
  CHECK(store.find(bytes("a")) == nullptr);
  CHECK(store.content_status().code() == Code::unavailable);
  SUBCASE("only looked for") {}
  SUBCASE("to be changed") {
    put<Picky>(store, "b", {"erased, and not in the file yet"});
    erase(store, "b");
    away = false;
    store.abort();
    put<Picky>(store, "b", {"fine"});
    commit(store, 3);
    erase(store, "b");
    commit(store, 4);
    away = true;
    store.change(bytes("a"));
  }
  away = false;
  CHECK(store.content_status().code() == Code::unavailable);
  store.abort();
  CHECK(store.content_status().ok());
  CHECK(store.find(bytes("a")) != nullptr);
}

TEST_CASE("rows keep their place while a store grows, and all of them are there") {
  Store<std::int64_t> store;
  for (std::int64_t i = 0; i < 100'000; ++i) put(store, "key-" + std::to_string(i), i);
  for (std::int64_t i = 0; i < 100'000; ++i) {
    const auto* row = store.find(bytes("key-" + std::to_string(i)));
    REQUIRE(row != nullptr);
    REQUIRE(row->value == i);
  }
  CHECK(store.size() == 100'000);
  for (std::int64_t i = 0; i < 100'000; i += 2) erase(store, "key-" + std::to_string(i));
  commit(store, 1, 1000);
  CHECK(store.size() == 50'000);
  for (std::int64_t i = 0; i < 100'000; ++i) REQUIRE((store.find(bytes("key-" + std::to_string(i))) != nullptr) == (i % 2 == 1));
}

TEST_CASE("a snapshot has the rows of a range as of the last commit, in memory and with a file") {
  const auto executor = ports::inline_executor();
  for (const bool in_memory : {true, false}) {
    TempDirectory directory;
    Store<std::int64_t> store;
    REQUIRE(store.open(file_at(in_memory ? "" : directory / "s.sqlite"), *executor).ok());
    CHECK(snapshot_of(store).empty());
    for (const char* key : {"", "a", "ab", "b", "c"}) put<std::int64_t>(store, key, 1);
    commit(store, 5);
    REQUIRE(store.flush().ok());  // these are in the file
    put<std::int64_t>(store, "ab", 2);
    put<std::int64_t>(store, "aa", 2);
    erase(store, "b");
    commit(store, 8);  // these in a batch
    put<std::int64_t>(store, "ab", 3);
    erase(store, "a");
    const std::string one = encoded<std::int64_t>(1), two = encoded<std::int64_t>(2);
    const std::map<std::string, std::string> all{{"", one}, {"a", one}, {"aa", two}, {"ab", two}, {"c", one}};
    CHECK(snapshot_of(store) == all);
    const auto between = [](const char* from, const char* to) {
      const auto owned = [](const std::string& text) {
        const auto view = bytes(text);
        return Bytes(view.begin(), view.end());
      };
      return KeyRange{owned(from), owned(to)};
    };
    CHECK(snapshot_of(store, between("aa", "b")) == std::map<std::string, std::string>{{"aa", two}, {"ab", two}});
    CHECK(snapshot_of(store, between("b", "bb")).empty());
    CHECK(snapshot_of(store, between("c", "a")).empty());
    store.begin_commit();
    CHECK(snapshot_of(store) == all);
    store.abort();
    CHECK(snapshot_of(store) == all);
  }
}
