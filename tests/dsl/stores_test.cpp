#include "support.hpp"

using namespace klamm::testing;

// Stores of processors.

/// A key that can't always be written.
struct Breakable {
  std::string text;
};
template <> struct klamm::serde<Breakable> {
  static constexpr const char* schema = "breakable";
  static Encoded encode(const Breakable& value, Bytes& out) {
    if (value.text == "broken") return unencodable("it is broken");
    return detail::encode(value.text, out);
  }
  static Decoded decode(BytesView in, Breakable& slot) { return detail::decode(in, slot.text); }
};

namespace {

using klamm::Entry;
using klamm::Timestamp;
using Numbers = klamm::KeyValueStore<std::string, std::int64_t>;
using Words = klamm::KeyValueStore<std::string, std::string>;
using In = klamm::Record<std::string, const std::string>;

/// Does what the value says, and forwards what it finds.
struct Interpreter {
  using Context = klamm::Context<std::string, std::string>;
  Words& rows;
  Context& context;

  void process(const In& record) {
    const std::string &k = record.key, &v = record.value;
    if (v == "find") {
      const std::string* found = rows.find(k);
      context.forward(k, found == nullptr ? "none" : *found);
    } else if (v == "erase") {
      context.forward(k, rows.erase(k) ? "erased" : "nothing to erase");
    } else if (v == "update") {
      context.forward(k, *rows.update(k, [](std::string& row) { row += '+'; }));
    } else if (v == "toggle") {
      const auto* now = rows.update(k, [](std::string& row) {
        if (!row.empty()) return Entry::erase;
        row = "on";
        return Entry::keep;
      });
      context.forward(k, now == nullptr ? "off" : *now);
    } else if (v == "throw") {
      rows.update(k, [](std::string& row) {
        row = "half";
        throw std::runtime_error{"in the middle"};
      });
    } else if (v == "scan") {
      std::string all;
      rows.scan([&](const std::string& key, const std::string& row, Timestamp at) {
        all += key + ':' + row + '@' + std::to_string(at.milliseconds()) + ',';
      });
      context.forward(k, all);
    } else if (v == "prefix") {
      std::string all;
      rows.prefix(k, [&](const std::string& key, const std::string&) { all += key + ','; });
      context.forward(k, all);
    } else if (v == "double") {  // changes what it walks over
      rows.scan([&](const std::string& key, const std::string& row) {
        rows.put(key + key, row);
        rows.erase(key);
      });
    } else {
      rows.put(k, v);
    }
  }
};

klamm::Topology interpreter() {
  klamm::Topology t{"app"};
  const auto rows = t.store<std::string, std::string>("rows");
  t.stream(in).process<Interpreter>(rows).to(out);
  return t;
}

struct Row {
  const char *key, *value, *out;
};

}  // namespace

TEST_CASE("find, put, update, erase") {
  const klamm::Topology t = interpreter();
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  for (const auto& [key, value, expected] : std::vector<Row>{
           {"a", "find", "a=none"},
           {"a", "1", ""},
           {"a", "find", "a=1"},
           {"a", "update", "a=1+"},
           {"b", "update", "b=+"},
           {"a", "erase", "a=erased"},
           {"a", "erase", "a=nothing to erase"},
           {"a", "find", "a=none"},
           {"a", "update", "a=+"},
           {"c", "toggle", "c=on"},
           {"c", "toggle", "c=off"},
           {"c", "find", "c=none"},
       }) {
    CHECK(d.input(in).send(key, value).ok());
    INFO(key, ' ', value);
    CHECK(take(sink) == expected);
  }
}

TEST_CASE("scan and prefix show the partition's rows in the order of their keys, uncommitted ones too") {
  const klamm::Topology t = interpreter();
  klamm::TestDriver d{t, {.commit_each_send = false}};
  auto sink = d.output(out);
  for (const char* k : {"b", "ab", "a", "c", "abc"}) CHECK(d.input(in).send(k, "v", ms(3)).ok());
  CHECK(d.input(in).send("c", "erase").ok());
  CHECK(d.input(in).send("x", "scan").ok());
  CHECK(d.input(in).send("ab", "prefix").ok());
  CHECK(d.input(in).send("z", "prefix").ok());
  CHECK(d.commit().ok());
  CHECK(take(sink) == "c=erased x=a:v@3,ab:v@3,abc:v@3,b:v@3, ab=ab,abc, z=");
}

TEST_CASE("a store may be changed during a scan, which goes on over the rows as they were") {
  const klamm::Topology t = interpreter();
  klamm::TestDriver d{t};
  for (const char* k : {"a", "b", "aa"}) CHECK(d.input(in).send(k, k).ok());
  CHECK(d.input(in).send("", "double").ok());
  std::string all;
  for (const auto& row : d.table<std::string, std::string>("rows").all()) all += row.key + ':' + row.value + ' ';
  CHECK(all == "aaaa:aa bb:b ");  // aa, made of a, was erased when its own turn came
}

TEST_CASE("an update that throws leaves the row as it was where the application goes on") {
  const klamm::Topology t = interpreter();
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  auto sink = d.output(out);
  CHECK(d.input(in).send("a", "1").ok());
  CHECK(d.input(in).send("a", "throw").ok());
  CHECK(d.input(in).send("new", "throw").ok());
  CHECK(d.input(in).send("x", "scan").ok());
  CHECK(take(sink) == "x=a:1@0,");
  CHECK(d.counters().skipped == 2);
}

TEST_CASE("a crash after each step changes nothing of what a processor finds") {
  const std::vector<Row> script{{"a", "1", ""},          {"b", "2", ""},
                                {"a", "update", "a=1+"}, {"b", "erase", "b=erased"},
                                {"ab", "3", ""},         {"x", "scan", "x=a:1+@7,ab:3@7,"},
                                {"", "double", ""},      {"x", "scan", "x=aa:1+@7,abab:3@7,"}};
  for (const bool commit_each_send : {true, false}) {
    for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
      for (std::size_t crash_after = 0; crash_after < script.size(); ++crash_after) {
        const klamm::Topology t = interpreter();
        klamm::TestDriver d{t, {.commit_each_send = commit_each_send}};
        auto sink = d.output(out);
        std::string expected;
        for (std::size_t i = 0; i < script.size(); ++i) {
          REQUIRE(d.input(in).send(script[i].key, script[i].value, ms(7)).ok());
          if (i == crash_after) d.restart(disk);
          expected += (expected.empty() || *script[i].out == 0 ? "" : " ") + std::string{script[i].out};
        }
        REQUIRE(d.commit().ok());
        INFO("crash after step ", crash_after);
        CHECK(take(sink) == expected);
      }
    }
  }
}

TEST_CASE("processors that share a store run in one task and see each other's rows") {
  struct Puts {
    using Context = klamm::Context<>;
    Numbers& rows;
    Context& context;
    void process(const In& record) { rows.put(record.key, static_cast<std::int64_t>(record.value.size())); }
  };
  struct Finds {
    using Context = klamm::ValueContext<std::int64_t>;
    Numbers& rows;
    Context& context;
    void process(const In& record) {
      if (const std::int64_t* found = rows.find(record.key)) context.forward(*found);
    }
  };
  klamm::Topology t{"app"};
  const auto sizes = t.store<std::string, std::int64_t>("sizes");
  t.stream(in).process<Puts>(sizes);
  t.stream(other).process_values<Finds>(sizes).to(counts);
  CHECK(t.check().empty());
  CHECK(t.describe().find("sub-topology 1") == std::string::npos);
  klamm::TestDriver d{t, {.partitions = 3}};
  auto sink = d.output(counts);
  for (const char* k : {"a", "b", "c", "d"}) {
    CHECK(d.input(in).send(k, "four").ok());
    CHECK(d.input(other).send(k, "?").ok());
  }
  CHECK(sink.read().size() == 4);
}

TEST_CASE("several stores come in the order in which they are given, with what with() holds behind the context") {
  struct Two {
    using Context = klamm::Context<>;
    Numbers& first;
    Words& second;
    Context& context;
    std::int64_t step;
    void process(const In& record) {
      first.update(record.key, [this](std::int64_t& n) { n += step; });
      second.put(record.key, record.value);
    }
  };
  klamm::Topology t{"app"};
  const auto first = t.store<std::string, std::int64_t>("first");
  const auto second = t.store<std::string, std::string>("second");
  t.stream(in).process<Two>(first, second, klamm::with(std::int64_t{5}), klamm::as("two"));
  klamm::TestDriver d{t};
  CHECK(d.input(in).send("a", "x").ok());
  CHECK(d.table(first).get("a") == 5);
  CHECK(d.table(second).get("a") == "x");
  CHECK(t.describe().find("process two <- in uses first, second (new key)") != std::string::npos);
}

TEST_CASE("a key that can't be encoded goes to the policy of produce") {
  struct Fragile {
    using Context = klamm::Context<>;
    klamm::KeyValueStore<Breakable, std::int64_t>& rows;
    Context& context;
    void process(const In& record) { rows.put({record.value}, 1); }
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Fragile>(t.store<Breakable, std::int64_t>("rows"));
  klamm::TestDriver d{t, {.on_error = klamm::skip()}};
  CHECK(d.input(in).send("k", "fine").ok());
  CHECK(d.input(in).send("k", "broken").ok());
  CHECK(d.counters().skipped == 1);
  CHECK(d.table<Breakable, std::int64_t>("rows").all().size() == 1);
}
