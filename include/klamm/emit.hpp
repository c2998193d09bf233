#pragma once

namespace klamm::inline v0 {

/// When a table tells of its changes.
enum class Emit : unsigned char {
  /// Every change at once, as Kafka Streams without caches.
  on_update,
  /// At each commit, once for each key that changed since the last one, in the order in which the keys first changed: the value then, with
  /// the old value that was told last. Whoever looks keys up sees them as they are. All of it is in the commit; nothing is kept back over
  /// one. A key that came and went between two commits is a tombstone. When what is kept back takes more than 4 MiB in a task, all of it is
  /// told early. What fails while it is told counts for the record that changed the key last, whose bytes are gone by then: its dead letter
  /// has a null key and value, and the headers that say where.
  on_commit,
  /// Of a windowed table: each window once, when it closes, in the order of (start, key), for sessions of (end, start, key). However far
  /// stream
  /// time jumps, none is left out; its updates are not told.
  on_window_close,
};

}  // namespace klamm::inline v0
