#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "klamm/detail/ops/write.hpp"

namespace klamm::inline v0::detail {

template <class T> constexpr bool topic_v = false;
template <class K, class V> constexpr bool topic_v<Topic<K, V>> = true;

/// The name of the topic that `f` of `to({...}, f)` chose: it gives the topic, a pointer to it, or its name.
template <class T> std::string_view chosen_name(const T& chosen) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return chosen;
  else if constexpr (std::is_pointer_v<T>)
    return chosen == nullptr ? std::string_view{} : std::string_view{chosen->name()};
  else
    return chosen.name();
}
template <class F, class K, class V> constexpr bool gives_topic() {
  if constexpr (!callable_v<F, K, V>) {
    return true;
  } else {
    using R = std::remove_cvref_t<result_t<F, K, V>>;
    return std::is_convertible_v<R, std::string_view> || topic_v<std::remove_cv_t<std::remove_pointer_t<R>>>;
  }
}
template <class F, class K, class V> constexpr bool returns_topic_v = gives_topic<F, K, V>();

/// The end of a chain in the topic that the record chooses, of a list.
template <class F, class TK> struct ToOneOf : Calls<F, InPlace> {
  static constexpr bool binds = true, terminal = true;
  struct Way {
    std::string name;
    NodeId sink;
    const TopicInfo* parts;  ///< the graph's; null: the traits
    Writer* writer = nullptr;
  };
  std::vector<Way> ways{};

  template <class K, class V> bool operator()(K& key, V& value, RecordContext& context) const {
    if (!admits<F, K, const V&>(this->node, context)) return false;
    decltype(auto) chosen = call<const V&>(this->f, key, value, context);
    const std::string_view name = chosen_name(chosen);
    for (const Way& way : ways) {
      if (way.name != name) continue;
      put<TK, K, V>(*way.writer, key, &value, context);
      return true;
    }
    context.task->unproducible(this->node, context, refusal(name));
    return true;
  }
  void bind(Task& task, NodeId) {
    if constexpr (Callee<F>::binds) this->f.bind();
    for (Way& way : ways) way.writer = writer_of(task, way.sink, way.parts);
  }

 private:
  [[nodiscard]] std::string refusal(std::string_view name) const {
    std::string text = "its function chose topic \"" + std::string{name} + "\", which is none of its list:";
    for (const Way& way : ways) text += " \"" + way.name + '"';
    return text;
  }
};

template <class Way, class K, class V>
std::vector<Way> ways_to(Graph& graph, NodeId node, const std::vector<Topic<K, V>>& topics, const Named& named) {
  if (topics.empty()) problem(graph, named, "to(topics, f): the list of topics is empty: name those that f may choose");
  std::vector<Way> ways;
  for (const Topic<K, V>& topic : topics)
    ways.push_back({topic.name(), add_choice(graph, node, topic.info(), named), parts_of(graph, topic.info())});
  return ways;
}

}  // namespace klamm::inline v0::detail
