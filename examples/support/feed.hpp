#pragma once

#include <klamm/klamm.hpp>
#include <string>

#include "live_view.hpp"
#include "stop_on_signal.hpp"
#include "text_file.hpp"

namespace example {

using Lines = klamm::Topic<klamm::NoKey, std::string>;

/// Puts what is new in the file into the topic of an embedded log. The feeder keeps the position of each file in the same commit as its
/// lines, so a run that was killed is gone on with where it was.
inline klamm::Status feed(klamm::App& app, const Lines& lines, const std::string& path, LiveView& view) {
  auto text = TextFile::open(path);
  if (!text.ok()) return text.status();
  auto feeder = app.feeder(lines, text->real_path());
  const auto position = feeder.position();
  if (!position.ok()) return position.status();
  if (auto status = text->seek(*position); !status.ok()) return status;
  std::string line;
  while (text->next(line)) {
    if (auto status = feeder.send(klamm::NoKey{}, line, text->position()); !status.ok()) return status;
    view.update(text->position(), text->size());
  }
  return text->status().ok() ? feeder.flush() : text->status();
}

/// Whether the file, if one is named, can be read: told before anybody waits for a broker.
inline klamm::Status readable(const std::string& path) { return path.empty() ? klamm::Status{} : TextFile::open(path).status(); }

/// Puts each line of the file into the topic; a run that is stopped leaves a part of it there.
inline klamm::Status append(const klamm::Producer<klamm::NoKey, std::string>& lines, const std::string& path, const StopOnSignal& signals) {
  klamm::Result<TextFile> text = TextFile::open(path);
  if (!text.ok()) return text.status();
  std::string line;
  while (!signals.caught() && text->next(line)) {
    if (klamm::Status status = lines.send(klamm::NoKey{}, line); !status.ok()) return status;
  }
  if (signals.caught()) return {klamm::Code::cancelled, "file \"" + path + "\": was stopped before all of it was in the topic", path};
  return text->status().ok() ? lines.flush() : text->status();
}

}  // namespace example
