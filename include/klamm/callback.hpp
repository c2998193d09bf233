#pragma once

#include <memory>
#include <type_traits>
#include <utility>

namespace klamm::inline v0 {

template <class Signature> class Callback;

/// A function the application gives to klamm, or none. Copies share it. What std::function is for, without its header.
template <class R, class... Args> class Callback<R(Args...)> {
 public:
  Callback() = default;
  template <class F>
  requires(std::is_invocable_r_v<R, F&, Args...> && !std::is_same_v<std::remove_cvref_t<F>, Callback>) Callback(F f)
      : f_{std::make_shared<F>(std::move(f))}, call_{[](void* p, Args... args) -> R {
          return (*static_cast<F*>(p))(static_cast<Args>(args)...);
        }} {}

  explicit operator bool() const { return f_ != nullptr; }
  R operator()(Args... args) const { return call_(f_.get(), static_cast<Args>(args)...); }

 private:
  std::shared_ptr<void> f_;
  R (*call_)(void*, Args...) = nullptr;
};

}  // namespace klamm::inline v0
