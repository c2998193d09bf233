#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "klamm/api.hpp"
#include "klamm/detail/codec.hpp"
#include "klamm/detail/graph.hpp"
#include "klamm/record.hpp"
#include "klamm/serde.hpp"

namespace klamm::inline v0::detail {

/// What a stage may write to among the slots it is given.
enum Touch : unsigned { touches_nothing = 0, touches_key = 1, touches_value = 2 };

/// A stage of the graph: a committed chain, a table, a view, a branch. The prototype stands in the graph, each task has a clone.
class KLAMM_API Stage {
 public:
  virtual ~Stage() = default;
  /// A copy that is bound to a task.
  std::unique_ptr<Stage> clone(Task& task) const;
  /// The `TableView<K, V>` of a table or a view of one, for look-ups; null for all others.
  virtual void* table_view() { return nullptr; }
  /// A commit begins: what is kept back for it goes on, into the same commit. Who reads a stage is asked after it.
  virtual void before_commit(Task&) {}
  /// Everything since the last commit is taken back.
  virtual void after_abort() {}

  NodeId node = NodeId::none;
  // Known of a clone when it is connected:
  unsigned touch = touches_nothing;
  bool needs_old = false;  ///< of a table's changes it wants the old values too
  bool idle = false;       ///< nothing behind it wants to be told: a view that only answers look-ups

 protected:
  [[nodiscard]] virtual Stage* copy() const = 0;
  /// Gets what it needs of its task: callables of its own, writers, stores, consumers.
  virtual void bind(Task& task) = 0;
};

/// Where a chain starts at a topic: takes whole batches, hands on single records.
class KLAMM_API SourceStage : public Stage {
 public:
  /// Takes messages in order. Returns how many it is done with: fewer than all when the task halted. A user's exception leaves through
  /// here; `Task::context` says at which record and operator.
  virtual std::size_t run(std::span<const RawMessage> batch) = 0;
  /// The event time of a message, for the choice between partitions; false if it can't be decoded.
  virtual bool timestamp_of(const RawMessage& message, Timestamp& out) = 0;
  /// Takes the topic's serde objects and its extractor; before it is cloned.
  virtual void use(const TopicInfo& topic) = 0;
  /// Whether values of older schemas can be read.
  [[nodiscard]] virtual bool upgrades() const = 0;
  /// Takes the values that come for those of an older schema; null: as they are written now. The schema must stay where it is.
  virtual void decode_as(const std::string* old_schema) = 0;
};

/// The typed way in of a stage. Slots may be written to only as `touch` says.
template <class K, class V> class Port : public Stage {
 public:
  virtual void push(K& key, V& value, RecordContext& context) = 0;
};

/// The consumers of a node, untyped. Filled by `Task::connect`.
class KLAMM_API FanBase {
 public:
  /// Idle stages are left out.
  void add(Stage& stage);
  /// What happens to the slots given to `push`: only the last consumer gets them, earlier ones that write get copies.
  [[nodiscard]] unsigned touch() const { return ports_.empty() ? 0U : ports_.back()->touch; }
  [[nodiscard]] bool needs_old() const;
  [[nodiscard]] bool empty() const { return ports_.empty(); }

 protected:
  Stage* only_ = nullptr;  // set if there is exactly one
  std::vector<Stage*> ports_;
};

/// Serialises records of one sink into buffers it keeps.
struct KLAMM_API Writer {
  Task* task = nullptr;
  NodeId node = NodeId::none;
  Bytes key;
  Bytes value;

  /// A null key or value has `data() == nullptr`.
  void send(BytesView key_bytes, BytesView value_bytes, const RecordContext& context);

  [[nodiscard]] int partitions() const;

  int partition = -1;    ///< of the record that is sent; negative: by its key
  bool plain = true;     ///< by the traits, to the key's partition
  PartBox partitioner;   ///< this task's copy of the topic's, if it has one
  void* sink = nullptr;  ///< the runtime's
  PartBox keys, values;  ///< this task's copies of the topic's serde objects; empty: the traits
};

/// Why a record went no further, without being an error.
enum class Drop : unsigned char { null_key, null_value, negative_timestamp, late, stale };

class Processor;

/// One sub-topology at one partition, at work: owns the clones of the stages and the stores. Untyped; its bodies are the runtime's.
class KLAMM_API Task {
 public:
  struct Impl;
  explicit Task(Impl& impl) : impl_{&impl} { context.task = this; }
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;

  /// Clones the consumers of `node` (once per task) and adds them to `fan`.
  void connect(FanBase& fan, NodeId node);
  Writer* writer(NodeId sink);
  StoreBase& store(StoreId id);
  /// This task's clone of the stage at `node`; not before all of the task's sources are cloned.
  Stage& stage(NodeId node);
  /// Has a processor made and told of its task's end; `bind` calls it.
  void add_processor(Processor& processor);

  /// A clock of the operator at `node`, `no_time` at first: part of the commit mark, so it survives a restart and is taken back by an
  /// abort. The reference stays valid as long as the task.
  Timestamp& clock(NodeId node, const char* which = "");
  static constexpr Timestamp no_time{-1};

  // What happens to records that cannot go on. All are counted.
  void dropped(NodeId node, const RecordContext& context, Drop why);
  /// The same for a record or a window of it that came so much later than it was waited for; how late is counted too.
  void late(NodeId node, const RecordContext& context, Duration lateness);
  /// Stops the application: what is wrong is not a record's, so no policy is asked.
  void stop(NodeId node, const RecordContext& context, const std::string& reason);
  /// A callable wanted the key of a record that has none: the error policy decides.
  void null_key(NodeId node, const RecordContext& context);
  /// The error policy decides: true: go on with the next record; false: halt here.
  bool undecodable(NodeId node, const RawMessage& message, const Decoded& result);
  /// Whether an event time is more than `limit_ms` ahead of the wall clock.
  [[nodiscard]] bool is_ahead(Timestamp timestamp, std::int64_t limit_ms) const;
  /// A key or value could not be written: the error policy decides.
  void unencodable(NodeId node, const RecordContext& context, const Encoded& result);
  /// There is no place for it: the error policy decides.
  void unproducible(NodeId node, const RecordContext& context, const std::string& reason);
  /// A function returned an error: the error policy decides.
  void refused(NodeId node, const RecordContext& context, const Status& status);
  [[nodiscard]] bool halted() const { return halted_; }
  /// Whether the loop has to come back before the next record: after a halt, or because a punctuation is due.
  [[nodiscard]] bool stops() const { return stream_time >= stops_at_; }
  /// Whether the error policy may go on behind a record on which a function has thrown.
  [[nodiscard]] bool survives_exceptions() const { return survives_exceptions_; }

  /// Calls `push(port, key, value, context)` and catches what it throws: at a branch point each branch fails alone.
  void guarded(void (*push)(Stage&, void* key, void* value, RecordContext&), Stage& port, void* key, void* value, RecordContext& context);

  Impl& impl() { return *impl_; }

  /// Topic and task of the records to come; when a user's function has thrown: the record and the operator that were at work.
  RecordContext context;
  const RawMessage* decoding = nullptr;  ///< the record that the loop has decoded last, or has begun to
  Timestamp stream_time{-1};             ///< the greatest event time seen; the loop raises it

 private:
  friend class Publish;

  Impl* impl_;
  void halt(bool halted);
  /// `due`: the stream time of the next punctuation.
  void stop_at(Timestamp due);

  // One comparison after each record serves for both reasons to stop: a halt makes the time the smallest there is.
  Timestamp stops_at_ = never;
  Timestamp due_ = never;
  static constexpr Timestamp never{INT64_MAX};
  bool halted_ = false;
  bool survives_exceptions_ = false;
  bool published_ = false;  // the exception that passes has left its context; else it came from decoding
};

/// The task's writer of a sink, with buffers and the topic's serde objects (`topic` may be null) in place.
KLAMM_API Writer* writer_of(Task& task, NodeId sink, const TopicInfo* topic);

/// Leaves a context in `Task::context` when an exception passes. The loop works on a context of its own, which stays in registers.
class KLAMM_API Publish {
 public:
  explicit Publish(const RecordContext& context) : context_{context} {}
  Publish(const Publish&) = delete;
  Publish& operator=(const Publish&) = delete;
  ~Publish() {
    if (!done_) [[unlikely]]
      leave();
  }
  void done() { done_ = true; }

 private:
  void leave();

  const RecordContext& context_;
  bool done_ = false;
};

/// Puts a row's value back when the function that changes it throws, where the application goes on after that.
template <class A> class PutBack {
 public:
  /// `kept`: room for the old value, kept by the stage.
  PutBack(A& value, bool added, A& kept, const Task& task) : value_{value}, kept_{kept}, added_{added}, armed_{task.survives_exceptions()} {
    if (armed_ && !added_) kept_ = value_;
  }
  PutBack(const PutBack&) = delete;
  PutBack& operator=(const PutBack&) = delete;
  ~PutBack() {
    if (!armed_) return;
    if (added_)
      value_ = A{};
    else
      value_ = std::move(kept_);
  }
  void done() { armed_ = false; }

 private:
  A& value_;
  A& kept_;
  const bool added_;
  bool armed_;
};

/// The consumers of a node, in the order of the program. Each record goes all the way down one consumer before the next.
template <class K, class V> class Fan : public FanBase {
 public:
  Fan() = default;
  Fan(const Fan&) : FanBase{} {}  // prototypes have no consumers; clones are connected anew
  Fan& operator=(const Fan&) = delete;

  void push(K& key, V& value, RecordContext& context) {
    if (only_ != nullptr) [[likely]]
      static_cast<Port<K, V>*>(only_)->push(key, value, context);
    else
      push_to_all(key, value, context);
  }

 private:
  static void push_to(Stage& port, void* key, void* value, RecordContext& context) {
    Publish on_exception{context};
    static_cast<Port<K, V>&>(port).push(*static_cast<K*>(key), *static_cast<V*>(value), context);
    on_exception.done();
  }
  void push_to_all(K& key, V& value, RecordContext& context) {
    const RecordContext before = context;
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      const unsigned copies = i + 1 < ports_.size() ? ports_[i]->touch : 0U;
      K* k = &key;
      V* v = &value;
      if constexpr (std::is_copy_assignable_v<K>) {
        if (copies & touches_key) *(k = &key_) = key;
      }
      if constexpr (std::is_copy_assignable_v<V>) {
        if (copies & touches_value) *(v = &value_) = value;
      }
      context.task->guarded(&push_to, *ports_[i], k, v, context);
      if (context.task->halted()) [[unlikely]]
        return;
      context = before;
    }
  }

  K key_{};
  V value_{};
};

/// Stands where a chain ends in itself: after for_each or to.
struct End {
  template <class K, class V> void push(K&, V&, RecordContext&) {}
  [[nodiscard]] static unsigned touch() { return touches_nothing; }
};

}  // namespace klamm::inline v0::detail
