// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/userdata.h"

#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace nwf::netlink {

// An attribute is one byte of type, one of length, and the value (libnftnl: src/udata.c).

std::vector<std::uint8_t> comment_userdata(std::uint8_t type, const std::string& comment) {
  if (comment.empty()) return {};
  const std::size_t length = std::min<std::size_t>(comment.size(), 127);
  std::vector<std::uint8_t> out{type, static_cast<std::uint8_t>(length + 1)};
  out.insert(out.end(), comment.begin(), comment.begin() + static_cast<std::ptrdiff_t>(length));
  out.push_back(0);
  return out;
}

std::vector<std::uint8_t> number_userdata(std::uint8_t type, std::uint32_t number) {
  std::vector<std::uint8_t> out{type, sizeof number, 0, 0, 0, 0};
  std::memcpy(out.data() + 2, &number, sizeof number);
  return out;
}

namespace {

// nft's own numbers (nftables: include/expression.h, enum expr_types; include/proto.h, enum proto_desc_id and the
// templates' order); they are in rulesets that other versions read, so they stay.
constexpr std::uint32_t kMeta = 9, kPayload = 7, kConcat = 13;
constexpr std::uint32_t kNetworkHeader = 2;

void put(std::vector<std::uint8_t>& out, std::uint8_t type, const std::vector<std::uint8_t>& value) {
  out.push_back(type);
  out.push_back(static_cast<std::uint8_t>(value.size()));
  out.insert(out.end(), value.begin(), value.end());
}

void put(std::vector<std::uint8_t>& out, std::uint8_t type, std::uint32_t number) {
  const auto attribute = number_userdata(type, number);
  out.insert(out.end(), attribute.begin(), attribute.end());
}

/// The type of an expression, then the numbers that say which: a meta key, or a payload's protocol and field, or with
/// protocol 0 a payload's base, place and length in bits.
std::pair<std::uint32_t, std::vector<std::uint32_t>> expression_of(const KeyPart& part) {
  switch (part.type) {
    case KeyType::IfName:
      return {kMeta, {NFT_META_IIFNAME}};
    case KeyType::Mark:
      return {kMeta, {NFT_META_MARK}};
    case KeyType::InetProto:
      return {kMeta, {NFT_META_L4PROTO}};
    case KeyType::EtherAddr:
      return {kPayload, {17, 2}};  // ether saddr
    case KeyType::EtherType:
      return {kPayload, {17, 3}};  // ether type
    case KeyType::Ipv4Addr:
      return {kPayload, {12, 11}};  // ip saddr
    case KeyType::Dscp:
      return {kPayload, {12, 3}};  // ip dscp
    case KeyType::Ipv6Addr:
      return {kPayload, {13, 8}};  // ip6 saddr
    case KeyType::ArpOp:
      return {kPayload, {15, 5}};  // arp operation
    case KeyType::InetService:
      return {kPayload, {11, 2}};  // th dport
    case KeyType::IcmpType:
      return {kPayload, {4, 1}};  // icmp type
    case KeyType::Icmpv6Type:
      return {kPayload, {14, 1}};  // icmpv6 type
    case KeyType::Integer:
      break;
  }
  return {kPayload, {0, 1, kNetworkHeader, 0, static_cast<std::uint32_t>(part.width * 8)}};  // @nh,0,WIDTH
}

/// The value of the first attribute of this type.
std::span<const std::uint8_t> find(std::span<const std::uint8_t> userdata, std::uint8_t type) {
  while (userdata.size() >= 2) {
    const std::size_t length = userdata[1];
    if (length > userdata.size() - 2) return {};
    if (userdata[0] == type) return userdata.subspan(2, length);
    userdata = userdata.subspan(2 + length);
  }
  return {};
}

std::uint32_t number_in(std::span<const std::uint8_t> userdata, std::uint8_t type) {
  const auto value = find(userdata, type);
  std::uint32_t number = 0;
  if (value.size() == sizeof number) std::memcpy(&number, value.data(), sizeof number);
  return number;
}

}  // namespace

std::vector<std::uint8_t> typeof_userdata(const std::vector<KeyPart>& key) {
  const bool numbers =
      std::any_of(key.begin(), key.end(), [](const KeyPart& part) { return part.type == KeyType::Integer; });
  if (!numbers || key.size() < 2) return {};
  std::vector<std::uint8_t> parts;
  for (std::size_t i = 0; i < key.size(); ++i) {
    const auto [type, numbers_of_it] = expression_of(key[i]);
    std::vector<std::uint8_t> which;
    for (std::size_t n = 0; n < numbers_of_it.size(); ++n) put(which, static_cast<std::uint8_t>(n), numbers_of_it[n]);
    std::vector<std::uint8_t> expression;
    put(expression, NFTNL_UDATA_SET_TYPEOF_EXPR, type);
    put(expression, NFTNL_UDATA_SET_TYPEOF_DATA, which);
    put(parts, static_cast<std::uint8_t>(i), expression);
  }
  // An attribute is at most 255 bytes long. Keys of more than four parts are not made (engine/program/rule_tests.cc).
  if (parts.size() > 240) return {};
  std::vector<std::uint8_t> concatenation;
  put(concatenation, NFTNL_UDATA_SET_TYPEOF_EXPR, kConcat);
  put(concatenation, NFTNL_UDATA_SET_TYPEOF_DATA, parts);
  std::vector<std::uint8_t> out;
  put(out, NFTNL_UDATA_SET_KEYBYTEORDER, 0);
  put(out, NFTNL_UDATA_SET_KEY_TYPEOF, concatenation);
  return out;
}

std::vector<std::size_t> number_widths_in(std::span<const std::uint8_t> userdata) {
  const auto concatenation = find(userdata, NFTNL_UDATA_SET_KEY_TYPEOF);
  if (number_in(concatenation, NFTNL_UDATA_SET_TYPEOF_EXPR) != kConcat) return {};
  std::vector<std::size_t> widths;
  const auto parts = find(concatenation, NFTNL_UDATA_SET_TYPEOF_DATA);
  for (std::uint8_t i = 0; i < 16; ++i) {
    const auto expression = find(parts, i);
    if (expression.empty()) break;
    const auto which = find(expression, NFTNL_UDATA_SET_TYPEOF_DATA);
    if (number_in(expression, NFTNL_UDATA_SET_TYPEOF_EXPR) == kPayload && number_in(which, 0) == 0)
      widths.push_back(number_in(which, 4) / 8);
  }
  return widths;
}

std::string comment_in(std::span<const std::uint8_t> userdata, std::uint8_t type) {
  const auto value = find(userdata, type);
  return {value.begin(), std::find(value.begin(), value.end(), 0)};
}

}  // namespace nwf::netlink
