#include "kafka/sender.hpp"

#include <pthread.h>

#include <chrono>

namespace klamm::inline v0::rdkafka {

Sender::Sender(std::unique_ptr<Delivery> delivery, Guarantee guarantee, std::function<void()> wake)
    : delivery_{std::move(delivery)}, guarantee_{guarantee}, wake_{std::move(wake)} {
  thread_ = std::thread{[this] { work(); }};
  pthread_setname_np(thread_.native_handle(), "klamm-sender");
}

Sender::~Sender() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
  }
  delivery_->stop();
  changed_.notify_all();
  thread_.join();
}

Status Sender::wait_until_open(int timeout_ms) {
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, std::chrono::milliseconds{timeout_ms}, [this] { return opened_; });
  return never_opened_;
}

void Sender::control(Job job) {
  {
    const std::lock_guard lock{mutex_};
    control_.push_back(std::move(job));
  }
  changed_.notify_all();
}

void Sender::add_topic(std::string name, log::Partition partitions) {
  control({.kind = Job::Kind::topic, .name = std::move(name), .partitions = partitions});
}

std::unique_ptr<Run> Sender::blank() {
  const std::lock_guard lock{mutex_};
  if (blanks_.empty()) return std::make_unique<Run>();
  auto run = std::move(blanks_.back());
  blanks_.pop_back();
  return run;
}

void Sender::send(std::unique_ptr<Run> run) {
  {
    const std::lock_guard lock{mutex_};
    records_.push_back({.kind = Job::Kind::records, .run = std::move(run)});
  }
  changed_.notify_all();
}

void Sender::prepare() {
  {
    const std::lock_guard lock{mutex_};
    records_.push_back({.kind = Job::Kind::prepare, .number = ++asked_});
  }
  changed_.notify_all();
}

std::optional<log::Producer::Prepared> Sender::prepared() {
  const std::lock_guard lock{mutex_};
  if (!answer_ || answer_->number != asked_) return {};
  auto prepared = std::move(answer_->prepared);
  answer_.reset();
  if (!prepared.status.ok()) {
    records_.clear();
    discard_ = false;
  }
  return prepared;
}

void Sender::commit(GroupCommit commit) { control({.kind = Job::Kind::commit, .commit = std::move(commit)}); }

std::optional<log::CommitOutcome> Sender::poll() {
  const std::lock_guard lock{mutex_};
  std::optional<log::CommitOutcome> ended;
  ended.swap(outcome_);
  if (ended && !ended->status.ok()) {
    records_.clear();
    discard_ = false;
  }
  return ended;
}

void Sender::abort() {
  ++asked_;
  {
    const std::lock_guard lock{mutex_};
    records_.clear();
    answer_.reset();
    discard_ = false;
  }
  control({.kind = Job::Kind::abort});
}

void Sender::work() {
  Status opened = delivery_->open();
  note(opened);
  {
    const std::lock_guard lock{mutex_};
    opened_ = true;
    if (opened.code() != Code::cancelled) never_opened_ = std::move(opened);
  }
  changed_.notify_all();
  for (;;) {
    std::optional<Job> job;
    bool discard = false;
    {
      std::unique_lock lock{mutex_};
      // A transaction that is being prepared is looked at all the time, which waits in its place.
      if (stage_ != Stage::preparing) changed_.wait_for(lock, std::chrono::milliseconds{100}, [this] { return stopping_ || ready(); });
      if (stopping_) return;
      job = next();
      discard = discard_;
    }
    if (job) {
      run(std::move(*job), discard);
    } else if (failed_.ok()) {
      note(delivery_->serve());
    }
    if (stage_ == Stage::preparing) look_whether_prepared();
  }
}

bool Sender::ready() const {
  if (!control_.empty()) return true;
  return !records_.empty() && (discard_ || delivery_->may_send()) &&
         (stage_ == Stage::open || (guarantee_ == Guarantee::at_least_once && records_.front().kind != Job::Kind::prepare));
}

std::optional<Sender::Job> Sender::next() {
  if (!ready()) return {};
  auto& jobs = control_.empty() ? records_ : control_;
  std::optional<Job> job{std::move(jobs.front())};
  jobs.pop_front();
  return job;
}

void Sender::note(const Status& status) {
  if (status.ok() || status.code() == Code::cancelled || is_fatal()) return;
  failed_ = status;
}

void Sender::run(Job job, bool discard) {
  switch (job.kind) {
    case Job::Kind::topic:
      delivery_->add_topic(job.name, job.partitions);
      return;
    case Job::Kind::records:
      if (!discard && failed_.ok()) note(delivery_->send(*job.run));
      job.run->clear();
      {
        const std::lock_guard lock{mutex_};
        if (blanks_.size() < 256) blanks_.push_back(std::move(job.run));
      }
      return;
    case Job::Kind::prepare:
      preparing_ = job.number;
      delivery_->freeze();
      stage_ = Stage::preparing;
      return;
    case Job::Kind::commit:
      commit_now(std::move(job.commit));
      return;
    case Job::Kind::abort:
      stage_ = Stage::open;
      if (is_fatal()) return;
      failed_ = {};
      note(delivery_->abort());
      return;
  }
}

void Sender::look_whether_prepared() {
  if (failed_.ok()) {
    Result<bool> settled = delivery_->settled();
    note(settled.status());
    if (settled.status().code() == Code::cancelled || (settled.ok() && !*settled)) return;
  }
  if (failed_.ok()) {
    stage_ = Stage::prepared;
    return answer({.status = {}, .ends = delivery_->ends()});
  }
  stage_ = Stage::open;
  const Status status = failed_;
  worker_goes_back();
  answer({.status = status, .ends = {}});
}

void Sender::answer(log::Producer::Prepared prepared) {
  {
    const std::lock_guard lock{mutex_};
    answer_ = Answer{preparing_, std::move(prepared)};
  }
  if (wake_) wake_();
}

void Sender::worker_goes_back() {
  if (!is_fatal()) failed_ = {};
  const std::lock_guard lock{mutex_};
  discard_ = true;
}

void Sender::commit_now(GroupCommit commit) {
  // Under at least once what has failed since are records of the next transaction.
  Status status = is_fatal() || guarantee_ == Guarantee::exactly_once ? failed_ : Status{};
  if (status.ok()) status = delivery_->commit(std::move(commit));
  if (status.code() == Code::cancelled) return;
  stage_ = Stage::open;
  if (!status.ok()) {
    note(status);
    worker_goes_back();
  }
  {
    const std::lock_guard lock{mutex_};
    outcome_ = log::CommitOutcome{status};
  }
  if (wake_) wake_();
}

}  // namespace klamm::inline v0::rdkafka
