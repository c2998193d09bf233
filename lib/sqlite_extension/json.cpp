#include "sqlite_extension/json.hpp"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace klamm::sqlite_extension {
namespace {

using Kind = Type::Kind;

void put_hex(std::string_view bytes, std::string& out) {
  out += '"';
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  out += '"';
}

void put_text(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  out += '"';
}

std::uint64_t network_order(std::string_view bytes) {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  return bits;
}

void put_floating(std::string_view bytes, std::string& out) {
  const std::uint64_t bits = network_order(bytes);
  double value = 0;
  if (bytes.size() == 8) {
    std::memcpy(&value, &bits, sizeof value);
  } else {
    const auto half = static_cast<std::uint32_t>(bits);
    float narrow = 0;
    std::memcpy(&narrow, &half, sizeof narrow);
    value = static_cast<double>(narrow);
  }
  if (!std::isfinite(value)) return put_hex(bytes, out);
  char text[32];
  std::snprintf(text, sizeof text, bytes.size() == 8 ? "%.17g" : "%.9g", value);
  out += text;
}

void put_number(std::string_view bytes, const Type& type, std::string& out) {
  if (type.kind == Kind::floating) return put_floating(bytes, out);
  const std::uint64_t bits = network_order(bytes);
  const std::size_t spare = 64 - 8 * bytes.size();
  if (type.kind == Kind::integer)
    out += std::to_string(static_cast<std::int64_t>(bits << spare) >> spare);
  else
    out += std::to_string(bits);
}

/// Takes values off the front of some bytes. False where these don't fit the type.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_{bytes} {}

  /// A value to the end of the bytes.
  bool whole(const Type& type, std::string& out) {
    switch (type.kind) {
      case Kind::optional:  // null is never written
        return whole(type.parts[0], out);
      case Kind::text:
        put_text(rest_, out);
        return true;
      case Kind::bytes:
      case Kind::unknown:
        put_hex(rest_, out);
        return true;
      case Kind::list: {
        const char* separator = "";
        out += '[';
        for (; !rest_.empty(); separator = ",") {
          out += separator;
          const std::size_t before = rest_.size();
          if (!field(type.parts[0], out) || rest_.size() == before) return false;  // an array of none takes nothing
        }
        out += ']';
        return true;
      }
      default:
        return field(type, out) && rest_.empty();
    }
  }

 private:
  bool field(const Type& type, std::string& out) {
    switch (type.kind) {
      case Kind::integer:
      case Kind::unsigned_integer:
      case Kind::floating:
        if (rest_.size() < type.size) return false;
        put_number(take(type.size), type, out);
        return true;
      case Kind::boolean:
        return mark(out, "false", "true") >= 0;
      case Kind::optional: {
        const int there = mark(out, "null", "");
        return there == 0 || (there == 1 && field(type.parts[0], out));
      }
      case Kind::record:
        return sequence(type, type.parts.size(), "{", "}", out);
      case Kind::pair:
      case Kind::array:
        return sequence(type, type.kind == Kind::pair ? 2 : type.size, "[", "]", out);
      default:
        return sized(type, out);
    }
  }
  bool sequence(const Type& type, std::size_t count, const char* begin, const char* end, std::string& out) {
    out += begin;
    for (std::size_t i = 0; i < count; ++i) {
      if (i != 0) out += ',';
      if (type.kind == Kind::record) {
        put_text(type.names[i], out);
        out += ':';
      }
      if (!field(type.kind == Kind::array ? type.parts[0] : type.parts[i], out)) return false;
    }
    out += end;
    return true;
  }
  bool sized(const Type& type, std::string& out) {
    std::uint64_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
      if (rest_.empty() || shift > 28) return false;
      const auto byte = static_cast<unsigned char>(take(1)[0]);
      size |= std::uint64_t{byte & 0x7fU} << shift;
      if ((byte & 0x80U) == 0) break;
    }
    return size <= rest_.size() && Reader{take(size)}.whole(type, out);
  }
  /// 0 or 1, and then one of the two texts; else -1.
  int mark(std::string& out, const char* zero, const char* one) {
    if (rest_.empty() || static_cast<unsigned char>(rest_[0]) > 1) return -1;
    const bool set = take(1)[0] != 0;
    out += set ? one : zero;
    return set ? 1 : 0;
  }
  std::string_view take(std::size_t size) {
    const std::string_view front = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return front;
  }

  std::string_view rest_;
};

}  // namespace

std::string to_json(std::string_view bytes, const Type& type) {
  std::string out;
  if (Reader{bytes}.whole(type, out)) return out;
  out.clear();
  put_hex(bytes, out);
  return out;
}

}  // namespace klamm::sqlite_extension
