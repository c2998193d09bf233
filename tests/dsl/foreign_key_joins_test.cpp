#include <map>
#include <random>

#include "klamm/detail/foreign_key.hpp"
#include "support.hpp"

using namespace klamm::testing;

namespace {

/// Was written with its digits once.
struct Grade {
  std::int64_t value = 0;
};

}  // namespace

template <> struct klamm::serde<Grade> {
  static constexpr const char* schema = "grade-2";
  static void encode(const Grade& grade, klamm::Bytes& out) { klamm::serde<std::int64_t>::encode(grade.value, out); }
  static klamm::Decoded decode(klamm::BytesView in, Grade& slot) { return klamm::serde<std::int64_t>::decode(in, slot.value); }
  static klamm::Decoded upgrade(std::string_view old_schema, klamm::BytesView in, Grade& slot) {
    if (old_schema != "grade-1") return klamm::malformed("no grade");
    slot.value = static_cast<std::int64_t>(in.size());
    return {};
  }
};

namespace {

using Optional = klamm::Topic<std::string, std::optional<std::string>>;
const Text orders{"orders"}, users{"users"};

/// The user of "item>user"; none without one.
std::optional<std::string> user_of(const std::string& order) {
  const auto at = order.find('>');
  return at == std::string::npos ? std::nullopt : std::optional{order.substr(at + 1)};
}
std::string both(const std::string& order, const std::string& user) { return order + '=' + user; }
std::string maybe(const std::string& order, const std::string* user) { return order + '=' + (user != nullptr ? *user : "?"); }

/// Takes "o:key value" and "u:key value", or without a value a deletion, at times 1, 2, 3…
class Driver {
 public:
  explicit Driver(const klamm::Topology& t, const klamm::TestDriverOptions& options = {}) : driver{t, options}, sink{driver.output(out)} {}

  std::string operator()(std::initializer_list<const char*> steps) {
    for (const std::string step : steps) {
      auto input = driver.input(Optional{step[0] == 'o' ? "orders" : "users"});
      const auto blank = step.find(' ');
      const std::string key = step.substr(2, blank - 2);
      CHECK(
          (blank == std::string::npos ? input.send_tombstone(key, ms(++time)) : input.send(key, step.substr(blank + 1), ms(++time))).ok());
    }
    return take_timed(sink);
  }

  klamm::TestDriver driver;
  klamm::TestOutput<std::string, std::string> sink;
  std::int64_t time = 0;
};

void inner(klamm::Topology& t) { t.table(orders).join(t.table(users), user_of, both, klamm::as("bills")).to(out); }
void left(klamm::Topology& t) { t.table(orders).left_join(t.table(users), user_of, maybe, klamm::as("bills")).to(out); }

}  // namespace

TEST_CASE("rows are joined with the row they refer to, and a change of that reaches all of them in the order of their keys") {
  klamm::Topology t{"app"};
  inner(t);
  Driver d{t};
  CHECK(d({"o:2 pen>ann", "o:1 ink>ann", "o:3 cap>bob"}) == "");
  CHECK(d({"u:ann A"}) == "1=ink>ann=A@4 2=pen>ann=A@4");
  CHECK(d({"o:2 pad>ann"}) == "2=pad>ann=A@5");
  CHECK(d({"u:ann B"}) == "1=ink>ann=B@6 2=pad>ann=B@6");  // the right row's time
  CHECK(d({"u:ann"}) == "1=~@7 2=~@7");
  CHECK(d({"u:ann", "u:ann"}) == "1=~@8 2=~@8 1=~@9 2=~@9");
}

TEST_CASE("a row that refers to another one, or to none, or goes, has its old result taken away") {
  klamm::Topology t{"app"};
  inner(t);
  Driver d{t};
  CHECK(d({"u:ann A", "u:bob B", "o:1 ink>ann"}) == "1=ink>ann=A@3");
  CHECK(d({"o:1 ink>bob"}) == "1=ink>bob=B@4");
  CHECK(d({"u:ann C"}) == "");  // nobody refers to her any more
  CHECK(d({"o:1 ink>cat"}) == "1=~@6");
  CHECK(d({"o:1 ink>bob", "o:1 ink"}) == "1=ink>bob=B@7 1=~@8");
  CHECK(d({"o:1 ink", "o:1 ink>bob", "o:1", "o:1"}) == "1=ink>bob=B@10 1=~@11");
  CHECK(d({"o:4 cap>cat", "o:4"}) == "4=~@14");  // as Kafka Streams: nobody knows that it never joined
  CHECK(d.driver.counters().dropped == 2);       // rows that refer to none
}

TEST_CASE("a left join has a row for each of the left table") {
  klamm::Topology t{"app"};
  left(t);
  Driver d{t};
  CHECK(d({"o:1 ink", "o:2 pen>ann", "u:ann A", "u:ann"}) == "1=ink=?@1 2=pen>ann=?@2 2=pen>ann=A@3 2=pen>ann=?@4");
  CHECK(d({"o:1 ink>ann", "u:ann B", "o:1 ink", "o:1", "o:1"}) == "1=ink>ann=?@5 1=ink>ann=B@6 2=pen>ann=B@6 1=ink=?@7 1=~@8");
  CHECK(d.driver.counters().dropped == 0);
}

TEST_CASE("the time of a result is the greater of both sides' for a change on the left, and the right one's for one on the right") {
  klamm::Topology t{"app"};
  inner(t);
  klamm::TestDriver d{t};
  auto sink = d.output(out);
  CHECK(d.input(users).send("ann", "A", ms(9)).ok());
  CHECK(d.input(orders).send("1", "ink>ann", ms(5)).ok());
  CHECK(d.input(users).send("ann", "B", ms(3)).ok());
  CHECK(take_timed(sink) == "1=ink>ann=A@9 1=ink>ann=B@3");
}

TEST_CASE("the tables may have different partition counts; answers find the partition of the left row") {
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    klamm::Topology t{"app"};
    t.table(orders.partitions(3)).join(t.table(users.partitions(2)), user_of, both).to(out);
    klamm::TestDriver d{t};
    auto sink = d.output(out);
    const std::string names[] = {"ann", "bob", "cat", "dan"};
    for (const std::string& name : names) CHECK(d.input(users).send(name, name.substr(0, 1)).ok());
    for (int i = 0; i < 12; ++i) CHECK(d.input(orders).send(std::to_string(i), "ink>" + names[i % 4]).ok());
    d.restart(disk);
    for (const std::string& name : names) CHECK(d.input(users).send(name, "new").ok());
    std::map<std::string, std::string> last;
    for (const auto& record : sink.read()) last[*record.key] = *record.value;
    REQUIRE(last.size() == 12);
    for (const auto& [key, value] : last) CHECK(value == "ink>" + names[std::stoi(key) % 4] + "=new");
  }
}

TEST_CASE("keys of any type, views of tables, a table that refers to itself; what comes out can be looked into, grouped and joined") {
  klamm::Topology t{"app"};
  const klamm::Topic<std::int64_t, std::string> staff{"staff"};
  const auto people = t.table(staff);
  const auto boss = [](const std::string& v) { return static_cast<std::int64_t>(v[0] - '0'); };
  const auto pairs = people.filter([](const std::string& v) { return v != "no"; })
                         .join(people.map([](const std::string& v) { return v + '!'; }), boss, both, klamm::as("bosses"));
  pairs.to(klamm::Topic<std::int64_t, std::string>{"out"});
  pairs.group_by([](const std::string& v) { return v.substr(v.find('=')); }).count("n").to(counts);
  klamm::TestDriver d{t, {.partitions = 2}};
  auto sink = d.output(klamm::Topic<std::int64_t, std::string>{"out"});
  auto groups = d.output(counts);
  CHECK(d.input(staff).send(1, "1top").ok());
  CHECK(take(sink) == "1=1top=1top!");
  CHECK(d.input(staff).send(2, "1mid").ok());
  CHECK(take(sink) == "2=1mid=1top!");
  CHECK(take(groups) == "=1top!=1 =1top!=2");
  CHECK(d.input(staff).send(2, "no").ok());
  CHECK(take(sink) == "2=~");
  CHECK(take(groups) == "=1top!=1");
  CHECK(d.table<std::int64_t, std::string>("bosses").get(1) == "1top=1top!");
}

TEST_CASE("its topics and stores are named after it, the left table has a changelog of its own") {
  klamm::Topology t{"app"};
  t.table(orders).join(t.table(users), user_of, both).to(out);
  CHECK(t.check().empty());
  const std::string text = t.describe();
  for (const char* part :
       {"topic app-orders.join-users-subscription-registration: repartition\n",
        "topic app-orders.join-users-subscription-response: repartition\n",
        "store orders.join-users-subscriptions: string -> subscriber-1, logged by app-orders.join-users-subscriptions-changelog\n",
        "store orders.join-users: string -> string, logged by app-orders.join-users-changelog\n", "logged by app-orders-changelog\n",
        "store users: string -> string, logged by its source topic users\n", "sub-topology 0 orders\n",
        "sub-topology 1 orders.join-users-subscription-registration\n"})
    CHECK_MESSAGE(text.find(part) != std::string::npos, part);

  klamm::Topology twice{"app"};
  const auto l = twice.table(orders);
  const auto r = twice.table(users);
  l.join(r, user_of, both).to(out);
  l.join(r, user_of, both).to(other);
  CHECK(twice.check().at(0).message.find("name one of the operators with klamm::as") != std::string::npos);
}

TEST_CASE("messages of another version are not taken for ours") {
  klamm::Bytes subscription, subscriber, answer;
  const klamm::detail::Subscription said{klamm::detail::Ask::forget, 7, {std::byte{'k'}}};
  using Answer = klamm::detail::Answer<std::string>;
  klamm::serde<klamm::detail::Subscription>::encode(said, subscription);
  klamm::serde<klamm::detail::Subscriber>::encode({5}, subscriber);
  CHECK(klamm::serde<Answer>::encode({klamm::detail::reference_to({}), true, "v"}, answer).ok());
  klamm::detail::Subscription read;
  klamm::detail::Subscriber kept;
  Answer got;
  CHECK(klamm::serde<klamm::detail::Subscription>::decode(subscription, read).ok());
  CHECK((read.ask == said.ask && read.partition == 7 && read.left_key == said.left_key));
  CHECK(klamm::serde<klamm::detail::Subscriber>::decode(subscriber, kept).ok());
  CHECK(kept.partition == 5);
  CHECK(klamm::serde<Answer>::decode(answer, got).ok());
  CHECK((got.found && got.value == "v" && got.from == klamm::detail::reference_to({})));
  for (klamm::Bytes* bytes : {&subscription, &subscriber, &answer}) {
    (*bytes)[0] = std::byte{2};
    CHECK_FALSE(klamm::serde<klamm::detail::Subscription>::decode(*bytes, read).ok());
    CHECK_FALSE(klamm::serde<klamm::detail::Subscriber>::decode(*bytes, kept).ok());
    CHECK_FALSE(klamm::serde<Answer>::decode(*bytes, got).ok());
    bytes->resize(3);
    (*bytes)[0] = std::byte{1};
    CHECK_FALSE(klamm::serde<klamm::detail::Subscription>::decode(*bytes, read).ok());
    CHECK_FALSE(klamm::serde<klamm::detail::Subscriber>::decode(*bytes, kept).ok());
    CHECK_FALSE(klamm::serde<Answer>::decode(*bytes, got).ok());
  }
}

TEST_CASE("an answer with a value of an older type is upgraded by that type's serde") {
  using Answer = klamm::serde<klamm::detail::Answer<Grade>>;
  CHECK(Answer::schema() == "answer-1<grade-2>");
  klamm::Bytes bytes;
  klamm::detail::put_answer_head({7, true}, true, bytes);
  bytes.resize(bytes.size() + 3);
  klamm::detail::Answer<Grade> read;
  CHECK(Answer::upgrade("answer-1<grade-1>", bytes, read).ok());
  CHECK((read.found && read.value.value == 3 && read.from.fingerprint == 7));
  CHECK_FALSE(Answer::upgrade("answer-1<grade-0>", bytes, read).ok());
  CHECK_FALSE(Answer::upgrade("grade-1", bytes, read).ok());
}

TEST_CASE("a word about a row that is still under way when the row changes again does not keep a void result") {
  klamm::Topology t{"app"};
  inner(t);
  Driver d{t, {.commit_each_send = false}};
  d({"u:ann A", "u:bob B", "o:1 ink>ann", "o:2 pen>ann"});
  CHECK(d.driver.commit().ok());
  CHECK(take_timed(d.sink) == "1=ink>ann=A@3 2=pen>ann=A@4");
  d({"o:1 ink", "o:1 ink>cat", "o:2", "o:2 pen>bob"});  // to nobody who is there; to somebody else
  CHECK(d.driver.commit().ok());
  CHECK(take_timed(d.sink) == "1=~@6 2=pen>bob=B@8");
  CHECK(d.driver.counters().dropped == 3);  // a row that refers to none, and two answers that came too late
}

TEST_CASE("whatever is under way and whenever it crashes, the last results are those of the last rows") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random{seed};
    const auto pick = [&random](unsigned n) { return random() % n; };
    const bool keeps_all = pick(2) == 0;
    klamm::Topology t{"app"};
    (keeps_all ? left : inner)(t);
    klamm::TestDriver d{t, {.partitions = static_cast<int>(1 + pick(3)), .commit_each_send = false}};
    auto sink = d.output(out);
    std::map<std::string, std::string> order_rows, user_rows, expected, got;
    for (int i = 0; i < 60; ++i) {
      const bool order = pick(3) != 0;
      const std::string key = std::to_string(pick(4));
      std::string value = order ? "o" + std::to_string(i) + (pick(5) == 0 ? "" : '>' + std::to_string(pick(6))) : "u" + std::to_string(i);
      auto input = d.input(order ? Optional{"orders"} : Optional{"users"});
      auto& rows = order ? order_rows : user_rows;
      if (pick(4) == 0) {
        rows.erase(key);
        CHECK(input.send_tombstone(key, ms(i)).ok());
      } else {
        rows[key] = value;
        CHECK(input.send(key, value, ms(i)).ok());
      }
      if (pick(8) == 0) CHECK(d.commit().ok());
      if (pick(12) == 0) d.restart(pick(2) == 0 ? klamm::Disk::kept : klamm::Disk::lost);
    }
    CHECK(d.commit().ok());
    for (const auto& [key, order] : order_rows) {
      const auto user = user_of(order);
      const auto found = user ? user_rows.find(*user) : user_rows.end();
      if (found != user_rows.end() || keeps_all) expected[key] = order + '=' + (found == user_rows.end() ? "?" : found->second);
    }
    for (const auto& record : sink.read()) {
      if (record.value)
        got[*record.key] = *record.value;
      else
        got.erase(*record.key);
    }
    CHECK_MESSAGE(got == expected, "seed ", seed);
    for (const char* key : {"0", "1", "2", "3"}) {
      const auto row = d.table<std::string, std::string>("bills").get(key);
      CHECK(row == (expected.contains(key) ? std::optional{expected[key]} : std::nullopt));
    }
  }
}
