// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/ruleset.h"

namespace nwf {

std::size_t key_width(KeyType type) {
  switch (type) {
    case KeyType::Ipv4Addr:
      return 4;
    case KeyType::Ipv6Addr:
      return 16;
    case KeyType::EtherAddr:
      return 6;
    case KeyType::EtherType:
    case KeyType::ArpOp:
    case KeyType::InetService:
      return 2;
    case KeyType::InetProto:
    case KeyType::IcmpType:
    case KeyType::Icmpv6Type:
    case KeyType::Dscp:
      return 1;
    case KeyType::Mark:
      return 4;
    case KeyType::IfName:
      return 16;
    case KeyType::Integer:
      return 4;
  }
  return 0;
}

std::size_t key_length(const std::vector<KeyPart>& key) {
  // linux/netfilter/nf_tables.h: the parts of a concatenation start at 32-bit registers; a lone key is not padded.
  if (key.size() == 1) return key[0].width;
  std::size_t length = 0;
  for (const KeyPart& part : key) length += (part.width + 3) / 4 * 4;
  return length;
}

}  // namespace nwf
