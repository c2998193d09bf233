#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

#include "klamm/detail/handles.hpp"
#include "klamm/detail/ops/calls.hpp"
#include "klamm/detail/speak.hpp"
#include "klamm/store.hpp"

namespace klamm::inline v0::detail {

/// A processor as its task knows it. `start` comes before the first record, when the stores are restored, and again after `stop`.
class Processor {
 public:
  /// Makes the user's object.
  virtual void start() = 0;
  /// The orderly end: the user's close(), if there is one.
  virtual void close() = 0;
  /// Destroys the object.
  virtual void stop() = 0;
  virtual ProcessorContext& context() = 0;
  [[nodiscard]] virtual bool closes() const = 0;

 protected:
  ~Processor() = default;
};

/// What stages and the runtime do with a context.
struct ContextAccess {
  static void attach(ProcessorContext& context, Task& task, NodeId node) {
    context.task_ = &task;
    context.node_ = node;
  }
  static Task& task(const ProcessorContext& context) { return *context.task_; }
  static NodeId node(const ProcessorContext& context) { return context.node_; }
  static void enter(ProcessorContext& context, RecordContext* record, const void* key) {
    context.current_ = record;
    context.record_key_ = key;
  }
  template <class K, class V> static Outlet<K, V>& outlet(Context<K, V>& context) { return context.outlet_; }
};

/// While one of a processor's functions runs. `key`: of the record; null if there is no record.
class AtWork {
 public:
  AtWork(ProcessorContext& context, RecordContext& record, const void* key) : context_{context} {
    ContextAccess::enter(context, &record, key);
  }
  AtWork(const AtWork&) = delete;
  AtWork& operator=(const AtWork&) = delete;
  ~AtWork() { ContextAccess::enter(context_, nullptr, nullptr); }

 private:
  ProcessorContext& context_;
};

/// The context of `process_values`: keeps the key of the record at work.
template <class K, class V> class KeyedContext final : public ValueContext<V> {
 public:
  Outlet<K, V> outlet;

 private:
  void hand_on(V& value, bool writable, const Forward& how) override {
    const K* const key = static_cast<const K*>(this->record_key());
    RecordContext* at = key == nullptr ? this->keyless() : this->current("forward");
    if (at == nullptr || at->task->halted()) return;
    this->changes(*at);
    const RecordContext before = *at;
    this->say(*at, how);
    if (writable)
      outlet.push_value(*key, value, *at);
    else
      outlet.push(*key, value, *at);
    *at = before;
  }
};

template <class C> constexpr bool full_context_v = false;
template <class K, class V> constexpr bool full_context_v<Context<K, V>> = true;
template <class C> constexpr bool value_context_v = false;
template <class V> constexpr bool value_context_v<ValueContext<V>> = true;

template <class P, class = void> struct context_of { using type = void; };
template <class P> struct context_of<P, std::void_t<typename P::Context>> { using type = typename P::Context; };
template <class P> using context_of_t = typename context_of<P>::type;
template <class P> constexpr bool says_context_v = full_context_v<context_of_t<P>>;
template <class P> constexpr bool says_value_context_v = value_context_v<context_of_t<P>>;

template <class T> constexpr bool slot_or_void_v = std::is_void_v<T> || std::is_default_constructible_v<T>;
template <class C> constexpr bool forwards_slots_v = false;
template <class K, class V> constexpr bool forwards_slots_v<Context<K, V>> = slot_or_void_v<K>&& slot_or_void_v<V>;
template <class V> constexpr bool forwards_slots_v<ValueContext<V>> = slot_or_void_v<V>;

template <class T> constexpr bool store_handle_v = false;
template <class K, class V> constexpr bool store_handle_v<StoreHandle<K, V>> = true;
/// What names a processor whose name the user does not say: its first store.
inline const char* first_name() { return nullptr; }
template <class S, class... Rest> const char* first_name(const S& store, const Rest&...) { return store.name().c_str(); }

template <class... A> struct Types {};
/// What `klamm::with` keeps, for the constructors of processors.
template <class... A> struct With {
  static constexpr Types<A...> types{};
  std::tuple<A...> arguments;
};
/// The arguments of `process`, told apart: stores, and at the end perhaps a With. `Done`: those that are known to come before it.
template <class Done, class... A> struct ProcessArguments;
template <class... S> struct ProcessArguments<Types<S...>> {
  using Stores = Types<S...>;
  using With = detail::With<>;
  template <class F> static auto call(F f, const S&... stores) { return f(With{}, stores...); }
};
template <class... S, class... W> struct ProcessArguments<Types<S...>, With<W...>> {
  using Stores = Types<S...>;
  using With = detail::With<W...>;
  template <class F> static auto call(F f, const S&... stores, const With& with) { return f(with, stores...); }
};
template <class... S, class Next, class... Rest>
struct ProcessArguments<Types<S...>, Next, Rest...> : ProcessArguments<Types<S..., Next>, Rest...> {};

template <class> constexpr bool store_handles_v = false;
template <class... S> constexpr bool store_handles_v<Types<S...>> = (store_handle_v<S> && ...);

template <class P, class C, class... S, class... A> constexpr bool constructs(Types<S...>, Types<A...>) {
  return requires(KeyValueStore<typename S::key_type, typename S::value_type> & ... stores, C & context, const A&... arguments) {
    P{stores..., context, arguments...};
  };
}

template <class P, class K, class V> constexpr bool looks_v = requires(P& processor, const Record<K, const V>& record) {
  processor.process(record);
};
template <class P, class K, class V> constexpr bool processes_v = looks_v<P, K, V> || requires(P& p, const Record<K, V>& record) {
  p.process(record);
};

template <class> using IdOf = StoreId;
template <std::size_t Number, class Handle> struct StoreSlot {
  using K = typename Handle::key_type;
  using V = typename Handle::value_type;
  StoreId id;
  std::optional<KeyValueStore<K, V>> store{};

  void open(Task& task, ProcessorContext& context) { store.emplace(static_cast<Store<V>&>(task.store(id)), context); }
};

/// process and process_values: the stage is a border of chains, because punctuations begin in the middle.
template <class K, class V, class P, class C, class W, class Numbers, class... S> class ProcessStage;
template <class K, class V, class P, class C, class W, std::size_t... N, class... S>
class ProcessStage<K, V, P, C, W, std::index_sequence<N...>, S...> final : public Port<K, V>,
                                                                           private Processor,
                                                                           private StoreSlot<N, S>... {
 public:
  static constexpr bool keyed = !full_context_v<C>;

  explicit ProcessStage(const W& with, IdOf<S>... ids) : StoreSlot<N, S>{ids}..., with_{with} {}

  void push(K& key, V& value, RecordContext& context) override {
    at_work(this->node, context);
    const AtWork working{context_, context, &key};
    if constexpr (looks_v<P, K, V>)
      processor_->process(Record<K, const V>{key, value, context});
    else
      processor_->process(Record<K, V>{key, value, context});
  }

 protected:
  [[nodiscard]] Stage* copy() const override {
    auto* const stage = new ProcessStage(with_, StoreSlot<N, S>::id...);  // contexts and objects are a task's own
    stage->node = this->node;
    return stage;
  }
  void bind(Task& task) override {
    ContextAccess::attach(context_, task, this->node);
    (StoreSlot<N, S>::open(task, context_), ...);
    if constexpr (keyed)
      task.connect(context_.outlet.out, this->node);
    else if constexpr (!std::is_void_v<typename C::key_type>)
      task.connect(ContextAccess::outlet(context_).out, this->node);
    this->touch = looks_v<P, K, V> ? touches_nothing : touches_value;
    task.add_processor(*this);
  }

 private:
  // An aggregate may have members of its own behind stores and context, and need not say what they begin with.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
  void start() override {
    std::apply(
        [this](const auto&... arguments) {
          processor_.reset(new P{*StoreSlot<N, S>::store..., context_, arguments...});
        },
        with_.arguments);
  }
#pragma GCC diagnostic pop
  void close() override {
    if constexpr (requires(P & p) { p.close(); }) processor_->close();
  }
  void stop() override { processor_.reset(); }
  ProcessorContext& context() override { return context_; }
  [[nodiscard]] bool closes() const override {
    return requires(P & p) { p.close(); };
  }

  W with_;
  std::conditional_t<keyed, KeyedContext<K, typename C::value_type>, C> context_;
  std::unique_ptr<P> processor_;
};

/// A stage for a processor behind a stream.
template <class P, bool Keyed, class S, class W, class... Stores>
auto process_stage(const S& stream, const Named& named, const W& with, const Stores&... stores) {
  using K = typename S::key_type;
  using C = context_of_t<P>;
  const Place input = Handles::settled(stream, named);
  Graph& graph = *input.graph;
  const NodeId node = add_processor(graph, Keyed ? "process_values" : "process", input.node, named, Keyed ? Rekeys::no : Rekeys::yes,
                                    first_name(stores...));
  (use_store(graph, node, stores.id(), stores.graph(), named), ...);
  using Processing = ProcessStage<K, typename S::value_type, P, C, W, std::index_sequence_for<Stores...>, Stores...>;
  commit_stage(graph, node, input.node, new Processing(with, stores.id()...));
  if constexpr (Keyed)
    return Handles::stream<K, typename C::value_type>({&graph, node, node});
  else if constexpr (!std::is_void_v<typename C::key_type>)
    return Handles::stream<typename C::key_type, typename C::value_type>({&graph, node, node});
}

/// stream.process and stream.process_values. `arguments`: stores, and at the end perhaps with(...).
template <class P, bool Keyed, class S, class... A> auto processed(const S& stream, const Named& named, const A&... arguments) {
  using C = context_of_t<P>;
  using Given = ProcessArguments<Types<>, A...>;
  constexpr bool said = Keyed ? says_value_context_v<P> : says_context_v<P>, handles = store_handles_v<typename Given::Stores>;
  static_assert(
      said || Keyed,
      "klamm: process<P>(stores...): P must say what it forwards: using Context = klamm::Context<Key, Value>; (Context<>: nothing)");
  static_assert(said || !Keyed,
                "klamm: process_values<P>(stores...): P must say what it forwards: using Context = klamm::ValueContext<Value>;");
  static_assert(handles || !said || (std::is_same_v<A, Inert> || ...),
                "klamm: process(stores...): each must be what topology.store<Key, Value>(name) has made; with(...) is the last");
  if constexpr (said && handles) {
    constexpr bool slots = forwards_slots_v<C>, takes = processes_v<P, typename S::key_type, typename S::value_type>;
    constexpr bool made = constructs<P, C>(typename Given::Stores{}, Given::With::types);
    static_assert(slots, "klamm: process(stores...): what P forwards is kept in slots and must be default-constructible");
    static_assert(
        made || !slots,
        "klamm: process(stores..., with(...)): P{stores..., context, ...} must be valid, with a klamm::KeyValueStore<Key, Value>& "
        "for each store in this order, P's Context&, and const references to what with(...) holds");
    static_assert(takes || !made || !slots,
                  "klamm: process(stores...): P must have void process(const klamm::Record<Key, const Value>&) for this stream's key and "
                  "value");
    if constexpr (slots && made && takes)
      return Given::call([&](const auto& with, const auto&... stores) { return process_stage<P, Keyed>(stream, named, with, stores...); },
                         arguments...);
    else
      return Inert{};
  } else {
    return Inert{};
  }
}

}  // namespace klamm::inline v0::detail

namespace klamm::inline v0 {

/// What else the constructor of a processor is given, behind its stores and its context: `.process<Dedup>(seen, klamm::with(5min))`.
/// Copied.
template <class... A> detail::With<A...> with(A... arguments) { return {{std::move(arguments)...}}; }

}  // namespace klamm::inline v0
