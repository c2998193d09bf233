#pragma once

#include <memory>
#include <string>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/grouped.hpp"
#include "klamm/grouped_table.hpp"

namespace klamm::inline v0 {

/// The description of an application: no I/O, no threads. Nothing here throws; what is wrong is collected for `check()`. Handles share the
/// description and stay valid after a move, and after the end of the topology. Used on one thread.
class KLAMM_API Topology {
 public:
  /// `name`: at most 249 of `a-z A-Z 0-9 . _ -`; also the application id, if none is given, and so the prefix of internal topics.
  explicit Topology(const char* name, const char* file = __builtin_FILE(), int line = __builtin_LINE());
  /// What was moved from must not be used any more.
  Topology(Topology&&) noexcept;
  Topology& operator=(Topology&&) noexcept;
  ~Topology();

  /// The records of a topic. Readers of the same topic belong to one sub-topology.
  template <class K, class V> auto stream(const Topic<K, V>& topic, Named named = {}) {
    using namespace detail;
    constexpr bool serdes = has_serde_v<K> && has_serde_v<V>, slots = slot_v<K> && slot_v<V>;
    static_assert(has_serde_v<K>, "klamm: stream(topic): the key type needs klamm::serde<Key>");
    static_assert(has_serde_v<V> || !has_serde_v<K>, "klamm: stream(topic): the value type needs klamm::serde<Value>");
    static_assert(slots || !serdes, "klamm: stream(topic): key and value are decoded into slots and must be default-constructible");
    if constexpr (serdes && slots) {
      const NodeId node = add_source(*graph_, topic.info(), named);
      return Stream<K, V, From<K, V>>{{&graph(), node, node}, {}};
    } else {
      return Inert{};
    }
  }

  /// A topic read as a table: the last value of each key; null erases. Its store is named after the topic if not said.
  ///
  /// The topic itself serves as the changelog where nothing needs old values, so that nothing is written twice; else the table has a
  /// changelog of its own, because a compacted topic may have lost what must be subtracted. `describe()` shows which.
  template <class K, class V> auto table(const Topic<K, V>& topic, const char* store = nullptr, Named named = {}) {
    using namespace detail;
    using Value = plain_t<V>;
    constexpr bool owned = owned_v<K> && owned_v<Value>, serdes = has_serde_v<K> && has_serde_v<Value>, slots = slot_v<K> && slot_v<Value>;
    static_assert(has_key_v<K>, "klamm: table(topic): the keys of this topic mean nothing (NoKey): group a stream of it by group_by(f)");
    static_assert(owned || !has_key_v<K>,
                  "klamm: table(topic): key and value outlive their record and must own what they hold: no string_view, no span");
    static_assert(serdes || !owned || !has_key_v<K>, "klamm: table(topic): key and value types need klamm::serde");
    static_assert(slots || !serdes || !owned || !has_key_v<K>,
                  "klamm: table(topic): key and value are decoded into slots and must be default-constructible");
    if constexpr (has_key_v<K> && owned && serdes && slots) {
      using Rows = std::optional<Value>;
      Graph& graph = *graph_;
      const Named place{nullptr, named.file, named.line};
      const NodeId source = add_source(graph, topic.info(), place);
      static_cast<void>(settle(graph, source, place));
      detail::commit<K, Rows>({&graph, source, source}, From<K, Rows>{});
      StoreSpec spec{store != nullptr ? store : topic.name(), &new_store<Value>, {schema_of<K>(), schema_of<Value>()}, canonical<K>()};
      const NodeId node = add_table(graph, "table", source, std::move(spec), named, &topic.info());
      using Stage = TableStage<K, Rows, Value, PutUpdate>;
      commit_stage(graph, node, source, new Stage(store_of(graph, node), Emit::on_update, Value{}, {}));
      return Table<K, Value>{{&graph, node, node}};
    } else {
      return Inert{};
    }
  }

  /// A store for processors: rows of key and value with a changelog and a file like any table's. Give it to `process`; processors that
  /// share a store run in the same task. No operator that uses it is a problem, reported with `file` and `line`.
  ///
  ///     auto seen = topology.store<std::string, std::int64_t>("seen");
  ///     topology.stream(in).process<Dedup>(seen).to(unique);
  template <class K, class V> auto store(const char* name, const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    using namespace detail;
    constexpr bool keys = has_key_v<K> && not_optional_v<K> && not_optional_v<V>, owned = owned_v<K> && owned_v<V>;
    constexpr bool serdes = has_serde_v<K> && has_serde_v<V>, slots = slot_v<K> && slot_v<V> && alignof(V) <= 8;
    static_assert(keys, "klamm: store<Key, Value>(name): a row has a key and a value: neither NoKey nor std::optional");
    static_assert(
        owned || !keys,
        "klamm: store<Key, Value>(name): key and value outlive their record and must own what they hold: no string_view, no span");
    static_assert(serdes || !owned || !keys,
                  "klamm: store<Key, Value>(name): the store has a changelog, so key and value need klamm::serde");
    static_assert(
        slots || !serdes || !owned || !keys,
        "klamm: store<Key, Value>(name): key and value are kept in slots: default-constructible, the value aligned to at most 8 bytes");
    if constexpr (keys && owned && serdes && slots) {
      const StoreId id = add_store(*graph_, {name, &new_store<V>, {schema_of<K>(), schema_of<V>()}, false}, Named{nullptr, file, line});
      return StoreHandle<K, V>{*graph_, id, name};
    } else {
      return Inert{};
    }
  }

  /// What is wrong with the description, all of it, each with file and line. Empty if nothing is.
  [[nodiscard]] std::vector<Problem> check() const;

  [[nodiscard]] std::string describe() const;  ///< as text
  [[nodiscard]] std::string dot() const;       ///< as a Graphviz graph
  [[nodiscard]] std::string mermaid() const;   ///< as a Mermaid flowchart
  [[nodiscard]] std::string proto() const;     ///< as a serialised klamm.pb.Topology (proto/klamm/topology.proto)

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] detail::Graph& graph() const { return *graph_; }

 private:
  struct Delete {
    void operator()(detail::Graph* graph) const;
  };
  std::unique_ptr<detail::Graph, Delete> graph_;
};

}  // namespace klamm::inline v0
