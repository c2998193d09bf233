// Serdes of enums, plain structs and containers.
#include <doctest/doctest.h>

#include <cstring>
#include <memory>

#include "klamm/borrow.hpp"
#include "klamm/detail/heap_bytes.hpp"
#include "klamm/test_driver.hpp"
#include "klamm/testing/check_serde.hpp"
#include "support/hex.hpp"

using klamm::detail::has_serde_v;
using klamm::detail::schema_of;
using klamm::testing::check_serde;
using Problems = std::vector<std::string>;
using Halves = std::array<std::optional<std::int64_t>, 2>;

namespace shop {

enum class Color : std::uint8_t { red = 1, blue = 7 };
enum class Wide { a = -1, b };
enum Unfixed { one, two };
enum Fixed : std::int16_t { three = 3 };

struct Item {
  std::string name;
  std::int32_t count = 0;
  friend bool operator==(const Item&, const Item&) = default;
};
struct Order {
  std::int64_t id = 0;
  std::optional<std::string> note;
  Item first;
  std::vector<Item> more;
  Color color = Color::red;
  double price = 0;
  bool paid = false;
  klamm::Timestamp at;
  std::pair<std::int8_t, std::string> tag;
  std::array<float, 2> size{};
  friend bool operator==(const Order&, const Order&) = default;
};
struct Keyed {
  std::uint16_t shop;
  std::string user;
  friend bool operator==(const Keyed&, const Keyed&) = default;
};
struct Viewing {
  int n;
  std::string_view line;
};
template <class T> struct Boxed { T content; };

struct WithArray {
  int all[3];
};
struct Derived : Item {
  int more;
};
struct WithPointer {
  int* p;
};
class Hidden {
 public:
  int x() const { return x_; }

 private:
  int x_ = 0;
};
struct Constant {
  const int x = 1;
};

}  // namespace shop

using klamm::testing::hex;

namespace {

klamm::Bytes from_hex(std::string_view text) {
  klamm::Bytes bytes;
  const auto digit = [](char c) { return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'a' + 10); };
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) bytes.push_back(static_cast<std::byte>(digit(text[i]) << 4 | digit(text[i + 1])));
  return bytes;
}
template <class T> std::string refusal(std::string_view hex_text) {
  const klamm::Bytes bytes = from_hex(hex_text);
  T slot{};
  const klamm::Decoded decoded = klamm::detail::decode(klamm::BytesView{bytes}, slot);
  CHECK(decoded.code != klamm::Decoded::Code::unavailable);
  return decoded.ok() ? "fine" : decoded.reason;
}

shop::Order order(std::int64_t id, std::optional<std::string> note, std::vector<shop::Item> more) {
  shop::Order result;
  result.id = id;
  result.note = std::move(note);
  result.first = {"ink", 3};
  result.more = std::move(more);
  result.color = shop::Color::blue;
  result.tag = {-1, "t"};
  result.size = {1.0F, -2.5F};
  result.at = klamm::Timestamp{id};
  return result;
}

}  // namespace

TEST_CASE("schemas name widths and fields, the same from every compiler") {
  CHECK(schema_of<shop::Color>() == "uint8");
  CHECK(schema_of<shop::Wide>() == "int32");
  CHECK(schema_of<shop::Fixed>() == "int16");
  CHECK(schema_of<klamm::Timestamp>() == "timestamp");
  CHECK(schema_of<klamm::Duration>() == "duration");
  CHECK(schema_of<std::vector<std::string>>() == "list<string>");
  CHECK(schema_of<std::pair<bool, std::array<double, 3>>>() == "pair<bool,array<double,3>>");
  CHECK(schema_of<shop::Item>() == "struct{name:string,count:int32}");
  CHECK(schema_of<shop::Boxed<std::vector<std::optional<shop::Item>>>>() ==
        "struct{content:list<optional<struct{name:string,count:int32}>>}");
  CHECK(
      schema_of<shop::Order>() ==
      "struct{id:int64,note:optional<string>,first:struct{name:string,count:int32},more:list<struct{name:string,count:int32}>,color:uint8,"
      "price:double,paid:bool,at:timestamp,tag:pair<int8,string>,size:array<float,2>}");
  struct Local {
    int in_function;
  };
  CHECK(schema_of<Local>() == "struct{in_function:int32}");
}

TEST_CASE("bytes are as the grammar says") {
  CHECK(hex(shop::Color::blue) == "07");
  CHECK(hex(shop::Wide::a) == "ffffffff");
  CHECK(hex(shop::Item{"ab", 1}) == "02616200000001");
  CHECK(hex(shop::Boxed<std::optional<std::int8_t>>{}) == "00");
  CHECK(hex(shop::Boxed<std::optional<std::int8_t>>{5}) == "0105");
  CHECK(hex(shop::Boxed<std::vector<shop::Item>>{{{"a", 1}, {"", 2}}}) ==
        "0b01610000000100"
        "00000002");
  CHECK(hex(std::vector<std::string>{"a", "", "bc"}) == "016100026263");
  CHECK(hex(std::pair<std::int8_t, std::string>{1, "x"}) == "010178");
  CHECK(hex(std::vector<bool>{true, false}) == "0100");
  for (const auto& [size, head] : {std::pair{127, "7f"}, {128, "8001"}, {16383, "ff7f"}, {16384, "808001"}, {2'097'152, "80808001"}}) {
    CHECK(hex(shop::Boxed<std::string>{std::string(static_cast<std::size_t>(size), 'x')}).substr(0, std::strlen(head) + 2) ==
          std::string{head} + "78");
  }
}

TEST_CASE("built-in serdes pass the checks that are offered for others") {
  CHECK(check_serde<shop::Order>({shop::Order{}, order(7, {}, {}), order(-1, "", {{"a", 1}}),
                                  order(3, "a longer note than fits inside", {{"a", 1}, {"b", 2}}),
                                  order(9, std::string(300, 'n'), std::vector<shop::Item>(9))}) == Problems{});
  CHECK(check_serde<shop::Keyed>({{1, "a"}, {1, "a"}, {2, ""}}) == Problems{});
  CHECK(check_serde<shop::Color>({shop::Color::red, shop::Color::blue, shop::Color{99}}) == Problems{});
  CHECK(check_serde<std::vector<bool>>({{}, {true}, {false, true, true}}) == Problems{});
  CHECK(check_serde<std::vector<std::vector<std::string>>>({{}, {{}}, {{"a"}, {}, {"b", ""}}}) == Problems{});
  CHECK(check_serde<Halves>({Halves{}, Halves{1, {}}, Halves{std::nullopt, 2}}) == Problems{});
  CHECK(check_serde<bool>({true, false}) == Problems{});
  CHECK(check_serde<klamm::Timestamp>({klamm::Timestamp{}, klamm::Timestamp{-5}}) == Problems{});
  CHECK(check_serde<shop::Boxed<double>>({{0.5}, {-0.0}}) == Problems{});  // no ==: by bytes
}

TEST_CASE("bytes that no value has are malformed") {
  const struct {
    const char* bytes;
    const char* reason;
  } items[] = {{"", "ends inside a size"},
               {"80", "ends inside a size"},
               {"0261", "a size beyond the end"},
               {"ffffffffff", "a size of more than 32 bits"},
               {"ffffffff7f", "a size of more than 32 bits"},
               {"8000", "a size longer than needed"},
               {"0261620000", "ends inside a number"},
               {"0261620000000100", "bytes behind the last field"},
               {"02616200000001", "fine"}};
  for (const auto& item : items) {
    CAPTURE(item.bytes);
    CHECK(refusal<shop::Item>(item.bytes) == item.reason);
  }
  CHECK(refusal<shop::Boxed<std::optional<bool>>>("02") == "optional without a mark of 0 or 1");
  CHECK(refusal<shop::Boxed<std::optional<bool>>>("0102") == "bool that is not one byte of 0 or 1");
  CHECK(refusal<shop::Boxed<std::optional<bool>>>("0001") == "bytes behind the last field");
  CHECK(refusal<shop::Boxed<shop::Item>>("01") == "a size beyond the end");
  CHECK(refusal<std::vector<std::int32_t>>("0000000100") == "ends inside a number");
  CHECK(refusal<shop::Color>("0000") == "integer of another size");
}

TEST_CASE("what has a serde, and what is a view") {
  CHECK(has_serde_v<shop::Order>);
  CHECK(has_serde_v<shop::Viewing>);
  CHECK(has_serde_v<klamm::BytesView>);
  CHECK_FALSE(has_serde_v<shop::Unfixed>);
  CHECK_FALSE(has_serde_v<shop::WithArray>);
  CHECK_FALSE(has_serde_v<shop::Derived>);
  CHECK_FALSE(has_serde_v<shop::WithPointer>);
  CHECK_FALSE(has_serde_v<shop::Hidden>);
  CHECK_FALSE(has_serde_v<shop::Constant>);
  CHECK_FALSE(has_serde_v<shop::Boxed<std::unique_ptr<int>>>);
  CHECK_FALSE(has_serde_v<klamm::Decoded>);
  CHECK(klamm::borrowed_v<shop::Viewing>);
  CHECK(klamm::borrowed_v<shop::Boxed<shop::Viewing>>);
  CHECK(klamm::borrowed_v<shop::Boxed<std::vector<shop::Viewing>>>);
  CHECK(klamm::borrowed_v<std::optional<shop::Boxed<klamm::BytesView>>>);
  CHECK_FALSE(klamm::borrowed_v<shop::Order>);
  CHECK_FALSE(klamm::borrowed_v<shop::Derived>);
  CHECK_FALSE(klamm::borrowed_v<shop::Hidden>);
  CHECK(klamm::detail::canonical<shop::Keyed>());
  CHECK_FALSE(klamm::detail::canonical<shop::Order>());  // it has a double
}

TEST_CASE("the memory budget sees what structs keep on the heap") {
  using klamm::detail::HeapBytes;
  CHECK_FALSE(HeapBytes<shop::Boxed<std::pair<int, double>>>::any);
  CHECK(HeapBytes<shop::Order>::any);
  shop::Order order;
  const std::size_t before = klamm::detail::heap_bytes(order);
  order.tag.second = std::string(1000, 'x');
  order.more.resize(10);
  CHECK(klamm::detail::heap_bytes(order) > before + 1000 + 10 * sizeof(shop::Item));
}

TEST_CASE("plain structs are keys and values of tables, and survive without the disk") {
  klamm::Topology t{"shops"};
  const klamm::Topic<std::int64_t, shop::Order> orders{"orders"};
  const klamm::Topic<shop::Keyed, shop::Item> totals{"totals"};
  t.stream(orders)
      .group_by([](const shop::Order& o) {
        return shop::Keyed{static_cast<std::uint16_t>(o.id), o.first.name};
      })
      .aggregate(klamm::table<shop::Item>("totals").fold([](shop::Item& sum, const shop::Order& o) {
        sum.name = o.first.name;
        sum.count += o.first.count;
      }))
      .to(totals);
  klamm::TestDriver d{t};
  auto in = d.input(orders);
  auto out = d.output(totals);
  CHECK(in.send(1, order(4, {}, {})).ok());
  CHECK(out.read() == out.records({{shop::Keyed{4, "ink"}, shop::Item{"ink", 3}}}));
  for (const klamm::Disk disk : {klamm::Disk::kept, klamm::Disk::lost}) {
    d.restart(disk);
    CHECK(in.send(2, order(4, "again", {{"pen", 1}})).ok());
  }
  CHECK(d.table<shop::Keyed, shop::Item>("totals").get({4, "ink"}) == shop::Item{"ink", 9});
  CHECK(d.table<shop::Keyed, shop::Item>("totals").get({5, "ink"}) == std::nullopt);
}

TEST_CASE("structs of views are read without a copy of what they point to") {
  klamm::Topology t{"views"};
  const klamm::Topic<klamm::BytesView, shop::Viewing> in{"in"};
  const klamm::Topic<klamm::BytesView, std::int64_t> sizes{"sizes"};
  t.stream(in).map([](const shop::Viewing& v) { return static_cast<std::int64_t>(v.line.size()) * v.n; }).to(sizes);
  klamm::TestDriver d{t};
  auto out = d.output(klamm::Topic<std::string, std::int64_t>{"sizes"});
  CHECK(d.input(in).send({}, {2, "four"}).ok());
  CHECK(d.input(klamm::Topic<std::string, shop::Viewing>{"in"}).send("k", {3, ""}).ok());
  CHECK(out.read() == out.records({{"", 8}, {"k", 0}}));
}
