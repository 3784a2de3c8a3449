// Writes and reads the fields of a frame with cereal's portable binary archive, bounded. cereal
// trusts length prefixes (a forged one takes gigabytes before it throws), so no container ever
// reaches it: lengths are u32 fields of our own, checked against their limit and against the
// bytes that are left, and lists grow as their bytes arrive. Every read is checked before cereal
// is asked, so cereal never throws.
//
// FrameWriter and FrameReader have the same functions; one description of a frame's fields
// (codec.cc) serves both ways. After a failure `failed()` stays true, nothing more is written or
// read, and `error()` tells what was wrong first.
//
//   used by   shared/wire/codec.cc only; schema/wire/frame.md tells the bytes
#pragma once

#include <cereal/archives/portable_binary.hpp>
#include <istream>
#include <limits>
#include <ostream>

#include "shared/base/status.h"
#include "shared/base/strong.h"
#include "shared/wire/byte_streams.h"

namespace edcsync::wire {

// Sequences, epochs and cursors are stored as SQLite's signed integers.
inline constexpr std::uint64_t kCountMax = std::numeric_limits<std::int64_t>::max();

class FieldsBase {
 public:
  bool failed() const { return !error_.ok(); }
  const Status& error() const { return error_; }
  // Keeps the first failure only.
  void FailWith(ErrorCode code, std::string message) {
    if (!failed()) error_ = Fail(code, std::move(message));
  }

 protected:
  bool Within(const char* field, std::size_t size, std::size_t size_max) {
    if (size > size_max) {
      FailWith(ErrorCode::kTooLarge, std::string(field) + " is larger than the limit of " +
                                         std::to_string(size_max));
    }
    return !failed();
  }

 private:
  Status error_;
};

class FrameWriter : public FieldsBase {
 public:
  FrameWriter() : stream_(&sink_), archive_(stream_, Options::LittleEndian()) {}
  Bytes TakeBytes() { return std::move(sink_.bytes()); }

  template <class Integer>
  void Number(const char*, const Integer& value) {
    if (!failed()) archive_(value);
  }
  template <class Tag, class Integer>
  void Number(const char* field, const StrongNumber<Tag, Integer>& number) {
    Number(field, number.value());
  }
  void Flag(const char* field, bool flag) {
    Number(field, static_cast<std::uint8_t>(flag ? 1 : 0));
  }
  template <class Enum>
  void Choice(const char* field, const Enum& value, Enum) {
    Number(field, static_cast<std::uint8_t>(value));
  }
  template <std::size_t N>
  void Raw(const char*, const std::array<std::uint8_t, N>& raw) {
    if (!failed()) archive_(cereal::binary_data(raw.data(), N));
  }
  // std::string, Bytes or StrongText.
  template <class Text>
  void Text32(const char* field, const Text& text, std::size_t size_max) {
    if (!Within(field, text.size(), size_max)) return;
    Number(field, static_cast<std::uint32_t>(text.size()));
    archive_(cereal::binary_data(text.data(), text.size()));
  }
  template <class Tag>
  void Text32(const char* field, const StrongText<Tag>& text, std::size_t size_max) {
    Text32(field, text.str(), size_max);
  }
  template <class Item, class Each>
  void List(const char* field, const std::vector<Item>& list, std::size_t count_max, std::size_t,
            const Each& each) {
    if (!Within(field, list.size(), count_max)) return;
    Number(field, static_cast<std::uint32_t>(list.size()));
    for (const Item& item : list) each(*this, item);
  }

 private:
  using Options = cereal::PortableBinaryOutputArchive::Options;
  BytesSink sink_;
  std::ostream stream_;
  cereal::PortableBinaryOutputArchive archive_;
};

class FrameReader : public FieldsBase {
 public:
  // REQUIRES: bytes[0] == 1, cereal's mark for little endian, which the constructor reads.
  explicit FrameReader(BytesView bytes)
      : source_(bytes), stream_(&source_), archive_(stream_, Options::LittleEndian()) {}
  std::size_t Remaining() const { return source_.Remaining(); }

  template <class Integer>
  void Number(const char* field, Integer& value) {
    if (Has(field, sizeof value)) archive_(value);
  }
  template <class Tag, class Integer>
  void Number(const char* field, StrongNumber<Tag, Integer>& number) {
    Integer value{};
    Number(field, value);
    if (!failed() && value > kCountMax) {
      FailWith(ErrorCode::kMalformed, std::string(field) + " is beyond 2^63 - 1");
    }
    number = StrongNumber<Tag, Integer>(value);
  }
  void Flag(const char* field, bool& flag) {
    std::uint8_t byte = 0;
    Number(field, byte);
    if (byte > 1) FailWith(ErrorCode::kMalformed, std::string(field) + " is neither 0 nor 1");
    flag = byte == 1;
  }
  // One of 1 to `last`.
  template <class Enum>
  void Choice(const char* field, Enum& value, Enum last) {
    std::uint8_t byte = 0;
    Number(field, byte);
    if (failed()) return;
    if (byte < 1 || byte > static_cast<std::uint8_t>(last)) {
      FailWith(ErrorCode::kMalformed,
               std::string(field) + " has the unknown number " + std::to_string(byte));
    } else {
      value = static_cast<Enum>(byte);
    }
  }
  template <std::size_t N>
  void Raw(const char* field, std::array<std::uint8_t, N>& raw) {
    if (Has(field, N)) archive_(cereal::binary_data(raw.data(), N));
  }
  template <class Text>
  void Text32(const char* field, Text& text, std::size_t size_max) {
    std::uint32_t size = 0;
    Number(field, size);
    if (!Within(field, size, size_max) || !Has(field, size)) return;
    text.resize(size);
    archive_(cereal::binary_data(text.data(), size));
  }
  template <class Tag>
  void Text32(const char* field, StrongText<Tag>& strong, std::size_t size_max) {
    std::string text;
    Text32(field, text, size_max);
    strong = StrongText<Tag>(std::move(text));
  }
  // `item_size_min`: no item takes fewer bytes, so a count beyond the bytes left is refused
  // before the first item.
  template <class Item, class Each>
  void List(const char* field, std::vector<Item>& list, std::size_t count_max,
            std::size_t item_size_min, const Each& each) {
    std::uint32_t count = 0;
    Number(field, count);
    if (!Within(field, count, count_max) || !Has(field, count * item_size_min)) return;
    for (std::uint32_t i = 0; i < count && !failed(); ++i) each(*this, list.emplace_back());
  }

 private:
  bool Has(const char* field, std::size_t size) {
    if (size > Remaining()) {
      FailWith(ErrorCode::kMalformed, "The frame is cut short in " + std::string(field));
    }
    return !failed();
  }

  using Options = cereal::PortableBinaryInputArchive::Options;
  SpanSource source_;
  std::istream stream_;
  cereal::PortableBinaryInputArchive archive_;
};

}  // namespace edcsync::wire
