// Stream buffers over bytes in memory, for libraries that speak iostreams: std::stringstream
// copies its text on the way in and on the way out.
//
//   used by   shared/wire/frame_archive.h
#pragma once

#include <streambuf>

#include "shared/base/bytes.h"

namespace edcsync::wire {

// A stream over bytes owned by others, without a copy.
class SpanSource final : public std::streambuf {
 public:
  explicit SpanSource(BytesView bytes) {
    char* begin = const_cast<char*>(AsText(bytes).data());  // Only ever read from.
    setg(begin, begin, begin + bytes.size());
  }
  std::size_t Remaining() const { return static_cast<std::size_t>(egptr() - gptr()); }
};

// A stream that appends to bytes.
class BytesSink final : public std::streambuf {
 public:
  Bytes& bytes() { return bytes_; }

 protected:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    Append(bytes_, AsBytes({text, static_cast<std::size_t>(size)}));
    return size;
  }
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof())) {
      bytes_.push_back(static_cast<std::uint8_t>(c));
    }
    return traits_type::not_eof(c);
  }

 private:
  Bytes bytes_;
};

}  // namespace edcsync::wire
