#include "sqlite_extension/schema.hpp"

#include <cstdlib>
#include <utility>

namespace klamm::sqlite_extension {
namespace {

using Kind = Type::Kind;

constexpr int deepest = 64;  // of types inside types: a file may say anything

constexpr struct {
  std::string_view name;
  Kind kind;
  std::size_t size;
} numbers[] = {{"int8", Kind::integer, 1},
               {"int16", Kind::integer, 2},
               {"int32", Kind::integer, 4},
               {"int64", Kind::integer, 8},
               {"uint8", Kind::unsigned_integer, 1},
               {"uint16", Kind::unsigned_integer, 2},
               {"uint32", Kind::unsigned_integer, 4},
               {"uint64", Kind::unsigned_integer, 8},
               {"timestamp", Kind::integer, 8},
               {"duration", Kind::integer, 8},
               {"float", Kind::floating, 4},
               {"double", Kind::floating, 8},
               {"bool", Kind::boolean, 1}};

/// Takes types off the front of a text.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_{text} {}

  Type type(int depth) {
    Type result;
    if (depth > deepest) {
      failed_ = true;
    } else if (take("struct{")) {
      result.kind = Kind::record;
      do {
        result.names.emplace_back(until(":"));
        expect(":");
        result.parts.push_back(type(depth + 1));
      } while (!failed_ && take(","));
      expect("}");
    } else if (take("optional<")) {
      result = around(Kind::optional, depth);
    } else if (take("list<")) {
      result = around(Kind::list, depth);
    } else if (take("pair<")) {
      result.kind = Kind::pair;
      result.parts.push_back(type(depth + 1));
      expect(",");
      result.parts.push_back(type(depth + 1));
      expect(">");
    } else if (take("array<")) {
      result.kind = Kind::array;
      result.parts.push_back(type(depth + 1));
      expect(",");
      result.size = std::strtoul(std::string{until(">")}.c_str(), nullptr, 10);
      expect(">");
    } else {
      result = simple(name());
    }
    return result;
  }
  [[nodiscard]] bool all() const { return !failed_ && rest_.empty(); }

 private:
  bool take(std::string_view begin) {
    if (rest_.substr(0, begin.size()) != begin) return false;
    rest_.remove_prefix(begin.size());
    return true;
  }
  void expect(std::string_view what) {
    if (!take(what)) failed_ = true;
  }
  std::string_view until(std::string_view end) {
    const std::string_view found = rest_.substr(0, rest_.find(end));
    rest_.remove_prefix(found.size());
    return found;
  }
  Type around(Kind kind, int depth) {
    Type result;
    result.kind = kind;
    result.parts.push_back(type(depth + 1));
    expect(">");
    return result;
  }
  /// A name; one of the user's may have brackets of its own.
  std::string_view name() {
    std::size_t size = 0;
    for (int open = 0; size < rest_.size(); ++size) {
      const char c = rest_[size];
      if (open == 0 && (c == ',' || c == '>' || c == '}')) break;
      if (c == '<' || c == '{') ++open;
      if (c == '>' || c == '}') --open;
    }
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }
  static Type simple(std::string_view name) {
    Type result;
    for (const auto& number : numbers) {
      if (number.name != name) continue;
      result.kind = number.kind;
      result.size = number.size;
    }
    if (name == "string") result.kind = Kind::text;
    if (name == "bytes") result.kind = Kind::bytes;
    return result;
  }

  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

bool Type::ends_itself() const {
  switch (kind) {
    case Kind::text:
    case Kind::bytes:
    case Kind::list:
    case Kind::unknown:
      return false;
    default:
      return true;
  }
}

Type parse_schema(std::string_view schema) {
  Parser parser{schema};
  Type type = parser.type(0);
  return parser.all() ? type : Type{};
}

}  // namespace klamm::sqlite_extension
