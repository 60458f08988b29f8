// SPDX-License-Identifier: GPL-2.0-or-later
// Frames from the kernel: one capture for all ports, through libpcap.
//
// It is on libpcap's device "any", which says of each frame on which interface it was seen and which way it went. The
// kernel says so itself: nothing that a guest puts into a frame can change it. Opening and closing a capture makes the
// kernel wait for all processors, some 10 ms each; so there is one, and a filter that is exchanged while it runs.
// libpcap would stop the capture to exchange it; here the kernel does it in one step and no frame is lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "engine/error.h"
#include "engine/model/address.h"
#include "learn/capture_filter.h"
#include "learn/reader.h"

namespace nwf::learn {

struct Frame {
  unsigned interface = 0;  ///< its number
  bool outgoing = false;   ///< the host sent it there; else it came in from there
  Mac sender;              ///< of the frame, as it says itself
  std::uint16_t ether_type = 0;
  View packet;                            ///< behind the Ethernet header; valid during the call only
  std::int64_t captured_nanoseconds = 0;  ///< when the kernel saw it, CLOCK_REALTIME
};

class Capture {
 public:
  virtual ~Capture() = default;
  /// Readable when there are frames.
  virtual int descriptor() const = 0;
  /// From now on these frames. Errors: Kernel.
  virtual Result<void> want(const Wanted& wanted) = 0;
  /// Hands over at most `most` frames that are there; how many. Errors: Kernel when the capture ended.
  virtual Result<std::size_t> read(std::size_t most, const std::function<void(const Frame&)>& take) = 0;
  /// Frames that came while there was no room.
  virtual std::uint64_t lost() = 0;
};

/// Wants nothing until it is told. Errors: Denied without CAP_NET_RAW, Unsupported without packet sockets.
Result<std::unique_ptr<Capture>> open_capture();

}  // namespace nwf::learn
