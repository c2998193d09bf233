#include <algorithm>

#include "app/app_impl.hpp"
#include "graph/graph.hpp"
#include "runtime/query.hpp"

// What queries ask of an application; query.cpp has what they do by themselves.

namespace klamm::inline v0 {

/// What App lets queries do.
struct detail::Asking {
  /// What runs, if it may be asked: for as long as the answer takes.
  static Result<std::shared_ptr<Running>> running(App& of, const StoreQuery& query, const std::optional<std::string>& key_schema);
};

Result<std::shared_ptr<Running>> detail::Asking::running(App& of, const StoreQuery& query, const std::optional<std::string>& key_schema) {
  App::Impl& app = *of.impl_;
  const std::string table = "table \"" + query.store + "\": ";
  const auto& stores = app.topology.graph().stores;
  const auto entry = std::find_if(stores.begin(), stores.end(), [&](const StoreEntry& each) { return each.name == query.store; });
  if (entry == stores.end()) return Status{Code::not_found, table + "the topology has no store of this name", query.store};
  const auto other = [&](const char* what, const std::string& asked, const std::string& kept) {
    const auto named = [](const std::string& schema) { return schema.empty() ? std::string{"a type without a schema"} : schema; };
    return Status{Code::invalid_argument,
                  table + "asked with " + what + " of type " + named(asked) + ", its " + what + " are " + named(kept), query.store};
  };
  if (key_schema && *key_schema != entry->key_schema) return other("keys", *key_schema, entry->key_schema);
  if (query.value_schema != entry->value_schema) return other("values", query.value_schema, entry->value_schema);
  if (OwnThread::of(&app)) return app.only_elsewhere("a query");
  const std::lock_guard lock{app.mutex};
  if (app.running == nullptr || !app.begun) return Status{Code::unavailable, table + "the application is " + app.state.name(), query.store};
  return app.running;
}

Result<std::optional<Bytes>> detail::query_one(App& app, const StoreQuery& query, const std::string& key_schema, BytesView key) {
  Result<std::shared_ptr<Running>> running = Asking::running(app, query, key_schema);
  if (!running.ok()) return running.status();
  return runtime::StoreQuery{*(*running)->engine, query.store, query.options.deadline}.get(key);
}

Result<std::unique_ptr<detail::RowScan>> detail::query_rows(App& app, const StoreQuery& query, const std::optional<std::string>& key_schema,
                                                            std::vector<KeyRange> ranges) {
  Result<std::shared_ptr<Running>> running = Asking::running(app, query, key_schema);
  if (!running.ok()) return running.status();
  auto parts = runtime::StoreQuery{*(*running)->engine, query.store, query.options.deadline}.snapshots(ranges);
  if (!parts.ok()) return parts.status();
  return std::make_unique<RowScan>(std::move(*parts), std::move(ranges));
}

Result<std::int64_t> detail::query_count(App& app, const StoreQuery& query) {
  Result<std::unique_ptr<RowScan>> rows = query_rows(app, query, std::nullopt, ranges_between(KeyOrder::bytes, std::nullopt, std::nullopt));
  if (!rows.ok()) return rows.status();
  std::int64_t count = 0;
  while ((*rows)->next()) ++count;
  if (!(*rows)->status().ok()) return (*rows)->status();
  return count;
}

}  // namespace klamm::inline v0
