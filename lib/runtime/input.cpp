#include "runtime/input.hpp"

#include <cstring>

namespace klamm::inline v0::runtime {

Result<std::size_t> LookAhead::fill(log::Reader& reader, std::size_t limit) {
  clear();
  return reader.poll(limit, [this](std::span<const RawMessage> batch) -> std::size_t {
    if (!messages_.empty()) return 0;  // one run at a time: its bytes have been measured
    std::size_t size = 1;
    for (const RawMessage& m : batch) size += m.key.size() + m.value.size() + m.headers.size();
    bytes_.resize(size);
    std::byte* at = bytes_.data();
    const auto keep = [&at](BytesView& view) {
      if (view.data() == nullptr) return;
      if (!view.empty()) std::memcpy(at, view.data(), view.size());
      view = {at, view.size()};
      at += view.size();
    };
    messages_.assign(batch.begin(), batch.end());
    for (RawMessage& m : messages_) {
      keep(m.key);
      keep(m.value);
      keep(m.headers);
    }
    return batch.size();
  });
}

}  // namespace klamm::inline v0::runtime
