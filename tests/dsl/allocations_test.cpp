#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include "support.hpp"

// A chain in steady state allocates nothing per record. An executable of its own, because it replaces operator new.

using namespace klamm::testing;

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

const std::string long_key = "a key that is longer than sso is", long_value = "a value that is longer than the small string is";

constexpr std::size_t batch_size = 1000;

/// What the second of two equal batches allocates; the records have a header, and go to `seen`.
std::size_t allocations_of_a_batch(klamm::Topology& t) {
  klamm::TestDriver d{t};
  REQUIRE(d.status().ok());
  klamm::Bytes headers;
  klamm::Headers::append(headers, {"own", klamm::detail::view_of(long_value)});
  const klamm::RawMessage message{klamm::detail::view_of(long_key), klamm::detail::view_of(long_value), klamm::Timestamp{1}, 0, 0, headers};
  const std::vector<klamm::RawMessage> batch(batch_size, message);
  REQUIRE(d.feed(in, batch).ok());
  const std::size_t before = allocations;
  REQUIRE(d.feed(in, batch).ok());
  return allocations - before;
}

}  // namespace

TEST_CASE("times, headers, results and chosen topics allocate nothing per record once they are warm") {
  klamm::Topology t{"app"};
  std::size_t seen = 0;
  t.stream(in)
      .with_timestamp(&std::string::size)
      .with_header("text", long_value)
      .with_header("view", [](const std::string& v) { return std::string_view{v}; })
      .with_header("size", &std::string::size)
      .try_map([](std::string&& v) -> klamm::Result<std::string> { return std::move(v); })
      .try_map([](const std::string& v) -> klamm::Result<std::size_t> { return v.size(); })
      .for_each(klamm::with_record([&](const auto& r) { seen += r.headers().bytes().size(); }));
  CHECK(allocations_of_a_batch(t) < 10);  // per batch, not per record
  CHECK(seen > 2000 * long_value.size());

  // What is sent takes memory of the producer's, chosen or not.
  klamm::Topology to_one{"app"}, chosen{"app"};
  const Text there =
      out.partitions(4).partition_by([](const std::string&, const std::string& v, int n) { return static_cast<int>(v.size()) % n; });
  to_one.stream(in).to(out.partitions(4));
  chosen.stream(in).to({there, other}, [&](const std::string&) { return &there; });
  CHECK(allocations_of_a_batch(chosen) < allocations_of_a_batch(to_one) + 10);
}

TEST_CASE("changes of tables, their groups, and what is kept back allocate nothing per record once they are warm") {
  klamm::Topology t{"app"};
  std::size_t seen = 0;
  const auto put = [](std::string& last, const std::string& v) { last = v; };
  const auto last = t.stream(in).group_by_key().reduce("last", put);
  last.changes().for_each([&](const klamm::Update<std::string>& u) { seen += u.old_value() != nullptr ? 1U : 0U; });
  t.stream(in)
      .group_by_key()
      .reduce(klamm::table("held").emit(klamm::Emit::on_commit), put)
      .changes()
      .for_each([&](const klamm::Update<std::string>&) { ++seen; });
  CHECK(allocations_of_a_batch(t) < 10);
  CHECK(seen == 1999);

  klamm::Topology plain{"app"}, grouped{"app"};
  plain.stream(in).group_by_key().reduce("last", put).to(out);
  grouped.stream(in).group_by_key().reduce("last", put).group_by([](const std::string& v) -> const std::string& { return v; }).count("n");
  CHECK(allocations_of_a_batch(grouped) < allocations_of_a_batch(plain) + 20);
}

TEST_CASE("branches, maps and look-ups allocate nothing per record once they are warm") {
  klamm::Topology t{"app"};
  std::size_t seen = 0;
  auto named = t.stream(in).filter([](const std::string& v) { return v[0] != 'z'; });
  named.mutate([](std::string& v) { v[0] = 'x'; }).for_each([&](const std::string& v) { seen += v.size(); });
  named.map([](std::string v) { return v; }).for_each([&](const std::string& v) { seen += v.size(); });
  named.select_key([](const std::string&) { return std::string{"short"}; }).for_each([&](const std::string& v) { seen += v.size(); });
  named.flat_map([](const std::string& v) {
         return std::array<std::size_t, 2>{v.size(), 1};
       })
      .filter([](std::size_t n) { return n > 1; })
      .for_each([&](std::size_t n) { seen += n; });
  named.left_join(t.table(other), [](const std::string& v, const std::string* w) { return v.size() + (w != nullptr ? 1U : 0U); })
      .for_each([&](std::size_t n) { seen += n; });
  CHECK(allocations_of_a_batch(t) < 10);  // per batch, not per record
  CHECK(seen == 2 * 5 * long_value.size() * batch_size);
}

TEST_CASE("a processor with a store allocates nothing per record once it is warm") {
  struct Counts {
    using Context = klamm::Context<std::string, std::string>;
    klamm::KeyValueStore<std::string, std::string>& last;
    Context& context;
    std::size_t due = 0;
    void process(const klamm::Record<std::string, const std::string>& record) {
      const std::string* before = last.find(record.key);
      if (before != nullptr) context.forward(record.key, *before, {.timestamp = context.stream_time()});
      last.put(record.key, record.value);
      last.update(record.key, [](std::string& value) { value[0] = 'y'; });
    }
  };
  klamm::Topology t{"app"};
  std::size_t seen = 0;
  t.stream(in)
      .process<Counts>(t.store<std::string, std::string>("last"))
      .mutate([](std::string& v) { v[0] = 'x'; })
      .for_each([&](const std::string& v) { seen += v.size(); });
  CHECK(allocations_of_a_batch(t) < 10);
  CHECK(seen == (2 * batch_size - 1) * long_value.size());  // the first record finds nothing
}

TEST_CASE("joins of tables allocate nothing per record once they are warm") {
  klamm::Topology t{"app"};
  std::size_t seen = 0;
  const auto bytes = [](const std::string* l, const std::string* r) {
    return (l != nullptr ? l->size() : 0) + (r != nullptr ? r->size() : 0);
  };
  const auto table = t.table(in);
  table.outer_join(t.table(other), bytes)
      .outer_join(table.filter([](const std::string&) { return true; }),
                  [](const std::size_t* n, const std::string*) { return n != nullptr ? *n : 0; })
      .changes()
      .for_each([&](const klamm::Update<std::size_t>& u) { seen += *u.new_value(); });
  CHECK(allocations_of_a_batch(t) < 10);
  CHECK(seen == 4000 * long_value.size());
}
