#include "support.hpp"

// What a lambda captures by reference is seen to change, in the function that wrote the pipeline. Optimised builds of g++ 12 lost this with
// other layouts of chains (see detail/chain.hpp): each test keeps pipeline, run and check in one function, with other members in front of
// the reference.

using namespace klamm::testing;

namespace {

const klamm::Topic<std::int64_t, std::int64_t> integers{"integers"};

[[gnu::noinline]] void run(const klamm::Topology& t) {
  klamm::TestDriver d{t};
  REQUIRE(d.status().ok());
  auto input = d.input(integers);
  for (std::int64_t i = 0; i < 10; ++i) CHECK(input.send(i, i).ok());
}
[[gnu::noinline]] int opaque(int n) { return n; }

}  // namespace

TEST_CASE("a reference behind an operator without captures") {
  std::int64_t seen = 0;
  klamm::Topology t{"app"};
  t.stream(integers).mutate([](std::int64_t& v) { v = v * 3 + 1; }).for_each([&seen](std::int64_t) { ++seen; });
  const std::int64_t before = seen;
  run(t);
  CHECK(seen - before == 10);
}

TEST_CASE("a reference behind a number in the same lambda") {
  std::int64_t seen = 0;
  const int n = opaque(2);
  klamm::Topology t{"app"};
  t.stream(integers).filter([n](std::int64_t v) { return v >= n; }).for_each([n, &seen](std::int64_t) { seen += n; });
  const std::int64_t before = seen;
  run(t);
  CHECK(seen - before == 16);
}

TEST_CASE("references in every operator of a chain that changes its type") {
  std::int64_t a = 0, b = 0, c = 0, d = 0;
  const int n = opaque(1), m = opaque(2);
  klamm::Topology t{"app"};
  t.stream(integers)
      .map([n, m, &a](std::int64_t v) {
        ++a;
        return static_cast<double>(v + n * m);
      })
      .map([n, m, &b](double v) {
        ++b;
        return static_cast<std::int64_t>(v) + n * m;
      })
      .map([n, m, &c](std::int64_t v) {
        ++c;
        return static_cast<double>(v + n + m);
      })
      .filter([m](double v) { return v > m; })
      .for_each([n, &d](double) { d += n; });
  const std::int64_t before = a + b + c + d;
  run(t);
  CHECK(a + b + c + d - before == 40);
}

TEST_CASE("a reference in a fold behind the start value") {
  std::int64_t seen = 0;
  const std::int64_t n = opaque(1);
  klamm::Topology t{"app"};
  const auto sums = klamm::table<std::int64_t>("sums").starting_at(5).fold([n, &seen](std::int64_t& sum, std::int64_t v) {
    seen += n;
    sum += v;
  });
  t.stream(integers).group_by_key().aggregate(sums).upserts().for_each([n, &seen](std::int64_t) { seen += n; });
  const std::int64_t before = seen;
  run(t);
  CHECK(seen - before == 20);
}

TEST_CASE("references in branches, joins and views") {
  std::int64_t seen = 0;
  const int n = opaque(1);
  klamm::Topology t{"app"};
  auto named = t.stream(integers).peek([n, &seen](std::int64_t) { seen += n; });
  auto [even, odd] = named.branch([n, &seen](std::int64_t v) {
    seen += n;
    return v % 2 == 0;
  });
  even.for_each([n, &seen](std::int64_t) { seen += n; });
  odd.for_each([n, &seen](std::int64_t) { seen += n; });
  const auto view = named.to_table("last")
                        .filter([n, &seen](std::int64_t) {
                          seen += n;
                          return true;
                        })
                        .map([n, &seen](std::int64_t v) {
                          seen += n;
                          return v;
                        });
  view.upserts().for_each([n, &seen](std::int64_t) { seen += n; });
  named
      .join(view,
            [n, &seen](std::int64_t v, std::int64_t) {
              seen += n;
              return v;
            })
      .for_each([](std::int64_t) {});
  const std::int64_t before = seen;
  run(t);
  // peek, branch, one of its sides; filter, map and what is behind; filter, map and the joiner in the look-up
  CHECK(seen - before == 10 * (3 + 3 + 3));
}
