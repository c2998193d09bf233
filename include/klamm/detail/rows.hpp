#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <vector>

#include "klamm/record.hpp"
#include "klamm/time.hpp"

// What a store keeps for a key, as far as templates need to see it. The memory, the index and the files are in lib/state.

namespace klamm::inline v0::state {
class RowTable;
class UndoLog;
struct StoreCore;
}  // namespace klamm::inline v0::state

namespace klamm::inline v0::detail {

/// Number of a row in its store's memory: stable while the row lives, half the size of a pointer.
using RowHandle = std::uint32_t;
/// Counts the commits of one store, from 1; 0 is "never".
using CommitNumber = std::uint32_t;

/// What is known of a row beside its value. The key's bytes follow right behind `key_size`.
class RowMeta {
 public:
  RowMeta() = default;
  RowMeta(const RowMeta&) = delete;
  RowMeta& operator=(const RowMeta&) = delete;

  /// False: erased, or new and not yet given a value.
  [[nodiscard]] bool present() const { return present_ != 0; }
  void set_present(bool present) { present_ = present ? 1 : 0; }

  Timestamp timestamp;  ///< of the newest record that changed it

 private:
  friend class StoreBase;
  friend class klamm::state::RowTable;
  friend class klamm::state::UndoLog;
  friend struct klamm::state::StoreCore;

  std::uint32_t mark_ = 0;   // where its entry in the undo log would be; a hint, verified there
  CommitNumber commit_ = 0;  // newest commit that serialised it; 0: as in the file, or never
  std::uint32_t key_size_ : 30 = 0;
  std::uint32_t referenced_ : 1 = 0;  // found since the evicting hand passed
  std::uint32_t present_ : 1 = 0;
};

template <class V> struct RowValue { V value{}; };

/// One key's row: value, what is known of it, and behind it the key. A count with a key of up to 12 bytes takes 40 bytes. Rows never move.
template <class V> struct Row : RowValue<V>, RowMeta {};

/// Refers to a callable for the time of a call.
template <class Signature> class FunctionRef;
template <class R, class... Args> class FunctionRef<R(Args...)> {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef> && std::is_invocable_r_v<R, F&, Args...>) FunctionRef(F&& f)
      : f_{const_cast<void*>(static_cast<const void*>(std::addressof(f)))}, call_{[](void* p, Args... args) -> R {
          return (*static_cast<std::remove_reference_t<F>*>(p))(args...);
        }} {}
  R operator()(Args... args) const { return call_(f_, args...); }

 private:
  void* f_;
  R (*call_)(void*, Args...);
};

/// Takes a key with its value; a value with `data() == nullptr` is a tombstone. The views are valid during the call.
using RowVisitor = FunctionRef<void(BytesView key, BytesView value, Timestamp timestamp)>;

}  // namespace klamm::inline v0::detail
