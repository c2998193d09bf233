#include <algorithm>
#include <string_view>

#include "graph/build.hpp"

namespace klamm::inline v0::detail {
namespace {

std::string derive(Graph& graph, const std::string& stem) {
  for (;;) {
    const int n = ++graph.occurrences[stem];
    std::string name = n == 1 ? stem : stem + '-' + std::to_string(n);
    if (!graph.names.contains(name)) return name;
  }
}

std::string place(const char* file, int line) { return std::string{file} + ':' + std::to_string(line); }

std::string spelled(std::string_view type) {
  return type == "std::__cxx11::basic_string<char>" || type == "std::basic_string<char>" ? "std::string" : std::string{type};
}

/// Why a topic can't be used with these types, or nothing.
std::string type_clash(const TopicInfo& known, const TopicInfo& used) {
  const auto differ = [](std::string_view a, std::string_view b) { return !a.empty() && !b.empty() && a != b; };
  const std::string_view keyless = type_name<NoKey>();
  const bool keys = differ(known.key_type, used.key_type) && known.key_type != keyless && used.key_type != keyless;
  if (keys) return "keys are " + spelled(used.key_type) + " here and " + spelled(known.key_type);
  if (differ(known.value_type, used.value_type)) return "values are " + spelled(used.value_type) + " here and " + spelled(known.value_type);
  return {};
}

TopicClass both(TopicClass a, TopicClass b) { return a == b ? a : TopicClass::through; }

/// What one use of a topic says of it goes for all, so two may not differ.
void merge_options(Graph& graph, TopicEntry& known, const TopicInfo& info, const Named& named) {
  const auto differ = [&](const char* option) {
    problem(graph, named,
            "topic " + quoted(info.name) + ": has one " + option + " here and another at " + place(known.file, known.line) +
                ": make the topic once and use it in both places");
  };
  if (info.start_at && known.info.start_at && *info.start_at != *known.info.start_at) differ("start_at");
  if (!known.info.start_at) known.info.start_at = info.start_at;
  const auto same = [](const ErrorPolicy& a, const ErrorPolicy& b) { return a.kind() == b.kind() && a.topic() == b.topic(); };
  if (info.on_error && known.info.on_error && !same(*info.on_error, *known.info.on_error)) differ("on_error");
  if (!known.info.on_error) known.info.on_error = info.on_error;
}

}  // namespace

std::string quoted(const std::string& s) { return '"' + s + '"'; }

bool valid_name(const std::string& name) {
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

std::string bad_name(const std::string& object, const std::string& name) {
  return object + ' ' + quoted(name) + ": a name has 1 to 249 of a-z A-Z 0-9 . _ - and is neither . nor ..";
}

NodeId insert_node(Graph& graph, Node node, const Named& named, const std::string& stem) {
  const auto id = static_cast<NodeId>(graph.nodes.size());
  node.file = named.file;
  node.line = named.line;
  node.named = named.name != nullptr;
  if (!node.named) {
    node.name = derive(graph, stem);
    if (node.anchor.empty()) node.anchor = node.name;
    graph.names[node.name] = id;
    graph.nodes.push_back(std::move(node));
    return id;
  }
  node.name = named.name;
  if (node.store == StoreId::none) node.anchor = node.name;
  if (!valid_name(node.name)) problem(graph, named, bad_name(node.kind, node.name));
  const auto other = graph.names.find(node.name);
  if (other != graph.names.end()) {
    Node& first = graph.at(other->second);
    if (first.named) {
      problem(graph, named, node.kind + ' ' + quoted(node.name) + ": the name is used twice, first at " + place(first.file, first.line));
    } else {  // a name the user gave wins over a derived one
      first.name = derive(graph, first.name);
      graph.names[first.name] = other->second;
    }
  }
  graph.names[node.name] = id;
  graph.nodes.push_back(std::move(node));
  return id;
}

int use_topic(Graph& graph, const TopicInfo& info, TopicClass cls, const Named& named) {
  for (std::size_t i = 0; i < graph.topics.size(); ++i) {
    TopicEntry& known = graph.topics[i];
    if (known.info.name != info.name) continue;
    const std::string first = place(known.file, known.line);
    if (known.cls == TopicClass::repartition) {
      problem(graph, named, "topic " + quoted(info.name) + ": the name is that of a repartition topic, made at " + first);
      return static_cast<int>(i);
    }
    if (const std::string clash = type_clash(known.info, info); !clash.empty())
      problem(graph, named, "topic " + quoted(info.name) + ": used with two types: " + clash + " at " + first);
    if (info.partitions != 0 && known.info.partitions != 0 && info.partitions != known.info.partitions)
      problem(graph, named,
              "topic " + quoted(info.name) + ": has " + std::to_string(info.partitions) + " partitions here and " +
                  std::to_string(known.info.partitions) + " at " + first);
    if (known.info.partitions == 0) known.info.partitions = info.partitions;
    merge_options(graph, known, info, named);
    if (known.info.key_type == type_name<NoKey>() || known.info.key_type.empty()) known.info.key_type = info.key_type;
    known.cls = both(known.cls, cls);
    return static_cast<int>(i);
  }
  if (!valid_name(info.name)) problem(graph, named, bad_name("topic", info.name));
  if (info.partitions < 0) problem(graph, named, "topic " + quoted(info.name) + ": the number of partitions is negative");
  TopicInfo plain{info.name, info.key_type, info.value_type};
  plain.partitions = info.partitions;
  plain.start_at = info.start_at;
  plain.on_error = info.on_error;
  if (info.reject_future < Duration{})
    problem(graph, named, "topic " + quoted(info.name) + ": reject_future is negative: say how far ahead of the clock a record may be");
  graph.topics.push_back({std::move(plain), cls, {}, {}, named.file, named.line});
  return static_cast<int>(graph.topics.size()) - 1;
}

int use_repartition_topic(Graph& graph, const std::string& local, const Named& named, Report report) {
  const std::string name = graph.name + '-' + local;
  for (const TopicEntry& known : graph.topics) {
    if (known.info.name == name && report == Report::yes)
      problem(graph, named,
              "repartition topic " + quoted(name) + ": needed in two places, first at " + place(known.file, known.line) +
                  ": name one of the operators with klamm::as");
  }
  if (!valid_name(name)) problem(graph, named, bad_name("repartition topic", name));
  graph.topics.push_back({TopicInfo{name, {}, {}}, TopicClass::repartition, {}, {}, named.file, named.line});
  return static_cast<int>(graph.topics.size()) - 1;
}

void check_store_name(Graph& graph, const std::string& name, const Named& named) {
  if (!valid_name(name)) problem(graph, named, bad_name("store", name));
  for (const StoreEntry& store : graph.stores) {
    if (store.name != name) continue;
    problem(graph, named, "store " + quoted(name) + ": fed from two places, first at " + place(store.file, store.line));
    return;
  }
}

}  // namespace klamm::inline v0::detail
