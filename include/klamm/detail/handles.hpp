#pragma once

#include <utility>

#include "klamm/detail/chain.hpp"
#include "klamm/detail/graph.hpp"

namespace klamm::inline v0 {

template <class K, class V, class Chain> class Stream;
template <class K, class V> class Table;

namespace detail {

/// The way between handles and the graph, for operators that are written apart from the handles' classes.
struct Handles {
  template <class K, class V, class Chain = Here<K, V>> static Stream<K, V, Chain> stream(const Place& place, Chain chain = {}) {
    return {place, std::move(chain)};
  }
  template <class K, class V> static Table<K, V> table(const Place& place) { return Table<K, V>{place}; }
  template <class K, class V> static const Place& place(const Table<K, V>& table) { return table.place_; }
  /// Where to read the stream from: its chain is a stage from now on.
  template <class S> static Place settled(const S& stream, const Named& named) {
    const NodeId node = stream.settled(named);
    return {stream.place_.graph, node, stream.place_.origin};
  }
};

}  // namespace detail

}  // namespace klamm::inline v0
