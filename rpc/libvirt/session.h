// SPDX-License-Identifier: GPL-2.0-or-later
// One client's conversation in libvirt's remote protocol, over a service. Fed bytes, gives bytes; knows no socket.
//
// Each whole call is answered by one reply, in order. What a client can make grow is bounded: input by the longest
// message, and output because no further call is looked at while more than a little of it waits to be sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/service.h"
#include "rpc/libvirt/fault.h"
#include "rpc/libvirt/protocol.h"
#include "rpc/libvirt/xdr.h"

namespace nwf::rpc::libvirt {

/// Gives the service that is to be asked now: it may be another than before.
using ServiceNow = std::function<host::Service&()>;

/// What the socket allows that the client came by; a client that opens for reading only gets no more than that.
enum class Access { ReadWrite, ReadOnly };

class Session {
 public:
  /// `service` is asked for the service at each call.
  Session(ServiceNow service, Access access) : service_(std::move(service)), access_(access) {}

  /// Takes bytes as they come, in pieces of any size, and answers what is whole.
  void feed(std::span<const std::uint8_t> bytes);
  /// What is to be sent now.
  const std::vector<std::uint8_t>& output() const { return output_; }
  /// So many bytes of it were sent; answers calls that waited.
  void sent(std::size_t count);
  /// True while enough output waits: then nothing should be fed.
  bool paused() const { return output_.size() >= kPause; }
  /// The client said goodbye, or something that cannot be followed: when the output is sent, the connection ends.
  bool ended() const { return ended_; }
  /// Bytes kept, for whoever watches over all sessions.
  std::size_t held_bytes() const { return input_.size() + output_.size(); }

  static constexpr std::size_t kPause = 65536;

 private:
  void run();
  void take_message(std::span<const std::uint8_t> message);
  void keep_alive(const Header& header);
  /// The reply's payload, or why there is none.
  tl::expected<XdrWriter, Fault> answer(const Header& header, XdrReader& arguments);
  tl::expected<XdrWriter, Fault> answer_connection(Procedure procedure, XdrReader& arguments);
  tl::expected<XdrWriter, Fault> answer_filter(Procedure procedure, XdrReader& arguments);
  tl::expected<XdrWriter, Fault> answer_binding(Procedure procedure, XdrReader& arguments);
  void reply(const Header& call, MessageStatus status, const XdrWriter& payload);

  ServiceNow service_;
  Access access_;
  bool open_ = false;
  bool ended_ = false;
  std::vector<std::uint8_t> input_;
  std::vector<std::uint8_t> output_;
};

}  // namespace nwf::rpc::libvirt
