#include "log/record_batch.hpp"

#include "support.hpp"

namespace klamm::log {
namespace {

using test::bytes, test::show;

std::vector<RawMessage> decode(const Batch& batch) {
  std::vector<RawMessage> messages;
  REQUIRE(batch.decode(3, messages));
  return messages;
}

TEST_CASE("a batch gives back what was appended, and tells null from empty") {
  Bytes headers;
  Headers::append(headers, {"who", bytes("me")});
  BatchBuilder builder;
  builder.append(bytes("k"), bytes("v"), Timestamp{7}, {});
  builder.append({}, bytes(""), Timestamp{7}, headers);
  builder.append(bytes(""), {}, Timestamp{-5}, {});
  auto batch = builder.take();
  CHECK(builder.empty());
  batch->assign(100);
  CHECK(batch->count() == 3);
  CHECK(batch->next_offset() == 103);
  const auto messages = decode(*batch);
  REQUIRE(messages.size() == 3);
  CHECK(show(messages[0]) == "100 k=v");
  CHECK(show(messages[1]) == "101 null=");
  CHECK(show(messages[2]) == "102 =null");
  CHECK(messages[1].value.data() != nullptr);
  CHECK(test::text(Headers{messages[1].headers}.find("who")) == "me");
  CHECK(messages[0].headers.empty());
  CHECK(messages[2].timestamp == Timestamp{-5});
  CHECK(messages[2].partition == 3);
}

TEST_CASE("timestamps may be any number, in any order") {
  const std::int64_t all[] = {0, INT64_MAX, INT64_MIN, -1, 1, INT64_MIN, INT64_MAX, 1'600'000'000'000};
  BatchBuilder builder;
  for (const auto t : all) builder.append({}, {}, Timestamp{t}, {});
  const auto batch = builder.take();
  const auto messages = decode(*batch);
  REQUIRE(messages.size() == std::size(all));
  for (std::size_t i = 0; i < std::size(all); ++i) CHECK(messages[i].timestamp == Timestamp{all[i]});
}

TEST_CASE("offsets keep the gaps that compaction leaves") {
  BatchBuilder builder;
  for (const Offset offset : {5, 6, 300, 301, 1'000'000}) builder.append({.key = bytes("k"), .value = bytes("v"), .offset = offset});
  CHECK(builder.reaches(5 + 0xffff'fffeLL));
  CHECK_FALSE(builder.reaches(5 + 0xffff'ffffLL));
  const auto batch = builder.take();
  CHECK(batch->base_offset() == 5);
  CHECK(batch->last_offset() == 1'000'000);
  std::vector<Offset> offsets;
  const auto messages = decode(*batch);
  for (const auto& message : messages) offsets.push_back(message.offset);
  CHECK(offsets == std::vector<Offset>{5, 6, 300, 301, 1'000'000});
}

TEST_CASE("records of any size fit, and a builder is used again") {
  BatchBuilder builder;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::string> values;
    for (const std::size_t size : {0UL, 1UL, 127UL, 128UL, 16'383UL, 16'384UL, 300'000UL}) values.emplace_back(size, 'x');
    for (const auto& value : values) builder.append(bytes(value), bytes(value), Timestamp{round}, {});
    CHECK(builder.full());
    const auto batch = builder.take();
    const auto messages = decode(*batch);
    REQUIRE(messages.size() == values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      CHECK(messages[i].key.size() == values[i].size());
      CHECK(test::text(messages[i].value) == values[i]);
    }
  }
}

TEST_CASE("damage anywhere in a sealed batch is found") {
  BatchBuilder builder;
  for (int i = 0; i < 20; ++i) builder.append(bytes("key"), bytes("value"), Timestamp{i}, {});
  auto batch = builder.take();
  batch->seal();
  batch->assign(1'000);  // not covered: known only when the log takes it
  CHECK(batch->check().ok());
  const BytesView whole = batch->bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    if (at >= 1 && at < 4) continue;   // zeros
    if (at >= 8 && at < 16) continue;  // the base offset, which is the row's key as well
    Bytes damaged{whole.begin(), whole.end()};
    damaged[at] ^= std::byte{0x10};
    CHECK_MESSAGE(Batch::copy(damaged)->check().code() == Code::data_loss, "byte ", at);
  }
  CHECK(Batch::copy(whole.first(10))->check().code() == Code::data_loss);
  CHECK(Batch::copy(whole.first(whole.size() - 1))->check().code() == Code::data_loss);
}

TEST_CASE("decoding damaged bytes fails, but never reads outside of them") {
  BatchBuilder builder;
  for (int i = 0; i < 20; ++i) builder.append(bytes("key"), bytes("value"), Timestamp{i}, {});
  const auto batch = builder.take();
  std::vector<RawMessage> messages;
  for (std::size_t size = 0; size < batch->bytes().size(); ++size)
    CHECK_FALSE(Batch::copy(batch->bytes().first(size))->decode(0, messages));
  for (std::size_t at = 0; at < batch->bytes().size(); ++at) {
    Bytes damaged{batch->bytes().begin(), batch->bytes().end()};
    damaged[at] = std::byte{0xff};
    (void)Batch::copy(damaged)->decode(0, messages);  // the sanitizers watch
  }
}

}  // namespace
}  // namespace klamm::log
