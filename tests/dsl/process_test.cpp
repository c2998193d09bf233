#include "support.hpp"

using namespace klamm::testing;

// process, process_values, and what processors ask of their context. Their stores: stores_test.cpp; punctuations: punctuation_test.cpp.

namespace {

using Optional = klamm::Topic<std::optional<std::string>, std::optional<std::string>>;
using Store = klamm::KeyValueStore<std::string, std::int64_t>;

/// An aggregate: nothing but stores, context and functions.
struct Dedup {
  using Context = klamm::Context<std::string, std::string>;
  Store& seen;
  Context& context;

  void process(const klamm::Record<std::string, const std::string>& record) {
    if (seen.find(record.value) != nullptr) return;
    seen.put(record.value, record.timestamp().milliseconds());
    context.forward(record.key, record.value);
  }
};

struct Twice {
  using Context = klamm::Context<std::string, std::string>;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>& record) {
    context.forward(record.key, record.value);
    context.forward(record.key, record.value + record.value);
  }
};

struct Length {
  using Context = klamm::ValueContext<std::int64_t>;
  Context& context;
  void process(const klamm::Record<std::string, const std::string>& record) {
    context.forward(static_cast<std::int64_t>(record.value.size()));
  }
};

klamm::Bytes header(std::string_view key, std::string_view value) {
  klamm::Bytes bytes;
  klamm::Headers::append(bytes, {key, klamm::detail::view_of(value)});
  return bytes;
}
std::string text(klamm::BytesView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

}  // namespace

TEST_CASE("a processor keeps what it knows in its store and forwards what it likes") {
  klamm::Topology t{"app"};
  const auto seen = t.store<std::string, std::int64_t>("seen");
  t.stream(in).process<Dedup>(seen).to(out);
  CHECK(t.check().empty());
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  for (const char* v : {"a", "b", "a", "c", "b"}) CHECK(d.input(in).send("k", v, ms(5)).ok());
  CHECK(take_timed(sink) == "k=a@5 k=b@5 k=c@5");
  CHECK(d.table<std::string, std::int64_t>("seen").get("a") == 5);
  CHECK(d.table(seen).all().size() == 3);
}

TEST_CASE("what is forwarded passes all consumers, depth first, before forward returns") {
  klamm::Topology t{"app"};
  auto twice = t.stream(in).process<Twice>();
  twice.mutate([](std::string& v) { v += '1'; }).to(out);
  twice.map([](const std::string& v) { return v + '2'; }).to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(take(sink) == "k=a1 k=a2 k=aa1 k=aa2");
}

TEST_CASE("process_values keeps the key, so a table behind it needs no repartition topic; process may change it") {
  klamm::Topology values{"app"};
  values.stream(in).process_values<Length>().group_by_key().count("n");
  CHECK(values.describe().find("repartition") == std::string::npos);
  klamm::Topology keys{"app"};
  keys.stream(in).process<Twice>().group_by_key().count("n");
  CHECK(keys.describe().find("repartition") != std::string::npos);
}

TEST_CASE("process_values forwards with the key of the record, null keys too") {
  klamm::Topology t{"app"};
  t.stream(in).process_values<Length>().to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(counts);
  CHECK(d.input(in).send("k", "abc").ok());
  CHECK(d.input(in).send("ab").ok());
  CHECK(take(sink) == "k=3 ~=2");
}

TEST_CASE("a record without a key reaches the processor; its key is forwarded as null") {
  struct Keys {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>& record) {
      context.forward(record.key, record.value);
      context.forward(record.has_key() ? "with" : "without", record.value);
    }
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Keys>().to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(d.input(in).send("b").ok());
  CHECK(take(sink) == "k=a with=a ~=b without=b");
}

TEST_CASE("null values reach a processor where the stream has them") {
  struct Nulls {
    using Context = klamm::Context<std::string, std::int64_t>;
    Context& context;
    void process(const klamm::Record<std::optional<std::string>, const std::optional<std::string>>& record) {
      context.forward(record.key.value_or("-"), record.value ? 1 : 0);
    }
  };
  klamm::Topology t{"app"};
  t.stream(Optional{"in"}).process<Nulls>().to(counts);
  klamm::TestDriver d{t};
  auto sink = d.output(counts);
  CHECK(d.input(Optional{"in"}).send_raw("k", std::nullopt).ok());
  CHECK(d.input(Optional{"in"}).send_raw(std::nullopt, "v").ok());
  CHECK(take(sink) == "k=0 -=1");
}

TEST_CASE("forward may say timestamp and headers; what it does not say is the record's, for this record only") {
  struct Stamps {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>& record) {
      context.forward("time", record.value, {.timestamp = record.timestamp() + klamm::Duration{7}});
      const klamm::Bytes own = header("h", "own");
      context.forward("headers", record.value, {.headers = klamm::Headers{own}});
      context.forward("none", record.value, {.headers = klamm::Headers{}});
      context.forward("plain", record.value);
    }
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Stamps>().to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  const klamm::Bytes given = header("h", "given");
  CHECK(d.input(in).send_raw("k", "v", ms(10), given).ok());
  std::string seen;
  for (const auto& record : sink.read_raw()) {
    const klamm::Headers headers{klamm::detail::view_of(record.headers)};
    seen += *record.key + '@' + std::to_string(record.timestamp.milliseconds()) + ' ' + text(headers.find("h")) + ' ';
  }
  CHECK(seen == "time@17 given headers@10 own none@10  plain@10 given ");
}

TEST_CASE("a processor that takes the record without const may move the value on, and other branches keep theirs") {
  struct Moves {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    void process(const klamm::Record<std::string, std::string>& record) {
      record.value += '!';
      context.forward(record.key, std::move(record.value));
    }
  };
  klamm::Topology t{"app"};
  auto records = t.stream(in);
  records.process<Moves>().mutate([](std::string& v) { v += '?'; }).to(out);
  records.to(other);
  klamm::TestDriver d{t};
  auto moved = d.output(out), kept = d.output(other);
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(take(moved) == "k=v!?");
  CHECK(take(kept) == "k=v");
}

TEST_CASE("what a processor forwards stays as it is, even where somebody behind it writes to it") {
  struct Keeps {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    std::string own = "own";
    void process(const klamm::Record<std::string, const std::string>& record) {
      context.forward(record.key, own);
      context.forward(own, own);
    }
  };
  klamm::Topology t{"app"};
  t.stream(in)
      .process<Keeps>()
      .mutate([](std::string& v) { v += '!'; })
      .select_key([](const std::string& k, const std::string&) { return k + '?'; })
      .to(out);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(d.input(in).send("k", "v").ok());
  CHECK(take(sink) == "k?=own! own?=own! k?=own! own?=own!");
}

TEST_CASE("each task has a processor of its own, made with what with() says") {
  struct Prefix {
    using Context = klamm::Context<std::string, std::string>;
    Prefix(Store& store, Context& c, std::string p) : n{store}, context{c}, prefix{std::move(p)} {}
    Store& n;
    Context& context;
    std::string prefix;
    int own = 0;
    void process(const klamm::Record<std::string, const std::string>& record) {
      const std::int64_t all = *n.update(record.key, [](std::int64_t& count) { ++count; });
      context.forward(record.key, prefix + std::to_string(context.partition()) + '.' + std::to_string(++own) + '.' + std::to_string(all));
    }
  };
  klamm::Topology t{"app"};
  const auto n = t.store<std::string, std::int64_t>("n");
  t.stream(in).process<Prefix>(n, klamm::with(">")).to(out);
  klamm::TestDriver d{t, {.partitions = 2}};
  auto sink = d.output(out);
  CHECK(d.input(in).send_raw("a", "v", {}, {}, 0).ok());
  CHECK(d.input(in).send_raw("a", "v", {}, {}, 0).ok());
  CHECK(d.input(in).send_raw("a", "v", {}, {}, 1).ok());
  std::string seen;
  for (const auto& record : sink.read()) seen += *record.value + ' ';
  CHECK(seen == ">0.1.1 >0.2.2 >1.1.1 ");
}

TEST_CASE("a processor may be the end of its stream, with or without saying so") {
  struct Ends {
    using Context = klamm::Context<>;
    Store& n;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>& record) {
      n.put(record.key, context.timestamp().milliseconds() + context.stream_time().milliseconds());
    }
  };
  klamm::Topology t{"app"};
  const auto n = t.store<std::string, std::int64_t>("n"), seen = t.store<std::string, std::int64_t>("seen");
  t.stream(in).process<Ends>(n);
  static_cast<void>(t.stream(in).process<Dedup>(seen));
  CHECK(t.check().empty());
  klamm::TestDriver d{t};
  CHECK(d.input(in).send("a", "v", ms(5)).ok());
  CHECK(d.input(in).send("b", "v", ms(3)).ok());
  CHECK(d.table(n).get("a") == 10);
  CHECK(d.table(n).get("b") == 8);
  CHECK(d.table(seen).all().size() == 1);
}

TEST_CASE("what a processor throws goes to the error policy, and what it has forwarded before stays") {
  struct Throws {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>& record) {
      context.forward(record.key, record.value);
      if (record.value == "bad") throw std::runtime_error{"no good"};
    }
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Throws>(klamm::as("picky")).to(out);
  SUBCASE("skip") {
    klamm::TestDriver d{t, {.on_error = klamm::skip()}};
    auto sink = d.output(out);
    for (const char* v : {"a", "bad", "b"}) CHECK(d.input(in).send("k", v).ok());
    CHECK(take(sink) == "k=a k=bad k=b");
    CHECK(d.counters().skipped == 1);
  }
  SUBCASE("fail") {
    klamm::TestDriver d{t};
    const klamm::Status status = d.input(in).send("k", "bad");
    CHECK(status.code() == klamm::Code::failed_record);
    CHECK(status.message().find("operator \"picky\": threw: no good") != std::string::npos);
    CHECK(d.output(out).read().empty());
  }
}

TEST_CASE("an exception behind a processor is that of the operator that has thrown") {
  klamm::Topology t{"app"};
  t.stream(in)
      .process<Twice>()
      .map([](const std::string& v) {
        if (v == "aa") throw std::runtime_error{"too long"};
        return v;
      })
      .to(out);
  klamm::TestDriver d{t};
  const klamm::Status status = d.input(in).send("k", "a");
  CHECK(status.message().find("operator \"in.map\": threw: too long") != std::string::npos);
}

TEST_CASE("a constructor that throws stops the application with its name") {
  struct Broken {
    using Context = klamm::Context<>;
    explicit Broken(Context&) { throw std::runtime_error{"no licence"}; }
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Broken>();
  klamm::TestDriver d{t};
  CHECK(d.status().message() == "task in/0: making the processor of operator \"in.process\" threw: no licence");
}

TEST_CASE("a processor that asks for a commit gets it before the interval is over") {
  struct Commits {
    using Context = klamm::Context<std::string, std::string>;
    Context& context;
    void process(const klamm::Record<std::string, const std::string>& record) {
      context.forward(record.key, record.value);
      if (record.value == "commit") context.commit();
    }
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Commits>().to(out);
  klamm::TestDriver d{t, {.commit_each_send = false}};
  auto sink = d.output(out);
  CHECK(d.input(in).send("k", "a").ok());
  CHECK(take(sink) == "");
  CHECK(d.input(in).send("k", "commit").ok());
  CHECK(take(sink) == "k=a k=commit");
}

TEST_CASE("forwarding while no record is at work is an error that names the operator") {
  static klamm::Context<std::string, std::string>* stolen;
  struct Leaks {
    using Context = klamm::Context<std::string, std::string>;
    explicit Leaks(Context& context) { stolen = &context; }
    void process(const klamm::Record<std::string, const std::string>&) {}
  };
  klamm::Topology t{"app"};
  t.stream(in).process<Leaks>().to(out);
  klamm::TestDriver d{t};
  REQUIRE(d.status().ok());
  stolen->forward("k", "v");
  const klamm::Status status = d.input(in).send("k", "v");
  CHECK(status.code() == klamm::Code::invalid_argument);
  CHECK(status.message().find("operator \"in.process\": forward was called while none of the processor's functions was running") == 0);
}
