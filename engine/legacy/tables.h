// SPDX-License-Identifier: GPL-2.0-or-later
// What nwf has, or wants, in the tables of the legacy kind: chains of its own, and links into chains that are not.
//
// A table is one for all who use it, and the kernel replaces it whole. So what is nwf's is told apart by two things
// only: chains whose names it made, and single rules (links) that lead to them. All else is somebody else's, and stays.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/legacy/rule.h"

namespace nwf::legacy {

enum class Family : std::uint8_t { Ip4, Ip6, Ethernet };
/// ip, ip6 or ethernet: for messages.
std::string_view family_name(Family family);

struct TableId {
  Family family = Family::Ip4;
  std::string name;  ///< filter, nat, mangle
  friend auto operator<=>(const TableId&, const TableId&) = default;
};

/// Where a link is put when it is not there yet. One that is there stays where it is. What judges ports comes before
/// what judges networks, whichever was there first: a network accepts what a port's rules may drop.
enum class Place : std::uint8_t { Front, BehindPorts, End };

/// Chains that ports are led to from the built-in ones. They are there while one port has rules.
inline constexpr std::string_view kPortHubs[] = {"libvirt-in", "libvirt-out", "libvirt-in-post", "libvirt-host-in"};

template <class Rule>
struct Link {
  std::string chain;
  Rule rule;
  Place place = Place::End;
  friend bool operator==(const Link&, const Link&) = default;
};

template <class Rule>
struct Chain {
  std::vector<Rule> rules;
  /// Ethernet only: a packet that comes to the end goes back to the caller; else it is accepted.
  bool returns = false;
  /// Several parts may have it, all with the same rules: its name says what is in it. It goes with the last link to it.
  bool shared = false;
  friend bool operator==(const Chain&, const Chain&) = default;
};

template <class Rule>
struct Table {
  std::map<std::string, Chain<Rule>> chains;
  /// Chains that hold nothing but links, of any number of parts. They are there while one of them is.
  std::vector<std::string> hubs;
  std::vector<Link<Rule>> links;  ///< those at the front of one chain in the order they are to stand
  bool empty() const { return chains.empty() && hubs.empty() && links.empty(); }
  friend bool operator==(const Table&, const Table&) = default;
};

using IpTable = Table<IpRule>;
using EthernetTable = Table<EthernetRule>;

/// Of some ports or networks, or of all.
struct Tables {
  std::map<TableId, IpTable> ip;
  EthernetTable ethernet;  ///< ebtables' nat
  bool empty() const;
  friend bool operator==(const Tables&, const Tables&) = default;
};

/// ebtables' table that guests' rules are in.
TableId ethernet_table();

/// Adds what the other has. Equal links are there once.
void add(const Tables& from, Tables& to);

/// The names of all chains, hubs and shared ones too.
std::map<TableId, std::vector<std::string>> chain_names(const Tables& tables);

}  // namespace nwf::legacy
