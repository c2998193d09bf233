#include <array>

#include "support.hpp"

using namespace klamm::testing;

TEST_CASE("filter keeps what its function likes, filter_not drops it") {
  klamm::Topology t{"app"};
  t.stream(in)
      .filter([](const std::string& v) { return v > "b"; })
      .filter_not([](const std::string& k, const std::string& v) { return k == v; })
      .to(out);
  klamm::TestDriver d{t};
  auto source = d.input(in);
  auto sink = d.output(out);
  for (const char* v : {"a", "c", "k", "d"}) CHECK(source.send("k", v).ok());
  CHECK(take(sink) == "k=c k=d");
}

TEST_CASE("functions may be members, free functions, take key and value, or the whole record") {
  klamm::Topology t{"app"};
  t.stream(in)
      .filter_not(&std::string::empty)
      .select_key(first_letter)
      .map([](const std::string& k, const std::string& v) { return k + v; })
      .filter(klamm::with_record(
          [](const auto& r) { return r.has_key() && r.topic() == "in" && r.timestamp() == klamm::Timestamp{7} && r.offset() >= 0; }))
      .to(out);
  klamm::TestDriver d{t};
  auto source = d.input(in);
  auto sink = d.output(out);
  CHECK(source.send("k", "", ms(7)).ok());
  CHECK(source.send("k", "xy", ms(7)).ok());
  CHECK(source.send("k", "late", ms(8)).ok());
  CHECK(take(sink) == "x=xxy");
}

TEST_CASE("map gives a new value, of another type too, or a new key with KeyValue") {
  klamm::Topology t{"app"};
  auto source = t.stream(in);
  source.map([](std::string v) { return v + "!"; }).to(out);
  source.map([](const std::string& v) { return static_cast<std::int64_t>(v.size()); }).to(counts);
  source.map([](const std::string& k, const std::string& v) { return klamm::KeyValue{v, k}; }).to(other);
  klamm::TestDriver d{t};
  auto same = d.output(out);
  auto sizes = d.output(counts);
  auto swapped = d.output(other);
  CHECK(d.input(in).send("k", "abc").ok());
  CHECK(take(same) == "k=abc!");
  CHECK(take(sizes) == "k=3");
  CHECK(take(swapped) == "abc=k");
}

TEST_CASE("mutate edits in place, peek looks, for_each ends") {
  klamm::Topology t{"app"};
  std::string peeked, ended;
  t.stream(in)
      .mutate([](std::string& v) { v += '.'; })
      .peek([&](const std::string& v) { peeked += v; })
      .for_each([&](const std::string& k, const std::string& v) { ended += k + v; });
  klamm::TestDriver d{t};
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(peeked == "a.");
  CHECK(ended == "ka.");
}

TEST_CASE("flat_map takes any range, of values or of KeyValue, owning or not") {
  klamm::Topology t{"app"};
  auto source = t.stream(in);
  source.flat_map([](const std::string& v) { return std::vector<std::string>{v, v + v}; }).to(out);
  source
      .flat_map([](const std::string& v) {
        return std::array{klamm::KeyValue{v, std::int64_t{1}}, klamm::KeyValue{v + "2", std::int64_t{2}}};
      })
      .to(counts);
  static const std::vector<std::string> kept{"x", "y"};
  source.flat_map([](const std::string&) -> const std::vector<std::string>& { return kept; })
      .mutate([](std::string& v) { v += '?'; })
      .to(other);
  klamm::TestDriver d{t};
  auto values = d.output(out);
  auto pairs = d.output(counts);
  auto shared = d.output(other);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(d.input(in).send("k", "b").ok());
  CHECK(take(values) == "k=a k=aa k=b k=bb");
  CHECK(take(pairs) == "a=1 a2=2 b=1 b2=2");
  CHECK(take(shared) == "k=x? k=y? k=x? k=y?");
  CHECK(kept[0] == "x");  // what f refers to is not ours to change
}

TEST_CASE("flat_map makes no copies of a key that what follows has changed") {
  klamm::Topology t{"app"};
  t.stream(in)
      .flat_map([](const std::string& v) {
        return std::vector<std::string>{v, v};
      })
      .select_key([](const std::string& k, const std::string&) { return k + "+"; })
      .to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(take(sink) == "k+=a k+=a");
}

TEST_CASE("views of a value may be made with borrow, and of a borrowed value always") {
  klamm::Topology t{"app"};
  const auto halves = [](std::string_view v) { return std::array{v.substr(0, 1), v.substr(1)}; };
  const auto owned = [](std::string_view v) { return std::string{v}; };
  t.stream(in).flat_map(klamm::borrow(halves)).map(owned).to(out);
  t.stream(klamm::Topic<std::string, std::string_view>{"views"}).flat_map(halves).map(owned).to(other);
  t.stream(in)
      .map(klamm::borrow([](const std::string& v) { return std::string_view{v}.substr(1); }))
      .to(klamm::Topic<std::string, std::string_view>{"tails"});
  klamm::TestDriver d{t};
  auto first = d.output(out), second = d.output(other);
  auto tails = d.output(Text{"tails"});
  CHECK(d.input(in).send("k", "abc").ok());
  CHECK(d.input(Text{"views"}).send("k", "xyz").ok());
  CHECK(take(first) == "k=a k=bc");
  CHECK(take(second) == "k=x k=yz");
  CHECK(take(tails) == "k=bc");
}

TEST_CASE("per_task gives each task a function of its own") {
  klamm::Topology t{"app"};
  const auto counter = klamm::per_task([] { return [n = 0](const std::string& v) mutable { return v + std::to_string(++n); }; });
  t.stream(in).map(counter).to(out);
  klamm::TestDriver first{t}, second{t};
  for (klamm::TestDriver* d : {&first, &second}) {
    auto sink = d->output(out);
    CHECK(d->input(in).send("k", "a").ok());
    CHECK(d->input(in).send("k", "b").ok());
    CHECK(take(sink) == "k=a1 k=b2");
  }
}

TEST_CASE("apply gives the handle to a function and returns what that returns") {
  klamm::Topology t{"app"};
  const auto shout = [](klamm::Stream<std::string, std::string> s) { return s.map([](std::string v) { return v + "!"; }); };
  auto named = t.stream(in);
  named.apply(shout).to(out);
  named.filter([](const std::string& v) { return v != "b"; }).apply(shout).apply([](auto s) { std::move(s).to(other); });
  REQUIRE(t.check().empty());
  klamm::TestDriver d{t};
  auto all = d.output(out), some = d.output(other);
  for (const char* v : {"a", "b"}) CHECK(d.input(in).send("k", v).ok());
  CHECK(take(all) == "k=a! k=b!");
  CHECK(take(some) == "k=a!");
}
