// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/filter.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace nwf {
namespace {

struct ChainKind {
  std::string_view prefix;
  int priority;
};
// libvirt: src/conf/nwfilter_conf.c, chain_priorities
constexpr std::array<ChainKind, 8> kChains{{{"root", 0},
                                            {"stp", -810},
                                            {"mac", -800},
                                            {"vlan", -750},
                                            {"ipv4", -700},
                                            {"ipv6", -600},
                                            {"arp", -500},
                                            {"rarp", -400}}};

}  // namespace

std::string_view action_name(Action action) {
  switch (action) {
    case Action::Accept:
      return "accept";
    case Action::Drop:
      return "drop";
    case Action::Reject:
      return "reject";
    case Action::Return:
      return "return";
    case Action::Continue:
      return "continue";
  }
  return {};
}

std::string_view direction_name(Direction direction) {
  switch (direction) {
    case Direction::In:
      return "in";
    case Direction::Out:
      return "out";
    case Direction::InOut:
      return "inout";
  }
  return {};
}

const Attribute* FilterRule::find(Field field) const {
  const auto found =
      std::find_if(attributes.begin(), attributes.end(), [&](const Attribute& a) { return a.field == field; });
  return found == attributes.end() ? nullptr : &*found;
}

int Filter::chain_priority() const { return priority.value_or(default_chain_priority(chain_prefix(chain))); }

bool is_filter_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxFilterName && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(), [](unsigned char c) { return c == '/' || c < 0x20 || c == 0x7f; });
}

std::string_view chain_prefix(std::string_view chain) {
  if (chain == "root") return kChains[0].prefix;
  const bool allowed = chain.size() <= kMaxChainName && std::all_of(chain.begin(), chain.end(), [](unsigned char c) {
                         return std::isalnum(c) != 0 || c == '_' || c == '.' || c == ':' || c == '-';
                       });
  if (!allowed) return {};
  for (const ChainKind& kind : kChains)
    if (kind.prefix != "root" && chain.substr(0, kind.prefix.size()) == kind.prefix) return kind.prefix;
  return {};
}

int default_chain_priority(std::string_view prefix) {
  for (const ChainKind& kind : kChains)
    if (kind.prefix == prefix) return kind.priority;
  return 0;
}

}  // namespace nwf
