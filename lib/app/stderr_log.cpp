#include "app/stderr_log.hpp"

#include <cstdio>
#include <string>

namespace klamm::inline v0 {

LogSink stderr_log() {
  return [](Level level, std::string_view component, std::string_view message, std::span<const Field> fields) {
    if (level == Level::debug) return;
    static constexpr const char* names[] = {"debug", "info ", "warn ", "error"};
    std::string line = std::string{"klamm "} + names[static_cast<int>(level)] + ' ';
    line.append(component).append(": ").append(message);
    for (const Field& field : fields) line.append(&field == fields.data() ? " (" : ", ").append(field.name).append("=").append(field.value);
    if (!fields.empty()) line += ')';
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), stderr);
  };
}

}  // namespace klamm::inline v0
