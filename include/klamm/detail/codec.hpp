#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "klamm/api.hpp"
#include "klamm/detail/callable.hpp"
#include "klamm/serde.hpp"

// Serde objects and timestamp extractors of topics, with the types out of the way. Topics without them use the traits and pay nothing.

namespace klamm::inline v0::detail {

/// Something of a topic that each stage of each task has a copy of.
class KLAMM_API Part {
 public:
  virtual ~Part() = default;
  [[nodiscard]] virtual std::unique_ptr<Part> copy() const = 0;
};

/// Holds a part; a copy of the holder has its own.
class PartBox {
 public:
  PartBox() = default;
  explicit PartBox(std::unique_ptr<Part> part) : part_{std::move(part)} {}
  PartBox(const PartBox& other) : part_{other.part_ == nullptr ? nullptr : other.part_->copy()} {}
  PartBox(PartBox&&) noexcept = default;
  PartBox& operator=(PartBox other) noexcept {
    part_ = std::move(other.part_);
    return *this;
  }
  ~PartBox() = default;

  [[nodiscard]] bool empty() const { return part_ == nullptr; }
  [[nodiscard]] Part* get() const { return part_.get(); }

 private:
  std::unique_ptr<Part> part_;
};

/// A serde object.
template <class T> class Codec : public Part {
 public:
  virtual Encoded encode(const T& value, Bytes& out) = 0;
  virtual Decoded decode(BytesView in, T& slot) = 0;
};
template <class T, class S> class ObjectCodec final : public Codec<T> {
 public:
  explicit ObjectCodec(S s) : serde_{std::move(s)} {}
  [[nodiscard]] std::unique_ptr<Part> copy() const override { return std::unique_ptr<Part>(new ObjectCodec(serde_)); }
  Encoded encode(const T& value, Bytes& out) override {
    if constexpr (std::is_void_v<decltype(serde_.encode(value, out))>) {
      serde_.encode(value, out);
      return {};
    } else {
      return serde_.encode(value, out);
    }
  }
  Decoded decode(BytesView in, T& slot) override { return serde_.decode(in, slot); }

 private:
  S serde_;
};

/// Reads values that an earlier version of the program wrote, where T's serde has an upgrade.
template <class T> class UpgradingCodec final : public Codec<T> {
 public:
  const std::string* schema = nullptr;  ///< theirs

  [[nodiscard]] std::unique_ptr<Part> copy() const override { return std::unique_ptr<Part>(new UpgradingCodec(*this)); }
  Encoded encode(const T&, Bytes&) override { return unencodable("older schemas are only read"); }
  Decoded decode(BytesView in, T& slot) override {
    if constexpr (upgrades_v<T>)
      return serde<T>::upgrade(plain_schema(*schema), in, slot);
    else
      return static_cast<void>(in), static_cast<void>(slot), malformed("its serde has no upgrade");
  }

 private:
  /// Of what is in an optional: null is never upgraded.
  static std::string_view plain_schema(std::string_view schema) {
    constexpr std::string_view begin = "optional<";
    return schema.substr(0, begin.size()) == begin ? schema.substr(begin.size(), schema.size() - begin.size() - 1) : schema;
  }
};

/// Whether an object can be given to `Topic::serde` for T.
template <class S, class T> constexpr bool codec_for_v = requires(S& s, const T& value, T& slot, BytesView in, Bytes& out) {
  s.encode(value, out);
  { s.decode(in, slot) } -> std::same_as<Decoded>;
};

/// Asks the record for its time.
template <class K, class V> class Extractor : public Part {
 public:
  /// False if it needs the key and there is none.
  virtual bool extract(const K& key, const V& value, const RecordContext& context, Timestamp& out) = 0;
};
template <class T> constexpr bool timestamp_like_v = std::is_same_v<T, Timestamp> || (std::is_integral_v<T> && !std::is_same_v<T, bool>);

template <class K, class V, class F> class CallExtractor final : public Extractor<K, V> {
 public:
  explicit CallExtractor(Callee<F> f) : f_{std::move(f)} {
    if constexpr (Callee<F>::binds) f_.bind();
  }
  [[nodiscard]] std::unique_ptr<Part> copy() const override { return std::unique_ptr<Part>(new CallExtractor(f_)); }
  bool extract(const K& key, const V& value, const RecordContext& context, Timestamp& out) override {
    if constexpr (form_v<F, K, const V&> == Form::key_value && !optional_v<K>) {
      if (context.null_key) return false;
    }
    if constexpr (std::is_same_v<std::remove_cvref_t<result_t<F, K, const V&>>, Timestamp>)
      out = call<const V&>(f_, key, value, context);
    else
      out = Timestamp{static_cast<std::int64_t>(call<const V&>(f_, key, value, context))};
    return true;
  }

 private:
  Callee<F> f_;
};

}  // namespace klamm::inline v0::detail
