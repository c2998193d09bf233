#include "app/producers.hpp"

#include <algorithm>
#include <utility>

namespace klamm::inline v0 {

detail::RawProducer Producers::open(log::Log& log, const std::string& topic, const std::string& feeder) {
  let_go(feeder.empty() ? 16 : 1);  // a feeder may be opened again behind one that nobody holds
  auto producer = std::make_shared<detail::RawProducer::Impl>();
  producer->open(log, topic, feeder);
  const std::lock_guard lock{mutex_};
  if (closed_)
    producer->close(why_);
  else
    open_.push_back(producer);
  return detail::RawProducer{producer};
}

detail::RawProducer Producers::refusing(Status why) {
  auto producer = std::make_shared<detail::RawProducer::Impl>();
  producer->close(std::move(why));
  return detail::RawProducer{producer};
}

void Producers::flush() {
  std::vector<Impl> open;
  {
    const std::lock_guard lock{mutex_};
    open = open_;
    std::erase_if(open_, [](const Impl& producer) { return producer.use_count() == 2; });  // `open` has the other
  }
  for (const Impl& producer : open) static_cast<void>(detail::RawProducer{producer}.flush());
}

void Producers::let_go(std::ptrdiff_t many) {
  {
    const std::lock_guard lock{mutex_};
    if (std::count_if(open_.begin(), open_.end(), [](const Impl& producer) { return producer.use_count() == 1; }) < many) return;
  }
  flush();
}

void Producers::close(const Status& why) {
  std::vector<Impl> open;
  {
    const std::lock_guard lock{mutex_};
    open.swap(open_);
    if (!std::exchange(closed_, true)) why_ = why;
  }
  for (const Impl& producer : open) producer->close(why);
}

}  // namespace klamm::inline v0
