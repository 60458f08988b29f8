// SPDX-License-Identifier: GPL-2.0-or-later
// The table of attributes of docs/language.md, from the table the product works with.
//
//   language-table                prints it
//   language-table FILE           compares it with what stands in FILE between its two markers
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>
#include <vector>

#include "engine/model/fields.h"

namespace {

using namespace nwf;

constexpr std::string_view kBegin = "<!-- attributes -->\n", kEnd = "<!-- end of attributes -->\n";

std::string_view kind_text(ValueKind kind) {
  switch (kind) {
    case ValueKind::MacAddress:
      return "MAC address";
    case ValueKind::MacMask:
      return "MAC mask";
    case ValueKind::Ipv4Address:
      return "IPv4 address";
    case ValueKind::Ipv4Mask:
      return "0-32, or dotted";
    case ValueKind::Ipv6Address:
      return "IPv6 address";
    case ValueKind::Ipv6Mask:
      return "0-128, or an address";
    case ValueKind::Uint8:
      return "0-255";
    case ValueKind::Uint16:
      return "0-65535";
    case ValueKind::Connections:
      return "0-65535, decimal";
    case ValueKind::VlanEncap:
      return "0x3c-0xffff, or arp, rarp, ipv4, ipv6, vlan";
    case ValueKind::Uint32:
      return "0-4294967295";
    case ValueKind::Dscp:
      return "0-63";
    case ValueKind::VlanId:
      return "0-4095";
    case ValueKind::EtherType:
      return "0x600-0xffff, or arp, rarp, ipv4, ipv6, vlan";
    case ValueKind::ArpOpcode:
      return "0-65535, or a name (below)";
    case ValueKind::IpProtocol:
      return "0-255, or a name (below)";
    case ValueKind::Boolean:
      return "true, yes, 1, false, no, 0";
    case ValueKind::TcpFlags:
      return "MASK/FLAGS (below)";
    case ValueKind::ConnState:
      return "states (below)";
    case ValueKind::IpsetName:
      return "name of an ipset";
    case ValueKind::IpsetFlags:
      return "src, dst";
    case ValueKind::Comment:
      return "text";
  }
  return "";
}

std::string protocols_text(ProtocolSet set) {
  std::string text;
  for (int i = 1; i < kProtocolCount; ++i) {
    const auto protocol = static_cast<Protocol>(i);
    if ((set & bit(protocol)) != 0) text += fmt::format("{}{}", text.empty() ? "" : " ", protocol_name(protocol));
  }
  return text;
}

std::string table() {
  std::string text = "| attribute | value | `$NAME` | of |\n| --- | --- | --- | --- |\n";
  for (const FieldRow& row : field_rows())
    text += fmt::format("| `{}` | {} | {} | {} |\n", row.name, kind_text(row.kind), row.variables ? "yes" : "",
                        protocols_text(row.protocols));
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print("{}", table());
    return 0;
  }
  std::ifstream file(argv[1]);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto begin = text.find(kBegin), end = text.find(kEnd);
  if (begin != std::string::npos && end != std::string::npos &&
      text.substr(begin + kBegin.size(), end - begin - kBegin.size()) == table())
    return 0;
  fmt::print("{} does not have this between its markers:\n{}", argv[1], table());
  return 1;
}
