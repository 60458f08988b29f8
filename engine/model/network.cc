// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/network.h"

#include <algorithm>
#include <array>

namespace nwf {
namespace {

struct ModeName {
  ForwardMode mode;
  std::string_view name;
};
constexpr std::array kModes{
    ModeName{ForwardMode::Nat, "nat"},           ModeName{ForwardMode::Route, "route"},
    ModeName{ForwardMode::Open, "open"},         ModeName{ForwardMode::Bridge, "bridge"},
    ModeName{ForwardMode::Private, "private"},   ModeName{ForwardMode::Vepa, "vepa"},
    ModeName{ForwardMode::Hostdev, "hostdev"},   ModeName{ForwardMode::Passthrough, "passthrough"},
    ModeName{ForwardMode::Isolated, "isolated"},
};
constexpr std::size_t kMaxName = 200;

}  // namespace

std::string_view forward_mode_name(ForwardMode mode) {
  return std::find_if(kModes.begin(), kModes.end(), [&](const ModeName& m) { return m.mode == mode; })->name;
}

std::optional<ForwardMode> forward_mode_from(std::string_view name) {
  const auto found = std::find_if(kModes.begin(), kModes.end(), [&](const ModeName& m) { return m.name == name; });
  // An isolated network has no <forward>.
  if (found == kModes.end() || found->mode == ForwardMode::Isolated) return std::nullopt;
  return found->mode;
}

bool has_own_bridge(ForwardMode mode) {
  switch (mode) {
    case ForwardMode::Isolated:
    case ForwardMode::Nat:
    case ForwardMode::Route:
    case ForwardMode::Open:
      return true;
    case ForwardMode::Bridge:
    case ForwardMode::Private:
    case ForwardMode::Vepa:
    case ForwardMode::Passthrough:
    case ForwardMode::Hostdev:
      return false;
  }
  return false;
}

bool Network::has_ipv4() const {
  return std::any_of(ips.begin(), ips.end(), [](const NetworkIp& ip) { return !ip.address.is_ipv6(); });
}

bool Network::has_ipv6() const {
  return std::any_of(ips.begin(), ips.end(), [](const NetworkIp& ip) { return ip.address.is_ipv6(); });
}

bool operator==(const FilterRef& a, const FilterRef& b) { return a.filter == b.filter && a.parameters == b.parameters; }

std::optional<FilterRef> Network::filter_of(std::string_view port_group) const {
  const auto group = std::find_if(port_groups.begin(), port_groups.end(), [&](const PortGroup& one) {
    return port_group.empty() ? one.is_default : one.name == port_group;
  });
  return group != port_groups.end() && group->filter ? group->filter : filter;
}

bool Network::has_filter() const {
  return filter || std::any_of(port_groups.begin(), port_groups.end(), [](const PortGroup& g) { return g.filter; });
}

bool is_network_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(),
                      [](char c) { return c == '/' || c == ',' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace nwf
