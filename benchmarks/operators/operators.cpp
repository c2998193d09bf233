// Chains of 1, 3, 5 and 10 operators against the loop written by hand with the same slots, serdes and sink. The loop by hand stands in a
// topology of its own as a source stage, so that both are fed by the same runtime. Both run in turns within a round; a figure is the median
// of the rounds'.
//
// And what each wrapper costs, in wrappers.cpp.
//
//     operators [ROUNDS] [PAYLOAD]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <new>

#include "batch.hpp"
#include "klamm/test_driver.hpp"

static std::atomic<std::size_t> allocations{0};
[[gnu::noinline]] void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc{};
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace klamm::bench {
namespace {

/// `named`: ends in a topic, and the chain is cut after its first operator by a handle with a name.
enum class Tail { topic, named, function };
constexpr const char* name_of(Tail tail) { return tail == Tail::topic ? "to" : tail == Tail::named ? "named" : "for_each"; }

template <class V, int N, int I = 0> [[gnu::always_inline]] inline bool by_hand(V& v) {
  if constexpr (I == N) {
    return true;
  } else if constexpr (I % 2 == 0) {
    editor<V, I>(v);
    return by_hand<V, N, I + 1>(v);
  } else {
    return tester<V, I>(v) && by_hand<V, N, I + 1>(v);
  }
}

template <int I, class V, int N, class S> auto extend(S&& stream) {
  if constexpr (I == N)
    return std::forward<S>(stream);
  else if constexpr (I % 2 == 0)
    return extend<I + 1, V, N>(std::forward<S>(stream).mutate(editor<V, I>));
  else
    return extend<I + 1, V, N>(std::forward<S>(stream).filter(tester<V, I>));
}

/// The loop one would write: slots outside, edits in place, one out-of-line call to the sink.
template <class V, int N, Tail T> class Hand final : public detail::SourceStage {
 public:
  using K = typename Payload<V>::Key;
  Hand(detail::NodeId sink, std::int64_t* seen) : sink_{sink}, seen_{seen} {}

  void use(const TopicInfo&) override {}
  [[nodiscard]] bool upgrades() const override { return false; }
  void decode_as(const std::string*) override {}
  std::size_t run(std::span<const RawMessage> batch) override {
    K k = std::move(key_);
    V v = std::move(value_);
    RecordContext context;
    for (const RawMessage& m : batch) {
      context.timestamp = m.timestamp;
      context.offset = m.offset;
      context.partition = m.partition;
      context.headers = Headers{m.headers};
      if (!serde<K>::decode(m.key, k).ok() || !serde<V>::decode(m.value, v).ok()) continue;
      if (!by_hand<V, N>(v)) continue;
      if constexpr (T != Tail::function) {
        writer_->key.clear();
        writer_->value.clear();
        serde<K>::encode(k, writer_->key);
        serde<V>::encode(v, writer_->value);
        writer_->send(writer_->key, writer_->value, context);
      } else {
        *seen_ += Payload<V>::digest(v);
      }
    }
    key_ = std::move(k);
    value_ = std::move(v);
    return batch.size();
  }
  bool timestamp_of(const RawMessage& message, Timestamp& out) override {
    out = message.timestamp;
    return true;
  }

 protected:
  [[nodiscard]] Stage* copy() const override { return new Hand(*this); }
  void bind(detail::Task& task) override {
    if constexpr (T != Tail::function) writer_ = task.writer(sink_);
  }

 private:
  detail::NodeId sink_;
  std::int64_t* seen_;
  detail::Writer* writer_ = nullptr;
  K key_{};
  V value_{};
};

template <class V, int N, Tail T> void build_chain(Topology& t, const In<V>& in, const In<V>& out, std::int64_t* seen) {
  if constexpr (T == Tail::topic) {
    extend<0, V, N>(t.stream(in)).to(out);
  } else if constexpr (T == Tail::named) {
    const auto head = t.stream(in).mutate(editor<V, 0>);
    extend<1, V, N>(head).to(out);
  } else {
    extend<0, V, N>(t.stream(in)).for_each([seen](const V& v) { *seen += Payload<V>::digest(v); });
  }
}
template <class V, int N, Tail T> void build_by_hand(Topology& t, const In<V>& in, const In<V>& out, std::int64_t* seen) {
  detail::Graph& graph = t.graph();
  const detail::NodeId source = detail::add_source(graph, in.info(), {});
  detail::NodeId last = source;
  if constexpr (T != Tail::function) last = detail::add_sink(graph, source, out.info(), {});
  detail::make_terminal(graph, source);
  detail::commit_source(graph, last, source, new Hand<V, N, T>(last, seen));
}

/// What the first records make of both, through the log: the same, or the figures mean nothing.
template <class V> bool same_output(TestDriver& a, TestDriver& b, const In<V>& in, const In<V>& out, const Batch<V>& batch) {
  std::vector<std::pair<std::optional<std::string>, std::optional<std::string>>> got[2];
  TestDriver* drivers[] = {&a, &b};
  for (int side = 0; side < 2; ++side) {
    auto output = drivers[side]->output(out);
    auto input = drivers[side]->input(in);
    for (std::size_t i = 0; i < 200; ++i) {
      const auto text = [](BytesView bytes) { return std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()}; };
      require(input.send_raw(text(batch.messages[i].key), text(batch.messages[i].value), at(Timestamp{1})));
    }
    for (auto& record : output.read_raw()) got[side].emplace_back(std::move(record.key), std::move(record.value));
  }
  return got[0] == got[1] && !got[0].empty();
}

template <class V, int N, Tail T> void measure(int rounds) {
  constexpr int slices = 10;
  const Batch<V> batch;
  const In<V> in{"in"}, out{"out"};
  std::int64_t seen = 0, seen_by_hand = 0;
  Topology chain{"chain"}, hand{"hand"};
  build_chain<V, N, T>(chain, in, out, &seen);
  build_by_hand<V, N, T>(hand, in, out, &seen_by_hand);
  TestDriver run{chain}, hand_run{hand};
  require(run.status());
  require(hand_run.status());
  bool same = T == Tail::function || same_output<V>(run, hand_run, in, out, batch);

  std::vector<double> ratios, mine, theirs;
  std::size_t allocated = 0, allocated_by_hand = 0;
  for (int round = -3; round < rounds; ++round) {
    double a = 0, b = 0;
    for (int s = 0; s < 2 * slices; ++s) {
      const bool is_mine = (s & 1) != (s >> 1 & 1);  // in turns, and each as often first as second
      const std::size_t before = allocations;
      const double start = now();
      require((is_mine ? run : hand_run).feed(in, batch.messages));
      (is_mine ? b : a) += now() - start;
      if (round >= 0) (is_mine ? allocated : allocated_by_hand) += allocations - before;
    }
    if (round < 0) continue;
    ratios.push_back(b / a);
    mine.push_back(b / slices / static_cast<double>(batch.count));
    theirs.push_back(a / slices / static_cast<double>(batch.count));
  }
  if (seen != seen_by_hand) same = false;
  const double records = static_cast<double>(batch.count) * slices * rounds;
  const double own = allocated > allocated_by_hand ? static_cast<double>(allocated - allocated_by_hand) / records : 0;
  std::printf(
      "{\"name\":\"operators/"
      "%s\",\"payload\":\"%s\",\"operators\":%d,\"ratio\":%.3f,\"ns\":%.2f,\"ns_by_hand\":%.2f,\"ns_more\":%.2f,\"allocations\":%.4f}\n",
      name_of(T), Payload<V>::name, N, median(ratios), median(mine), median(theirs), median(mine) - median(theirs), own);
  std::fflush(stdout);
  if (!same) {
    std::fprintf(stderr, "operators: %s of %d operators on %s and the loop by hand give different results\n", name_of(T), N,
                 Payload<V>::name);
    std::exit(1);
  }
}

template <class V> void measure_all(int rounds, const char* payload) {
  if (payload != nullptr && std::strcmp(payload, Payload<V>::name) != 0) return;
  measure<V, 1, Tail::function>(rounds);
  measure<V, 3, Tail::function>(rounds);
  measure<V, 5, Tail::function>(rounds);
  measure<V, 10, Tail::function>(rounds);
  measure<V, 1, Tail::topic>(rounds);
  measure<V, 3, Tail::topic>(rounds);
  measure<V, 5, Tail::topic>(rounds);
  measure<V, 10, Tail::topic>(rounds);
  measure<V, 10, Tail::named>(rounds);
}

}  // namespace
}  // namespace klamm::bench

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 31;
  const char* payload = argc > 2 ? argv[2] : nullptr;
  if (rounds <= 0) {
    std::fprintf(stderr, "usage: operators [ROUNDS] [int64|string|struct]\n");
    return 2;
  }
  klamm::bench::measure_all<std::int64_t>(rounds, payload);
  klamm::bench::measure_all<std::string>(rounds, payload);
  klamm::bench::measure_all<klamm::bench::Event>(rounds, payload);
  klamm::bench::measure_wrappers(rounds, payload);
}
