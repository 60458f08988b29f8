// SPDX-License-Identifier: GPL-2.0-or-later
// libvirt's remote protocol, as far as its network filters need it: numbers, limits and the shapes of messages.
//
// A message is its length (4 bytes, itself included), a header of six words, and a payload, all in XDR (RFC 4506).
// A client calls with `serial` counting up; each call gets one reply with its serial. Facts here are those of libvirt's
// own description of the protocol, src/rpc/virnetprotocol.x and src/remote/remote_protocol.x of 9.0; numbers once given
// are never changed there.
#pragma once

#include <cstddef>
#include <cstdint>

namespace nwf::rpc::libvirt {

inline constexpr std::uint32_t kRemoteProgram = 0x20008086;
inline constexpr std::uint32_t kRemoteVersion = 1;
inline constexpr std::uint32_t kKeepAliveProgram = 0x6b656570;  // src/rpc/virkeepaliveprotocol.x
inline constexpr std::uint32_t kKeepAliveVersion = 1;

inline constexpr std::size_t kLengthBytes = 4;
inline constexpr std::size_t kHeaderBytes = 24;
/// Longest string; libvirt's own limit, and as long as an XML text that nwf reads.
inline constexpr std::size_t kMaxString = 4194304;
/// Longest message that is taken. libvirt would take 16 MiB, but no call of a network filter can be longer than one
/// string and some words.
inline constexpr std::size_t kMaxMessage = kMaxString + 65536;
/// Most entries of a list (REMOTE_NWFILTER_LIST_MAX, REMOTE_NWFILTER_BINDING_LIST_MAX).
inline constexpr std::size_t kMaxList = 16384;

enum class MessageType : std::uint32_t {
  Call = 0,
  Reply = 1,
  Message = 2,  ///< unasked, in either direction: events and keep-alive
  Stream = 3,
  CallWithDescriptors = 4,
  ReplyWithDescriptors = 5,
};

enum class MessageStatus : std::uint32_t { Ok = 0, Error = 1, Continue = 2 };

struct Header {
  std::uint32_t program = kRemoteProgram;
  std::uint32_t version = kRemoteVersion;
  std::int32_t procedure = 0;
  std::uint32_t type = 0;
  std::uint32_t serial = 0;
  std::uint32_t status = 0;
};

/// KEEPALIVE_PROC_*
inline constexpr std::int32_t kPing = 1;
inline constexpr std::int32_t kPong = 2;

/// REMOTE_PROC_*: the calls that are answered.
enum class Procedure : std::int32_t {
  ConnectOpen = 1,
  ConnectClose = 2,
  ConnectGetType = 3,
  ConnectSupportsFeature = 60,
  AuthList = 66,
  ConnectGetUri = 110,
  ConnectGetLibVersion = 157,
  FilterLookupByName = 175,
  FilterLookupByUuid = 176,
  FilterGetXml = 177,
  FilterCount = 178,
  FilterNames = 179,
  FilterDefine = 180,
  FilterUndefine = 181,
  FilterListAll = 286,
  BindingLookupByPort = 397,
  BindingGetXml = 398,
  BindingCreate = 399,
  BindingDelete = 400,
  BindingListAll = 401,
  ConnectSetIdentity = 419,
  FilterDefineFlags = 431,
};
/// The last call that 9.0 knows of; those up to it that are not above belong to other drivers.
inline constexpr std::int32_t kLastProcedure = 443;

/// VIR_CONNECT_RO of virConnectOpen's flags.
inline constexpr std::uint32_t kOpenReadOnly = 1;
/// VIR_NWFILTER_DEFINE_VALIDATE and VIR_NWFILTER_BINDING_CREATE_VALIDATE. Every text is checked whole, with it or
/// without.
inline constexpr std::uint32_t kValidate = 1;
/// VIR_DRV_FEATURE_PROGRAM_KEEPALIVE: asked before the connection is opened.
inline constexpr std::int32_t kFeatureKeepAlive = 10;
/// REMOTE_AUTH_NONE
inline constexpr std::int32_t kAuthNone = 0;
/// Whose calls these are: libvirt 9.0.0, as LIBVIR_VERSION_NUMBER writes it.
inline constexpr std::uint64_t kLibraryVersion = 9000000;

}  // namespace nwf::rpc::libvirt
