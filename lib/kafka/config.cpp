#include "kafka/config.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>
#include <vector>

#include "kafka/topic_rules.hpp"

namespace klamm::inline v0::rdkafka {
namespace {

struct Owned {
  const char* name;
  const char* instead;
};

// What klamm's guarantees rest on, and what to use instead.
constexpr auto owned = std::to_array<Owned>({
    {"bootstrap.servers", "give the brokers to kafka(\"host:port\")"},
    {"metadata.broker.list", "give the brokers to kafka(\"host:port\")"},
    {"client.id", "it is made of .application_id, the endpoint and the instance, for other instances to read"},
    {"group.id", "use .application_id"},
    {"group.instance.id", "use .group_instance_id"},
    {"group.protocol", "tasks are kept whole by the classic protocol only"},
    {"group.protocol.type", "tasks are kept whole by the classic protocol only"},
    {"group.remote.assignor", "tasks are kept whole by the classic protocol only"},
    {"partition.assignment.strategy", "tasks are kept whole by cooperative-sticky only"},
    {"session.timeout.ms", "use .session_timeout"},
    {"heartbeat.interval.ms", "use .heartbeat_interval"},
    {"max.poll.interval.ms", "use .watchdog: slow functions are named by it and do not leave the group"},
    {"enable.auto.commit", "use .commit_interval: offsets are committed with what was made of the records"},
    {"auto.commit.interval.ms", "use .commit_interval"},
    {"auto.commit.enable", "use .commit_interval"},
    {"enable.auto.offset.store", "offsets are committed with what was made of the records"},
    {"auto.offset.reset", "use Topic::start_at"},
    {"isolation.level", "only committed records are read, under both guarantees"},
    {"enable.partition.eof", "the end of a partition ends a restore"},
    {"allow.auto.create.topics", "use Topic::partitions, or create the topic"},
    {"enable.idempotence", "use .guarantee: producers are idempotent under both"},
    {"enable.gapless.guarantee", "use .guarantee"},
    {"acks", "use .guarantee: all replicas acknowledge under both"},
    {"request.required.acks", "use .guarantee: all replicas acknowledge under both"},
    {"max.in.flight", "use .guarantee: 5, as idempotent producers need"},
    {"max.in.flight.requests.per.connection", "use .guarantee: 5, as idempotent producers need"},
    {"retries", "use .guarantee: records are sent until they are acknowledged"},
    {"message.send.max.retries", "use .guarantee: records are sent until they are acknowledged"},
    {"message.timeout.ms", "use .transaction_timeout: records are sent until they are acknowledged or their transaction is aborted"},
    {"delivery.timeout.ms", "use .transaction_timeout: records are sent until they are acknowledged or their transaction is aborted"},
    {"transactional.id", "it is made of .application_id, the instance and the worker"},
    {"transaction.timeout.ms", "use .transaction_timeout"},
    {"delivery.report.only.error", "commits count the acknowledged records"},
    {"partitioner", "keys go to the partition that Java's clients choose (murmur2)"},
});

const Owned* find_owned(const std::string& name) {
  for (const Owned& one : owned) {
    if (name == one.name) return &one;
  }
  return nullptr;
}

bool consumes(Kind kind) { return kind == Kind::member || kind == Kind::reader; }

const Settings& of_kind(const KafkaOptions& options, Kind kind) {
  return kind == Kind::admin ? options.admin : consumes(kind) ? options.consumer : options.producer;
}

// The reason has the value, unless librdkafka knows it for a secret.
Status set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  char reason[512] = "";
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason, sizeof reason) == RD_KAFKA_CONF_OK) return {};
  return {Code::invalid_argument, "setting \"" + name + "\": " + reason, name};
}

std::string ms(Duration duration) { return std::to_string(duration.milliseconds()); }

using Lines = std::vector<std::pair<const char*, std::string>>;

constexpr const char *fetch_ahead_messages = "queued.min.messages", *fetch_ahead_kbytes = "queued.max.messages.kbytes";

// Good values that the user may change.
Lines defaults(Kind kind) {
  Lines lines{{"log_level", "5"}, {"socket.nagle.disable", "true"}};
  if (consumes(kind)) {
    lines.insert(
        lines.end(),
        {{"fetch.wait.max.ms", "50"}, {"fetch.error.backoff.ms", "100"}, {fetch_ahead_messages, "100000"}, {fetch_ahead_kbytes, "16384"}});
    if (!needs_kicks()) lines.push_back({"fetch.queue.backoff.ms", "5"});
  } else if (kind != Kind::admin) {
    lines.insert(lines.end(), {{"compression.codec", "lz4"}, {"linger.ms", "5"}, {"queue.buffering.max.kbytes", "262144"}});
  }
  return lines;
}

Lines own(const KafkaOptions& options, Kind kind, const std::string& name) {
  Lines lines{{"bootstrap.servers", options.brokers},
              {"client.id", options.application_id + '|' + options.endpoint + '|' + options.instance}};
  if (consumes(kind)) {
    lines.insert(lines.end(), {{"enable.auto.commit", "false"},
                               {"enable.auto.offset.store", "false"},
                               {"auto.offset.reset", "error"},
                               {"isolation.level", "read_committed"},
                               {"allow.auto.create.topics", "false"}});
  }
  switch (kind) {
    case Kind::member:
      lines.insert(lines.end(),
                   {{"group.id", name},
                    {"partition.assignment.strategy", "cooperative-sticky"},
                    {"session.timeout.ms", ms(options.session_timeout)},
                    {"heartbeat.interval.ms", ms(options.heartbeat_interval)},
                    {"max.poll.interval.ms", std::to_string(std::max<std::int64_t>(300'000, options.session_timeout.milliseconds()))}});
      if (!options.group_instance_id.empty()) lines.push_back({"group.instance.id", options.group_instance_id});
      break;
    case Kind::reader:
      lines.push_back({"enable.partition.eof", "true"});
      break;
    case Kind::transactional:
      lines.insert(lines.end(), {{"transactional.id", name},
                                 {"transaction.timeout.ms", ms(options.transaction_timeout)},
                                 // Below the transaction's own, or librdkafka refuses; a record that late could not be committed anyway.
                                 {"message.timeout.ms", ms(options.transaction_timeout)}});
      break;
    case Kind::idempotent:
    case Kind::inlet:
      // A broker that is away is waited for.
      lines.insert(lines.end(), {{"enable.idempotence", "true"}, {"message.timeout.ms", "0"}});
      break;
    case Kind::admin:
      lines.insert(lines.end(), {{"allow.auto.create.topics", "false"}, {"isolation.level", "read_committed"}});
      break;
  }
  return lines;
}

Level level_of(int syslog) { return syslog <= 3 ? Level::error : syslog == 4 ? Level::warning : syslog <= 6 ? Level::info : Level::debug; }

Callbacks& callbacks_of(void* opaque) { return *static_cast<Callbacks*>(opaque); }

rd_kafka_resp_err_t on_request(rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t, int32_t, size_t, void* opaque) {
  callbacks_of(opaque).requested(api_key);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}
rd_kafka_resp_err_t on_response(rd_kafka_t*, int, const char*, int32_t, int16_t api_key, int16_t, int32_t, size_t, int64_t,
                                rd_kafka_resp_err_t, void* opaque) {
  callbacks_of(opaque).answered(api_key);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}
rd_kafka_resp_err_t on_new(rd_kafka_t* handle, const rd_kafka_conf_t*, void* opaque, char*, size_t) {
  if (const auto code = rd_kafka_interceptor_add_on_request_sent(handle, "klamm", on_request, opaque); code != RD_KAFKA_RESP_ERR_NO_ERROR)
    return code;
  return rd_kafka_interceptor_add_on_response_received(handle, "klamm", on_response, opaque);
}

// librdkafka calls with the opaque of the configuration, which is the callbacks' object.
Status install(rd_kafka_conf_t* conf, Kind kind, Callbacks& callbacks) {
  rd_kafka_conf_set_opaque(conf, &callbacks);
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t* handle, int level, const char* facility, const char* text) {
    callbacks_of(rd_kafka_opaque(handle)).line(level_of(level), std::string{facility} + ": " + text);
  });
  rd_kafka_conf_set_error_cb(conf, [](rd_kafka_t* handle, int code, const char* text, void* opaque) {
    callbacks_of(opaque).error(handle, static_cast<rd_kafka_resp_err_t>(code), text);
  });
  if (kind == Kind::transactional || kind == Kind::idempotent || kind == Kind::inlet) {
    rd_kafka_conf_set_dr_msg_cb(
        conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) { callbacks_of(opaque).delivered(*message); });
  }
  if (kind == Kind::member) {
    rd_kafka_conf_set_rebalance_cb(conf, [](rd_kafka_t*, rd_kafka_resp_err_t code, rd_kafka_topic_partition_list_t* partitions,
                                            void* opaque) { callbacks_of(opaque).rebalance(code, partitions); });
    if (const auto code = rd_kafka_conf_interceptor_add_on_new(conf, "klamm", on_new, &callbacks); code != RD_KAFKA_RESP_ERR_NO_ERROR)
      return {Code::internal, std::string{"librdkafka: no interceptor can be added: "} + rd_kafka_err2str(code)};
  }
  return {};
}

}  // namespace

FetchAhead fetch_ahead(const KafkaOptions& options) {
  const auto value = [&](const char* name) -> std::size_t {
    for (const Settings* settings : {&options.consumer, &options.client}) {
      if (const auto found = settings->find(name); found != settings->end()) return std::strtoull(found->second.c_str(), nullptr, 10);
    }
    for (const auto& [setting, text] : defaults(Kind::reader)) {
      if (std::string_view{setting} == name) return std::strtoull(text.c_str(), nullptr, 10);
    }
    return 0;
  };
  return {value(fetch_ahead_messages), value(fetch_ahead_kbytes) << 10};
}

bool needs_kicks() { return rd_kafka_version() < 0x02020000; }

bool loses_all_by_late_commit() { return rd_kafka_version() < 0x020a0000; }

bool ends_before_assignment() { return rd_kafka_version() >= 0x02030000; }

void Callbacks::mute() {
  const std::lock_guard lock{speaking_};
  muted_ = true;
}

void Callbacks::line(Level level, const std::string& text) const {
  const std::lock_guard lock{speaking_};
  if (!muted_) cluster_.line(level, text);
}

void Callbacks::suspect() {
  const std::lock_guard lock{speaking_};
  if (!muted_) cluster_.suspect();
}

void Callbacks::error(rd_kafka_t* handle, rd_kafka_resp_err_t code, const char* text) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) return fatal(failure_of(code, handle));
  if (code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE) suspect();
  line(Level::warning, std::string{rd_kafka_err2name(code)} + ": " + text);
}

Status check_settings(const KafkaOptions& options) {
  const Conf scratch{rd_kafka_conf_new()};
  std::string problems;
  const auto problem = [&](const char* map, const std::string& text) {
    problems += (problems.empty() ? "" : "; ") + ("." + std::string{map}) + ": " + text;
  };
  const std::pair<const char*, const Settings*> maps[] = {
      {"client", &options.client}, {"consumer", &options.consumer}, {"producer", &options.producer}, {"admin", &options.admin}};
  for (const auto& [map, settings] : maps) {
    for (const auto& [name, value] : *settings) {
      if (const Owned* one = find_owned(name); one != nullptr) {
        problem(map, "setting \"" + name + "\" is klamm's own: " + one->instead);
      } else if (Status status = set(scratch.get(), name, value); !status.ok()) {
        problem(map, status.message());
      }
    }
  }
  const auto check_topics = [&](const std::string& map, const Settings& settings) {
    for (const auto& [name, value] : settings) {
      if (const char* instead = owned_topic_setting(name); instead != nullptr)
        problem(map.c_str(), "setting \"" + name + "\" is klamm's own: " + instead);
    }
  };
  check_topics("all_topics", options.all_topics);
  for (const auto& [topic, settings] : options.topics) check_topics("topics (" + topic + ')', settings);
  if (options.brokers.empty()) problem("brokers", "no host:port is given");
  return problems.empty() ? Status{} : Status{Code::invalid_argument, "kafka: " + problems, "kafka"};
}

Result<Handle> make_handle(Kind kind, Cluster& cluster, Callbacks& callbacks, const std::string& name, const Settings& other) {
  const KafkaOptions& options = cluster.options();
  Conf conf{rd_kafka_conf_new()};
  for (const auto& [setting, value] : defaults(kind)) {
    if (Status status = set(conf.get(), setting, value); !status.ok()) return status;
  }
  for (const Settings* settings : {&options.client, &of_kind(options, kind)}) {
    for (const auto& [setting, value] : *settings) {
      if (Status status = set(conf.get(), setting, value); !status.ok()) return status;
    }
  }
  for (const auto& [setting, value] : own(options, kind, name)) {
    if (Status status = set(conf.get(), setting, value); !status.ok()) return status;
  }
  for (const auto& [setting, value] : other) {
    if (Status status = set(conf.get(), setting, value); !status.ok()) return status;
  }
  if (Status status = install(conf.get(), kind, callbacks); !status.ok()) return status;
  char reason[512] = "";
  // As a producer an admin would let brokers create the topics that it asks for.
  const bool reads = consumes(kind) || kind == Kind::admin;
  Handle handle{rd_kafka_new(reads ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER, conf.get(), reason, sizeof reason)};
  if (handle == nullptr) return Status{Code::invalid_argument, std::string{"kafka: no client can be made: "} + reason, "kafka"};
  static_cast<void>(conf.release());  // the handle's now
  return handle;
}

}  // namespace klamm::inline v0::rdkafka
