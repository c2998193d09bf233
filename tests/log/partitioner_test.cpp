#include "log/partitioner.hpp"

#include "support.hpp"

namespace klamm::log {
namespace {

TEST_CASE("keys are hashed as Java's client hashes them") {
  // From org.apache.kafka.common.utils.UtilsTest.testMurmur2.
  const struct {
    const char* key;
    std::int32_t hash;
  } golden[] = {{"21", -973932308},
                {"foobar", -790332482},
                {"a-little-bit-long-string", -985981536},
                {"a-little-bit-longer-string", -1486304829},
                {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
                {"abc", 479470107}};
  for (const auto& [key, hash] : golden) CHECK_MESSAGE(murmur2(test::bytes(key)) == hash, key);
}

TEST_CASE("a key's partition is its hash without the sign") {
  CHECK(partition_of(test::bytes("21"), 1) == 0);
  CHECK(partition_of(test::bytes("21"), 1'000'000) == ((-973932308) & 0x7fffffff) % 1'000'000);
  CHECK(partition_of(test::bytes("abc"), 10) == 7);
  // An empty key is a key: 275646681 by the algorithm's definition.
  CHECK(murmur2(test::bytes("")) == 275646681);
  CHECK(partition_of(test::bytes(""), 4) == 1);
}

}  // namespace
}  // namespace klamm::log
