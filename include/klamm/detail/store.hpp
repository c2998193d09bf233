#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "klamm/detail/rows.hpp"
#include "klamm/record.hpp"
#include "klamm/serde.hpp"
#include "klamm/status.hpp"

// DRAFT of the typed face of a store: the contract between the DSL's stages and lib/state.

namespace klamm::detail {

/// One key's row. `present` false: erased, or new and not yet given a value.
template <class V>
struct Row {
  V value;
  Timestamp timestamp;  // of the newest record that changed it
  bool present() const;
  void set_present(bool);
};

class StoreBase {
 public:
  virtual ~StoreBase() = default;
  // what the runtime asks: begin_drain, drain_some, settle, abort, restore, ... (lib/state)
};

template <class V>
class Store final : public StoreBase {
 public:
  /// The row of `key`, uncommitted changes included; null when absent. Valid until the next call.
  const Row<V>* find(BytesView key);
  /// The row of `key` for change: its old value is kept for an abort first. When it is not present, `value` is V{}. Valid until the next call.
  Row<V>& change(BytesView key);
  /// Erases a row that `change` returned; it must not be used after.
  void erase(Row<V>& row);
};

}  // namespace klamm::detail
