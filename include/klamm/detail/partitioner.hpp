#pragma once

#include <concepts>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "klamm/detail/codec.hpp"

// What `Topic::partition_by(f)` keeps.

namespace klamm::inline v0::detail {

/// Chooses the partition of a record; K and V are the plain types.
template <class K, class V> class Partitioner : public Part {
 public:
  /// A null key or value is null. Not negative, or the reason (a literal) why none can be chosen.
  virtual int choose(const K* key, const V* value, int partitions, const char*& refused) = 0;
};

/// How `f` gets a key or value of the topic's type: plain ones by reference, nullable ones by pointer.
template <class T> using part_argument_t = std::conditional_t<optional_v<T>, const plain_t<T>*, const T&>;

template <class F, class K, class V> constexpr bool partitions() {
  using Function = typename callable_traits<F>::type;
  if constexpr (callable_traits<F>::record)
    return false;
  else if constexpr (std::is_same_v<K, NoKey>)
    return std::is_invocable_r_v<int, Function&, part_argument_t<V>, int>;
  else
    return std::is_invocable_r_v<int, Function&, part_argument_t<K>, part_argument_t<V>, int>;
}
template <class F, class K, class V> constexpr bool partitions_v = partitions<F, K, V>();

template <class K, class V, class F> class CallPartitioner final : public Partitioner<plain_t<K>, plain_t<V>> {
 public:
  explicit CallPartitioner(Callee<F> f) : f_{std::move(f)} {
    if constexpr (Callee<F>::binds) f_.bind();
  }
  [[nodiscard]] std::unique_ptr<Part> copy() const override { return std::unique_ptr<Part>(new CallPartitioner(f_)); }
  int choose(const plain_t<K>* key, const plain_t<V>* value, int partitions, const char*& refused) override {
    if (!optional_v<K> && !std::is_same_v<K, NoKey> && key == nullptr) {
      refused = "its topic's partition_by(f) takes the key, and the record has none: give the topic std::optional keys";
      return 0;
    }
    if (!optional_v<V> && value == nullptr) {
      refused = "its topic's partition_by(f) takes the value, and a tombstone has none: give the topic std::optional values";
      return 0;
    }
    int chosen = 0;
    if constexpr (std::is_same_v<K, NoKey>)
      chosen = f_.get()(argument<V>(value), partitions);
    else
      chosen = f_.get()(argument<K>(key), argument<V>(value), partitions);
    if (chosen < 0 || chosen >= partitions) refused = "its topic's partition_by(f) chose a partition that the topic does not have";
    return chosen;
  }

 private:
  template <class T> static part_argument_t<T> argument(const plain_t<T>* value) {
    if constexpr (optional_v<T>)
      return value;
    else
      return *value;
  }

  Callee<F> f_;
};

}  // namespace klamm::inline v0::detail
