// What a wrapper costs: a short chain with it and the same without it, in turns within a round; a figure is the median of the rounds'.
#include <cstring>

#include "batch.hpp"
#include "klamm/test_driver.hpp"

namespace klamm::bench {
namespace {

template <class V> class Wrappers {
 public:
  Wrappers(int rounds, const char* payload) : rounds_{rounds} {
    if (payload != nullptr && std::strcmp(payload, Payload<V>::name) != 0) return;
    const auto edit = editor<V, 0>;
    std::int64_t* const seen = &seen_;
    const auto see = [seen](const V& v) { *seen += Payload<V>::digest(v); };
    const auto plain = [&](Topology& t) { t.stream(in_).mutate(edit).for_each(see); };
    const auto sink = [&](Topology& t) { t.stream(in_).mutate(edit).to(out_); };

    against("with_timestamp", plain, [&](Topology& t) { t.stream(in_).mutate(edit).with_timestamp(&Payload<V>::digest).for_each(see); });
    against("with_header text", plain, [&](Topology& t) { t.stream(in_).mutate(edit).with_header("source", "web").for_each(see); });
    against("with_header function", plain,
            [&](Topology& t) { t.stream(in_).mutate(edit).with_header("digest", &Payload<V>::digest).for_each(see); });
    against("try_map for mutate", plain, [&](Topology& t) {
      const auto f = [edit](V&& v) -> Result<V> {
        edit(v);
        return std::move(v);
      };
      t.stream(in_).try_map(f).for_each(see);
    });
    against("with_record", plain,
            [&](Topology& t) { t.stream(in_).mutate(with_record([edit](const auto& r) { edit(r.value); })).for_each(see); });
    against("per_task", plain, [&](Topology& t) { t.stream(in_).mutate(per_task([edit] { return edit; })).for_each(see); });
    against("to one of two", sink, [&](Topology& t) {
      t.stream(in_).mutate(edit).to({out_, other_}, [this](const V& v) { return Payload<V>::digest(v) < 0 ? &other_ : &out_; });
    });
    against("partition_by", sink, [&](Topology& t) {
      t.stream(in_).mutate(edit).to(
          out_.partition_by([](const auto&, const V& v, int n) { return static_cast<int>(Payload<V>::digest(v)) % n; }));
    });
  }

 private:
  template <class Without, class With> void against(const char* name, const Without& without, const With& with) {
    constexpr int slices = 10;
    Topology bare{"bare"}, wrapped{"wrapped"};
    without(bare);
    with(wrapped);
    TestDriver bare_run{bare}, wrapped_run{wrapped};
    require(bare_run.status());
    require(wrapped_run.status());
    std::vector<double> bare_ns, wrapped_ns;
    for (int round = -3; round < rounds_; ++round) {
      double a = 0, b = 0;
      for (int s = 0; s < 2 * slices; ++s) {
        const bool is_wrapped = (s & 1) != (s >> 1 & 1);  // in turns, and each as often first as second
        const double start = now();
        require((is_wrapped ? wrapped_run : bare_run).feed(in_, batch_.messages));
        (is_wrapped ? b : a) += now() - start;
      }
      if (round < 0) continue;
      bare_ns.push_back(a / slices / static_cast<double>(batch_.count));
      wrapped_ns.push_back(b / slices / static_cast<double>(batch_.count));
    }
    std::printf("{\"name\":\"wrappers/%s\",\"payload\":\"%s\",\"ns\":%.2f,\"ns_without\":%.2f,\"ns_more\":%.2f}\n", name, Payload<V>::name,
                median(wrapped_ns), median(bare_ns), median(wrapped_ns) - median(bare_ns));
    std::fflush(stdout);
  }

  const int rounds_;
  const Batch<V> batch_;
  const In<V> in_{"in"}, out_{"out"}, other_{"other"};
  std::int64_t seen_ = 0;
};

}  // namespace

void measure_wrappers(int rounds, const char* payload) {
  Wrappers<std::int64_t>{rounds, payload};
  Wrappers<std::string>{rounds, payload};
  Wrappers<Event>{rounds, payload};
}

}  // namespace klamm::bench
