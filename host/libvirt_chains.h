// SPDX-License-Identifier: GPL-2.0-or-later
// Which chains and rules of the kernel are those of libvirt's nwfilter driver for given ports. Only reads what it is
// given.
//
// With the nft-backed iptables and ebtables (Debian's default) libvirt 9.0 has, for a port P:
//
//   bridge nat         PREROUTING: -i P -j libvirt-I-P · POSTROUTING: -o P -j libvirt-O-P, and from there I-P-*, O-P-*
//   ip, ip6 filter     FORWARD: -j libvirt-in, libvirt-out, libvirt-in-post · INPUT: -j libvirt-host-in
//                      libvirt-in: physdev-in P -g FI-P · libvirt-out: physdev-out P -g FO-P
//                      libvirt-in-post: physdev-in P -j ACCEPT · libvirt-host-in: physdev-in P -g HI-P
//
// and while it changes a filter the same with J for I and P for O. A chain is taken for libvirt's when its name is one
// of these *and* libvirt's own rule leads to it *and* no rule of anybody else does. A rule in a chain that stays is
// taken when it is, expression by expression, the one that libvirt writes. Whatever is not sure stays.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "netlink/nftables/foreign.h"

namespace nwf::host {

struct LibvirtChains {
  std::vector<netlink::ForeignPiece> pieces;  ///< can go
  std::vector<std::string> kept;              ///< of these ports but stays, and why
  std::vector<std::string> warnings;          ///< what changes for rules of others, when the pieces go

  std::size_t chains() const;
  std::size_t rules() const;  ///< in all of the pieces
};

/// The tables to look into.
const std::vector<netlink::ForeignPlace>& libvirt_tables();

LibvirtChains find_libvirt_chains(const std::vector<netlink::ForeignTable>& tables, const std::set<std::string>& ports);

/// `bridge nat`, as nft names a table.
std::string table_name(std::uint8_t family, const std::string& table);

}  // namespace nwf::host
