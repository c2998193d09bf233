#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/detail/key_order.hpp"
#include "klamm/detail/rows.hpp"
#include "klamm/detail/store_reader.hpp"
#include "klamm/record.hpp"
#include "klamm/serde.hpp"
#include "klamm/status.hpp"
#include "klamm/time.hpp"

namespace klamm::inline v0 {

class App;

struct QueryOptions {
  /// How long to wait for a worker that is in a function of the topology, or waits for its disk. Past it the answer is `unavailable`.
  Duration deadline{5'000};
};

namespace detail {

/// Which store is asked, and what it is taken for.
struct StoreQuery {
  std::string store;
  std::string value_schema;
  QueryOptions options;
};

/// Rows of several snapshots merged, range after range.
class KLAMM_API RowScan {
 public:
  RowScan(std::vector<std::unique_ptr<StoreSnapshot>> parts, std::vector<KeyRange> ranges);
  ~RowScan();
  RowScan(const RowScan&) = delete;
  RowScan& operator=(const RowScan&) = delete;

  /// Goes to the next row; false behind the last, and when `status()` says why there are no more.
  bool next();
  [[nodiscard]] BytesView key() const;
  [[nodiscard]] BytesView value() const;
  [[nodiscard]] const Status& status() const { return status_; }
  /// Ends it.
  void fail(Status status);

 private:
  bool begin_range();
  bool forward(std::size_t part);

  std::vector<std::unique_ptr<StoreSnapshot>> parts_;
  std::vector<KeyRange> ranges_;
  std::vector<std::size_t> with_rows_;  // parts that stand at a row
  std::size_t next_range_ = 0;
  std::size_t current_ = 0;
  bool at_row_ = false;
  Status status_;
};

/// The serialised value, or nullopt. `key_schema`: of the type that the caller takes for the key's.
KLAMM_API Result<std::optional<Bytes>> query_one(App& app, const StoreQuery& query, const std::string& key_schema, BytesView key);
/// The same for ranges of keys. Without `key_schema` keys may have any type.
KLAMM_API Result<std::unique_ptr<RowScan>> query_rows(App& app, const StoreQuery& query, const std::optional<std::string>& key_schema,
                                                      std::vector<KeyRange> ranges);
KLAMM_API Result<std::int64_t> query_count(App& app, const StoreQuery& query);
// What a serde returns or throws becomes a status that names the store.
KLAMM_API Status encode_key_guarded(const std::string& store, FunctionRef<Encoded()> encode);
KLAMM_API Status decode_guarded(const std::string& store, FunctionRef<Decoded()> decode);

template <class K> Result<Bytes> encoded_key(const std::string& store, const K& key) {
  Bytes bytes;
  Status status = encode_key_guarded(store, [&] { return encode(key, bytes); });
  if (!status.ok()) return status;
  return bytes;
}
/// The value of a row, by its key's bytes.
template <class V> Result<std::optional<V>> query_value(App& app, const StoreQuery& query, const std::string& key_schema, BytesView key) {
  Result<std::optional<Bytes>> found = query_one(app, query, key_schema, key);
  if (!found.ok()) return found.status();
  if (!*found) return std::optional<V>{};
  std::optional<V> value{std::in_place};
  Status decoded = decode_guarded(query.store, [&] { return decode(BytesView{**found}, *value); });
  if (!decoded.ok()) return decoded;
  return value;
}

/// What a query with a mistake of type returns, so that there is one error.
struct InertAnswer {
  [[nodiscard]] bool ok() const { return false; }
  [[nodiscard]] Status status() const { return {}; }
  InertAnswer& operator*() { return *this; }
  InertAnswer* operator->() { return this; }
};

}  // namespace detail

/// The rows that a query found, one after the other: an input range of KeyValue<K, V>, read once, on one thread at a time. What it shows
/// was taken when the query was answered: of each partition all of one commit, whatever the application does meanwhile, also after it has
/// stopped. While it lives the files of the table can't shrink: use it and let it go.
///
///     auto rows = app.query(per_user).range<std::int64_t>(100, 200);
///     if (!rows.ok()) return rows.status();
///     for (const auto& [user, sum] : *rows) print(user, sum);
///     return rows->status();                    // ok: that was all of them
template <class K, class V> class Rows {
 public:
  struct End {};
  class Iterator {
   public:
    using value_type = KeyValue<K, V>;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    explicit Iterator(Rows* rows) : rows_{rows} {}
    /// Valid until the next `++`.
    const KeyValue<K, V>& operator*() const { return rows_->row_; }
    const KeyValue<K, V>* operator->() const { return &rows_->row_; }
    Iterator& operator++() {
      rows_->forward();
      return *this;
    }
    void operator++(int) { rows_->forward(); }
    friend bool operator==(const Iterator& it, End) { return it.at_end(); }

   private:
    [[nodiscard]] bool at_end() const { return rows_->ended_; }

    Rows* rows_ = nullptr;
  };

  Rows(std::unique_ptr<detail::RowScan> scan, std::string store) : scan_{std::move(scan)}, store_{std::move(store)} {}

  /// Once; a move ends iterators.
  [[nodiscard]] Iterator begin() {
    forward();
    return Iterator{this};
  }
  [[nodiscard]] End end() const { return {}; }
  /// After the loop: ok, or why rows are missing (a file that can't be read, a row that can't be decoded).
  [[nodiscard]] const Status& status() const { return scan_->status(); }
  /// All rows that are left, or why not.
  [[nodiscard]] Result<std::vector<KeyValue<K, V>>> to_vector() {
    std::vector<KeyValue<K, V>> rows;
    for (forward(); !ended_; forward()) rows.push_back(row_);
    if (!status().ok()) return status();
    return rows;
  }

 private:
  void forward() {
    ended_ = !scan_->next();
    if (ended_) return;
    Status decoded = detail::decode_guarded(store_, [this] {
      const Decoded key = detail::decode(scan_->key(), row_.key);
      return key.ok() ? detail::decode(scan_->value(), row_.value) : key;
    });
    if (decoded.ok()) return;
    scan_->fail(std::move(decoded));
    ended_ = true;
  }

  std::unique_ptr<detail::RowScan> scan_;
  std::string store_;
  KeyValue<K, V> row_{};
  bool ended_ = false;
};

/// Reads a table of a running application, as of the last commit of each partition. Made by `App::query`; the application must outlive it.
///
/// Any thread but klamm's own: an operator that waited for another worker's answer could wait for ever, and gets `failed_precondition`; it
/// joins the table instead. What else may be the answer:
///
/// - `not_found`: the topology has no store of this name; `invalid_argument`: it has other keys or values;
/// - `unavailable`: a partition is being restored, the application does not run, or a worker did not answer in time (which is named);
/// - `elsewhere`: another instance has the partition.
///
/// Text in any form (a literal, std::string_view) asks for keys that are std::string.
template <class V> class Query {
 public:
  Query(App& app, std::string store, const QueryOptions& options) : app_{&app}, query_{std::move(store), detail::schema_of<V>(), options} {}

  /// The value of `key`; nullopt when there is none. The worker that owns the key answers, between two records.
  ///
  /// Where the table is fed by a repartition topic of klamm's the key says which partition that is; else all partitions are asked, because
  /// other writers may place keys as they like: first the one that Kafka's clients would choose, then the others.
  ///
  ///     auto sum = app.query(per_user).get(user);        // Result<std::optional<double>>
  template <class K> [[nodiscard]] auto get(const K& key) const {
    using Key = detail::queried_t<K>;
    static_assert(detail::has_serde_v<Key>, "klamm: query.get(key): the key's type needs klamm::serde<Key>");
    if constexpr (detail::has_serde_v<Key>)
      return get_one<Key>(detail::as_key(key));
    else
      return detail::InertAnswer{};
  }

  /// The rows with from <= key < to, in the order of the keys, over all partitions. Read on the caller's thread: the workers go on
  /// (but with `in_memory()`, where there is no file, each copies its rows of the range between two records).
  ///
  /// For keys whose bytes sort as they do: integers, text, bytes, and types whose serde says `static constexpr bool ordered = true`.
  ///
  ///     for (const auto& [day, sum] : *rows) ...         // auto rows = app.query(per_day).range("2024-01-01", "2024-02-01");
  template <class K> [[nodiscard]] auto range(const K& from, const std::type_identity_t<detail::asked_t<K>>& to) const {
    using Key = detail::queried_t<K>;
    static_assert(ordered<Key>(),
                  "klamm: query.range(from, to): keys must sort as their bytes do: integers, text, bytes, or a klamm::serde<Key> that says "
                  "`ordered`");
    if constexpr (ordered<Key>()) {
      const Key &first = detail::as_key(from), &end = detail::as_key(to);
      return rows_between<Key>(&first, &end);
    } else {
      return detail::InertAnswer{};
    }
  }
  /// The same from a key to the last one.
  template <class K> [[nodiscard]] auto range(const K& from) const {
    using Key = detail::queried_t<K>;
    static_assert(ordered<Key>(),
                  "klamm: query.range(from): keys must sort as their bytes do: integers, text, bytes, or a klamm::serde<Key> that says "
                  "`ordered`");
    if constexpr (ordered<Key>()) {
      const Key& first = detail::as_key(from);
      return rows_between<Key>(&first, nullptr);
    } else {
      return detail::InertAnswer{};
    }
  }

  /// The rows whose key begins with `start`, in the order of the keys, read as those of a range. For keys that are text or bytes.
  template <class K> [[nodiscard]] auto prefix(const K& start) const {
    using Key = detail::queried_t<K>;
    constexpr bool ok = std::is_same_v<Key, std::string> || std::is_same_v<Key, Bytes>;
    static_assert(ok, "klamm: query.prefix(start): only keys that are std::string or klamm::Bytes have a beginning");
    if constexpr (ok)
      return prefixed<Key>(detail::as_key(start));
    else
      return detail::InertAnswer{};
  }

  /// All rows, read as those of a range: in the order of the keys where `range` would take them, else in the order of their bytes.
  ///
  ///     for (const auto& [user, sum] : *rows) ...        // auto rows = app.query(per_user).all<std::int64_t>();
  template <class K> [[nodiscard]] auto all() const {
    static_assert(detail::has_serde_v<K>, "klamm: query.all<Key>(): the key's type needs klamm::serde<Key>");
    if constexpr (detail::has_serde_v<K>)
      return rows_between<K>(nullptr, nullptr);
    else
      return detail::InertAnswer{};
  }

  /// How many rows there are. Reads all keys, on the caller's thread.
  [[nodiscard]] Result<std::int64_t> count() const { return detail::query_count(*app_, query_); }

 private:
  template <class K> static constexpr bool ordered() {
    if constexpr (detail::has_serde_v<K>)
      return detail::key_order<K>() != detail::KeyOrder::unknown;
    else
      return false;
  }
  template <class K> Result<std::optional<V>> get_one(const K& key) const {
    const Result<Bytes> bytes = detail::encoded_key(query_.store, key);
    if (!bytes.ok()) return bytes.status();
    return detail::query_value<V>(*app_, query_, detail::schema_of<K>(), *bytes);
  }
  template <class K> Result<Rows<K, V>> rows_between(const K* from, const K* to) const {
    std::optional<Bytes> bounds[2];
    const K* keys[2] = {from, to};
    for (int i = 0; i < 2; ++i) {
      if (keys[i] == nullptr) continue;
      Result<Bytes> bytes = detail::encoded_key(query_.store, *keys[i]);
      if (!bytes.ok()) return bytes.status();
      bounds[i] = std::move(*bytes);
    }
    return rows<K>(detail::ranges_between(detail::key_order<K>(), std::move(bounds[0]), std::move(bounds[1])));
  }
  template <class K> Result<Rows<K, V>> prefixed(const K& start) const {
    Result<Bytes> bytes = detail::encoded_key(query_.store, start);
    if (!bytes.ok()) return bytes.status();
    return rows<K>(detail::ranges_of_prefix(std::move(*bytes)));
  }
  template <class K> Result<Rows<K, V>> rows(std::vector<detail::KeyRange> ranges) const {
    Result<std::unique_ptr<detail::RowScan>> scan = detail::query_rows(*app_, query_, detail::schema_of<K>(), std::move(ranges));
    if (!scan.ok()) return scan.status();
    return Rows<K, V>{std::move(*scan), query_.store};
  }

  App* app_;
  detail::StoreQuery query_;
};

}  // namespace klamm::inline v0
