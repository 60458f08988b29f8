// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/libvirt/session.h"

#include <fmt/format.h>

#include "rpc/libvirt/procedure.h"

namespace nwf::rpc::libvirt {
namespace {

std::uint32_t length_of(std::span<const std::uint8_t> bytes) { return XdrReader(bytes.first(kLengthBytes)).word(); }

Header read_header(XdrReader& reader) {
  Header header;
  header.program = reader.word();
  header.version = reader.word();
  header.procedure = reader.integer();
  header.type = reader.word();
  header.serial = reader.word();
  header.status = reader.word();
  return header;
}

Fault rpc_fault(std::string detail) { return {Code::Rpc, Domain::Rpc, std::move(detail)}; }

}  // namespace

void Session::feed(std::span<const std::uint8_t> bytes) {
  if (ended_) return;
  input_.insert(input_.end(), bytes.begin(), bytes.end());
  run();
}

void Session::sent(std::size_t count) {
  output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(count));
  if (!ended_) run();
}

void Session::run() {
  std::size_t done = 0;
  while (!ended_ && !paused() && input_.size() - done >= kLengthBytes) {
    const auto rest = std::span<const std::uint8_t>(input_).subspan(done);
    const std::size_t length = length_of(rest);
    // Where the next message begins cannot be known after this.
    if (length < kLengthBytes + kHeaderBytes || length > kMaxMessage) {
      ended_ = true;
      break;
    }
    if (rest.size() < length) break;
    take_message(rest.subspan(kLengthBytes, length - kLengthBytes));
    done += length;
  }
  input_.erase(input_.begin(), ended_ ? input_.end() : input_.begin() + static_cast<std::ptrdiff_t>(done));
}

void Session::take_message(std::span<const std::uint8_t> message) {
  XdrReader reader(message);
  const Header header = read_header(reader);
  if (header.program == kKeepAliveProgram && header.version == kKeepAliveVersion) return keep_alive(header);
  // Data of a stream that nobody opened is passed over, as libvirt does; a client expects no answer to it.
  if (header.type == static_cast<std::uint32_t>(MessageType::Stream)) return;
  const auto refuse = [&](const Fault& fault) {
    XdrWriter payload;
    write_fault(fault, payload);
    reply(header, MessageStatus::Error, payload);
  };
  if (header.program != kRemoteProgram || header.version != kRemoteVersion)
    return refuse(rpc_fault(fmt::format("Cannot find program {} version {}", header.program, header.version)));
  if (header.type != static_cast<std::uint32_t>(MessageType::Call))
    return refuse(rpc_fault(fmt::format("Unexpected message type {}", header.type)));
  const auto payload = answer(header, reader);
  if (!payload) return refuse(payload.error());
  reply(header, MessageStatus::Ok, *payload);
}

void Session::keep_alive(const Header& header) {
  if (header.type != static_cast<std::uint32_t>(MessageType::Message) || header.procedure != kPing) return;
  Header pong = header;
  pong.procedure = kPong;
  XdrWriter out;
  out.word(kLengthBytes + kHeaderBytes);
  out.word(pong.program);
  out.word(pong.version);
  out.integer(pong.procedure);
  out.word(pong.type);
  out.word(0);
  out.word(0);
  output_.insert(output_.end(), out.bytes().begin(), out.bytes().end());
}

void Session::reply(const Header& call, MessageStatus status, const XdrWriter& payload) {
  XdrWriter head;
  head.word(static_cast<std::uint32_t>(kLengthBytes + kHeaderBytes + payload.bytes().size()));
  head.word(call.program);
  head.word(call.version);
  head.integer(call.procedure);
  head.word(static_cast<std::uint32_t>(MessageType::Reply));
  head.word(call.serial);
  head.word(static_cast<std::uint32_t>(status));
  output_.insert(output_.end(), head.bytes().begin(), head.bytes().end());
  output_.insert(output_.end(), payload.bytes().begin(), payload.bytes().end());
}

tl::expected<XdrWriter, Fault> Session::answer(const Header& header, XdrReader& arguments) {
  const auto refuse = [](Fault fault) { return tl::unexpected<Fault>(std::move(fault)); };
  const ProcedureRow* row = find_procedure(header.procedure);
  if (row == nullptr) {
    if (header.procedure < 1 || header.procedure > kLastProcedure)
      return refuse(rpc_fault(fmt::format("unknown procedure: {}", header.procedure)));
    return refuse({Code::NoSupport, Domain::NwFilter, fmt::format("call {} of the remote protocol", header.procedure)});
  }
  if (row->needs_open && !open_) return refuse({Code::InternalError, Domain::Rpc, "connection not open"});
  if (row->writes && access_ == Access::ReadOnly)
    return refuse({Code::OperationDenied, Domain::NwFilter, fmt::format("read only access prevents {}", row->name)});
  switch (row->part) {
    case Part::Connection:
      return answer_connection(row->procedure, arguments);
    case Part::Filter:
      return answer_filter(row->procedure, arguments);
    case Part::Binding:
      return answer_binding(row->procedure, arguments);
  }
  return refuse(rpc_fault("unknown procedure"));
}

}  // namespace nwf::rpc::libvirt
