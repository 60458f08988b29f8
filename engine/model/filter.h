// SPDX-License-Identifier: GPL-2.0-or-later
// What a user wrote in a <filter>, as data.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/address.h"
#include "engine/model/fields.h"

namespace nwf {

enum class Action : std::uint8_t { Accept, Drop, Reject, Return, Continue };
/// Seen from the guest: Out leaves it, In comes to it.
enum class Direction : std::uint8_t { In, Out, InOut };

std::string_view action_name(Action action);
std::string_view direction_name(Direction direction);

/// Smallest and largest priority of a rule and of a filter; lower comes first.
constexpr int kMinPriority = -1000;
constexpr int kMaxPriority = 1000;
constexpr int kDefaultRulePriority = 500;

/// One attribute of a rule's protocol element.
struct Attribute {
  Field field;
  bool negated = false;  ///< match='no' on the element that carries it
  Operand value;
  Source source;
};

struct FilterRule {
  Action action = Action::Accept;
  Direction direction = Direction::InOut;
  int priority = kDefaultRulePriority;
  bool statematch = true;  ///< false: the rule has statematch='false'
  Protocol protocol = Protocol::None;
  std::vector<Attribute> attributes;  ///< at most one per field, in the order of field_rows()
  Source source;                      ///< of the <rule> element

  const Attribute* find(Field field) const;
};

/// Values by variable name, each a non-empty list of texts. Names are case sensitive.
using Variables = std::map<std::string, std::vector<std::string>>;

struct FilterRef {
  std::string filter;
  Variables parameters;  ///< in force in the referenced filter's subtree only
  Source source;
};

using FilterEntry = std::variant<FilterRule, FilterRef>;

struct Filter {
  std::string name;
  std::optional<Uuid> uuid;  ///< none: the store gives one when the filter is defined
  std::string chain = "root";
  std::optional<int> priority;       ///< as written; chain_priority() gives the one in force
  std::vector<FilterEntry> entries;  ///< rules and references in the order of the text
  Source source;

  /// The filter's priority: as written, else the default of its chain's protocol.
  int chain_priority() const;
};

/// Longest name of a filter, in bytes: with ".xml" it is the name of a file.
constexpr std::size_t kMaxFilterName = 250;
/// 1 to kMaxFilterName bytes, no '/', no control character, not "." or "..".
bool is_filter_name(std::string_view name);

/// The protocol prefix of a chain name ("ipv4" of "ipv4-web"), or empty when the name is not allowed.
/// "root" gives "root". libvirt: src/conf/nwfilter_conf.c, virNWFilterIsAllowedChain.
std::string_view chain_prefix(std::string_view chain);
/// Longest chain name that libvirt's schema takes.
constexpr std::size_t kMaxChainName = 12;
/// Default priority of a chain by its prefix: root 0, stp -810, mac -800, vlan -750, ipv4 -700, ipv6 -600,
/// arp -500, rarp -400.
int default_chain_priority(std::string_view prefix);

}  // namespace nwf
