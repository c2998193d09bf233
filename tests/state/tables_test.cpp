#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

#include "state/commit_batch.hpp"
#include "state/row_index.hpp"
#include "state/row_table.hpp"
#include "support.hpp"

using namespace klamm;
using namespace klamm::state;
using klamm::testing::bytes;
using klamm::testing::text;

TEST_CASE("tags are matched alike with and without SSE2") {
  std::mt19937 random{1};
  for (int round = 0; round < 10'000; ++round) {
    alignas(16) std::array<std::uint8_t, 16> tags{};
    for (auto& tag : tags) tag = static_cast<std::uint8_t>(random() % 4);
    const auto wanted = static_cast<std::uint8_t>(random() % 5);
    REQUIRE(matching_tags(tags.data(), wanted) == matching_tags_portable(tags.data(), wanted));
    REQUIRE(matching_tags_portable(tags.data(), wanted) < 1U << 12);
  }
}

TEST_CASE("the index finds what was put in and not erased, colliding hashes included") {
  std::mt19937 random{2};
  RowIndex index;
  std::vector<std::uint32_t> hashes;  // by row; few different ones, so that buckets overflow
  std::vector<bool> in;
  for (RowHandle row = 0; row < 5000; ++row) {
    hashes.push_back(static_cast<std::uint32_t>((random() % 64) << 26 | random() % 3));
    in.push_back(true);
    index.insert(hashes[row], row, [&](RowHandle r) { return hashes[r]; });
    if (const auto victim = static_cast<RowHandle>(random() % hashes.size()); random() % 3 == 0 && in[victim]) {
      index.erase(hashes[victim], victim);
      in[victim] = false;
    }
  }
  std::size_t count = 0;
  for (RowHandle row = 0; row < hashes.size(); ++row) {
    CHECK((index.find(hashes[row], [&](RowHandle r) { return r == row; }) == row) == in[row]);
    count += in[row] ? 1 : 0;
  }
  CHECK(index.size() == count);
}

TEST_CASE("an index whose rows come and go for ever keeps its probes short") {
  std::mt19937 random{3};
  RowIndex index;
  std::vector<std::uint32_t> hashes(9'000);
  const auto hash_of = [&](RowHandle row) { return hashes[row]; };
  for (RowHandle row = 0; row < hashes.size(); ++row) index.insert(hashes[row] = static_cast<std::uint32_t>(random()), row, hash_of);
  CHECK(index.size() * 4 > index.capacity() * 2);
  for (std::size_t hand = 0; hand < 100 * index.capacity(); ++hand) {
    const RowHandle row = index.row_in_turn(hand % index.capacity());
    if (row == no_row) continue;
    index.erase(hashes[row], row);
    index.insert(hashes[row] = static_cast<std::uint32_t>(random()), row, hash_of);
  }
  std::size_t probes = 0, found = 0;
  for (int i = 0; i < 10'000; ++i) probes += index.probes(static_cast<std::uint32_t>(random()));
  for (RowHandle row = 0; row < hashes.size(); ++row)
    found += index.find(hashes[row], [&](RowHandle r) { return r == row; }) == row ? 1 : 0;
  CHECK(found == hashes.size());
  CHECK(probes < 30'000);
}

TEST_CASE("keys of all lengths are told apart by their bytes") {
  RowTable rows{sizeof(std::int64_t)};
  const auto construct = [](std::byte* at) { ::new (static_cast<void*>(at)) detail::Row<std::int64_t>; };
  std::vector<std::string> keys{""};
  for (std::size_t length = 1; length <= 70; ++length) {
    for (const std::size_t at : {std::size_t{0}, length / 2, length - 1}) {
      keys.emplace_back(length, 'a');
      keys.back()[at] = static_cast<char>('b' + at % 7);
    }
  }
  std::vector<std::string> all;
  for (const auto& key : keys) {
    if (rows.find(hash_key(bytes(key)), bytes(key)) != no_row) continue;  // halves of short keys meet
    rows.add(hash_key(bytes(key)), bytes(key), construct);
    all.push_back(key);
  }
  CHECK(all.size() > 200);
  for (const auto& key : all) {
    const RowHandle row = rows.find(hash_key(bytes(key)), bytes(key));
    REQUIRE(row != no_row);
    CHECK(text(rows.key(row)) == key);
  }
}

TEST_CASE("memory of removed rows is used again") {
  RowArena arena;
  const RowHandle first = arena.allocate(40), second = arena.allocate(48);
  CHECK(arena.used_bytes() == 88);
  arena.free(first, 40);
  CHECK(arena.used_bytes() == 48);
  CHECK(arena.allocate(41) != first);
  CHECK(arena.allocate(33) == first);
  CHECK(arena.handle(arena.at(second)) == second);
}

namespace {

BatchPtr batch_of(CommitNumber number, const std::vector<std::pair<std::string, std::string>>& changes) {
  auto batch = std::make_shared<CommitBatch>();
  batch->number = batch->first = number;
  batch->position = 10 * number;
  batch->mark = "mark " + std::to_string(number);
  for (const auto& [key, value] : changes) {
    if (value == "-") {
      batch->append_tombstone(bytes(key), Timestamp{number});
    } else {
      batch->append({bytes(key), bytes(value), Timestamp{number}});
    }
  }
  return batch;
}

std::string shown(const SortedChanges& changes) {
  std::string out;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const Change change = changes[i];
    out += text(change.key) + '=' + (change.tombstone() ? "-" : text(change.value)) + '@' +
           std::to_string(change.timestamp.milliseconds()) + ' ';
  }
  return out;
}

}  // namespace

TEST_CASE("of several commits the newest change of each key counts, in the order of the keys") {
  const std::vector<BatchPtr> batches{batch_of(1, {{"key-b", "1"}, {"key-a", "2"}, {"key-long", "x"}, {"key-longer", "y"}}),
                                      batch_of(2, {{"key-a", "-"}, {"key-", ""}}), batch_of(3, {{"key-b", "3"}, {"key-longer", "-"}})};
  const SortedChanges sorted{batches};
  const std::string expected = "key-=@2 key-a=-@2 key-b=3@3 key-long=x@1 key-longer=-@3 ";
  CHECK(shown(sorted) == expected);
  const auto folded = fold(sorted);
  REQUIRE(folded.size() == 1);
  CHECK(folded[0]->first == 1);
  CHECK(folded[0]->number == 3);
  CHECK(folded[0]->position == 30);
  CHECK(folded[0]->mark == "mark 3");
  CHECK(shown(SortedChanges{folded}) == expected);
}

TEST_CASE("a value that can't be written leaves nothing of itself in a batch") {
  CommitBatch batch;
  batch.append({bytes("a"), bytes("1"), Timestamp{}});
  const std::size_t before = batch.bytes();
  CHECK(batch.append(bytes("b"), Timestamp{}, [](Bytes& out) {
    out.resize(out.size() + 100);
    return "no";
  }) != nullptr);
  CHECK(batch.bytes() == before);
}

TEST_CASE("an empty value is no tombstone") {
  CommitBatch batch;
  batch.append({bytes("a"), bytes(""), Timestamp{5}});
  CHECK(!batch.change_at(0).tombstone());
  CHECK(batch.next(0) == batch.bytes());
}
