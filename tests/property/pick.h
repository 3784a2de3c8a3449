// Numbers that a property draws.
#pragma once

#include <rapidcheck.h>

namespace edcsync {

// In [low, high), evenly; RapidCheck's own ranges stay small for most of a run.
template <class Integer = int>
Integer Pick(Integer low, Integer high) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<Integer>(low, high));
}

}  // namespace edcsync
