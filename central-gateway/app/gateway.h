// The running gateway: broker, store, session and feed wired together.
//
//   threads   store writer · intake loop · Paho's own · the broker supervisor's · the desk's · the
//             notices'
//   order     started store, broker, loop, session, desk, notices; stopped the other way round
#pragma once

#include <memory>

#include "central-gateway/app/config.h"

namespace edcsync::central {

class Gateway {
 public:
  static Result<std::unique_ptr<Gateway>> Start(const Config& config);
  ~Gateway();

 private:
  struct Impl;
  explicit Gateway(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace edcsync::central
