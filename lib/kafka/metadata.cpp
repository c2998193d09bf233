#include "kafka/metadata.hpp"

#include <charconv>

#include "kafka/base64.hpp"

namespace klamm::inline v0::rdkafka {

std::optional<std::string> OffsetMetadata::encode(std::size_t limit) const {
  std::string text = far ? '@' + std::to_string(*far) : to_base64(mark);
  if (text.size() > limit) return {};
  if (signature.producers.empty()) return text;
  std::string signed_text = text + '.' + signature.instance;
  for (const std::string& producer : signature.producers) signed_text += ',' + producer;
  return signed_text.size() <= limit ? signed_text : text;
}

std::optional<OffsetMetadata> OffsetMetadata::decode(std::string_view text) {
  OffsetMetadata found;
  const std::size_t dot = text.find('.');
  const std::string_view mark = text.substr(0, dot);
  if (mark.starts_with('@')) {
    const char *first = mark.data() + 1, *last = mark.data() + mark.size();
    std::int64_t offset = -1;
    if (const auto [end, error] = std::from_chars(first, last, offset); error != std::errc{} || end != last || offset < 0) return {};
    found.far = offset;
  } else {
    auto bytes = from_base64(mark);
    if (!bytes) return {};
    found.mark = *std::move(bytes);
  }
  if (dot == std::string_view::npos) return found;
  std::string_view rest = text.substr(dot + 1);
  for (bool first = true;; first = false) {
    const std::size_t comma = rest.find(',');
    std::string name{rest.substr(0, comma)};
    if (first)
      found.signature.instance = std::move(name);
    else
      found.signature.producers.push_back(std::move(name));
    if (comma == std::string_view::npos) return found;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace klamm::inline v0::rdkafka
