// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/optimise/keep.h"

#include "engine/program/packet_field.h"

namespace nwf {

bool is_ether_type(const PacketField& field) { return field == ether_type_field(); }

bool names_protocol(const Test& test) {
  const auto* compare = std::get_if<test::Compare>(&test);
  return compare != nullptr && !compare->negated &&
         (is_ether_type(compare->field) || compare->field.type == KeyType::InetProto);
}

bool looks_inside(const Test& test) {
  // Behind the frame's own header; or in it without a type of its own (packet_field.cc: before a VLAN tag).
  const auto inside = [](const PacketField& field) {
    if (field.base == PayloadBase::Link) return field.offset >= 14 || field.type == KeyType::Integer;
    return !field.l4proto;
  };
  if (const auto* compare = std::get_if<test::Compare>(&test)) return inside(compare->field);
  if (const auto* range = std::get_if<test::Range>(&test)) return inside(range->field);
  if (const auto* any = std::get_if<test::OneOf>(&test)) return inside(any->field);
  if (const auto* member = std::get_if<test::Member>(&test))
    return std::any_of(member->fields.begin(), member->fields.end(), inside);
  return !std::holds_alternative<test::Connection>(test);
}

}  // namespace nwf
