// Identifiers and numbers the compiler keeps apart: a SiteOID is not a SubjectKey, a Sequence is
// not an Epoch, though both are text or integers underneath.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace edcsync {

template <class Tag>
class StrongText {
 public:
  StrongText() = default;
  explicit StrongText(std::string text) : text_(std::move(text)) {}
  explicit StrongText(std::string_view text) : text_(text) {}
  explicit StrongText(const char* text) : text_(text) {}

  const std::string& str() const { return text_; }
  bool empty() const { return text_.empty(); }

  friend auto operator<=>(const StrongText&, const StrongText&) = default;
  friend bool operator==(const StrongText&, const StrongText&) = default;

 private:
  std::string text_;
};

template <class Tag, class Number = std::uint64_t>
class StrongNumber {
 public:
  constexpr StrongNumber() = default;
  constexpr explicit StrongNumber(Number value) : value_(value) {}

  constexpr Number value() const { return value_; }
  constexpr StrongNumber Next() const { return StrongNumber(value_ + 1); }

  friend constexpr auto operator<=>(const StrongNumber&, const StrongNumber&) = default;
  friend constexpr bool operator==(const StrongNumber&, const StrongNumber&) = default;

 private:
  Number value_{};
};

}  // namespace edcsync

template <class Tag>
struct std::hash<edcsync::StrongText<Tag>> {
  std::size_t operator()(const edcsync::StrongText<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};

template <class Tag, class Number>
struct std::hash<edcsync::StrongNumber<Tag, Number>> {
  std::size_t operator()(const edcsync::StrongNumber<Tag, Number>& id) const noexcept {
    return std::hash<Number>{}(id.value());
  }
};
