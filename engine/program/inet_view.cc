// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/inet_view.h"

namespace nwf {
namespace {

/// The rule's own `state` as bits; nothing without the attribute.
std::optional<std::uint8_t> own_states(const FilterRule& rule) {
  const Attribute* attribute = rule.find(Field::State);
  if (attribute == nullptr) return std::nullopt;
  return std::get<Literal>(attribute->value).bytes[0];
}

bool is_icmp(const FilterRule& rule) { return rule.protocol == Protocol::Icmp || rule.protocol == Protocol::Icmpv6; }

std::uint8_t conn_bits(std::uint8_t states) {
  std::uint8_t bits = 0;
  if ((states & kStateNew) != 0) bits |= kConnNew;
  if ((states & kStateEstablished) != 0) bits |= kConnEstablished;
  if ((states & kStateRelated) != 0) bits |= kConnRelated;
  if ((states & kStateInvalid) != 0) bits |= kConnInvalid;
  return bits;
}

}  // namespace

std::optional<InetView> inet_view(const FilterRule& rule, Direction direction) {
  const bool both_ways = rule.direction == Direction::InOut;
  const bool written_in = rule.direction != Direction::Out;
  // A rule is read as its own direction sees packets; inout is written as for packets to the guest.
  const bool mirrored = (direction == Direction::Out) == written_in;
  const bool own_way = !mirrored || both_ways;

  // A typed ICMP rule says nothing of the other direction: an echo request's reply has another type.
  const bool typed_icmp = is_icmp(rule) && rule.find(Field::IcmpType) != nullptr;
  if (typed_icmp && (both_ways || mirrored)) return std::nullopt;

  InetView result;
  result.view = {mirrored, mirrored};

  const Attribute* limit = rule.find(Field::ConnlimitAbove);
  if (limit != nullptr) {
    if (mirrored) return std::nullopt;  // connections are counted where they start
    if (const auto* above = std::get_if<Literal>(&limit->value))
      result.limit = test::ConnectionLimit{static_cast<std::uint16_t>(to_number(above->bytes)), limit->negated};
  }

  const auto states = own_states(rule);
  if (rule.statematch && states) {
    if (!own_way) return std::nullopt;  // only the direction the rule names
    if (limit != nullptr && rule.action == Action::Accept) return result;
    if ((*states & kStateNone) == 0) result.connection = test::Connection{conn_bits(*states), ConnDirection::Any};
    return result;
  }
  const bool stateful = rule.statematch && !both_ways && rule.action == Action::Accept && limit == nullptr;
  if (!stateful) return result;
  test::Connection connection;
  connection.states = kConnEstablished;
  if (!mirrored) connection.states |= kConnNew;
  if (!typed_icmp) connection.direction = mirrored ? ConnDirection::Reply : ConnDirection::Original;
  result.connection = connection;
  return result;
}

}  // namespace nwf
