#pragma once

#include <string_view>
#include <vector>

#include "klamm/topology.hpp"
#include "scenario.hpp"

namespace klamm::conformance {

/// A topology of the catalogue. Its topics carry nullable text; counts and sums are written as decimal text.
struct Entry {
  std::string_view id;
  void (*build)(Topology&, const Params&);
  bool numbers = false;  ///< its stores keep std::int64_t, but for "in"
};

/// All that the runner knows.
std::vector<Entry> catalogue();
// Its parts, each in the file of its name.
void add_stateless(std::vector<Entry>& entries);
void add_aggregations(std::vector<Entry>& entries);
void add_tables(std::vector<Entry>& entries);
void add_joins(std::vector<Entry>& entries);
void add_windows(std::vector<Entry>& entries);
void add_suppress(std::vector<Entry>& entries);
void add_cogroup(std::vector<Entry>& entries);

using Nullable = Topic<Text, Text>;
inline const Nullable in{"in"}, out{"out"};

// The callables of the catalogue.
inline bool low(const Text& v) { return v && !v->empty() && v->front() <= 'c'; }
inline Text head(const Text& v) { return v && !v->empty() ? Text{v->substr(0, 1)} : std::nullopt; }
inline Text shout(const Text& v) { return v ? Text{*v + '!'} : std::nullopt; }
inline std::string add(const std::string& a, const std::string& v) { return a + '+' + v; }
inline std::string subtract(const std::string& a, const std::string& v) { return a + '-' + v; }
inline std::string decimal(std::int64_t n) { return std::to_string(n); }
/// Folds.
inline void concat(std::string& a, const std::string& v) { a += '+' + v; }
inline void unconcat(std::string& a, const std::string& v) { a += '-' + v; }
inline void sum(std::int64_t& a, const std::string& v) { a += static_cast<std::int64_t>(v.size()); }
inline void unsum(std::int64_t& a, const std::string& v) { a -= static_cast<std::int64_t>(v.size()); }

}  // namespace klamm::conformance
