// SPDX-License-Identifier: GPL-2.0-or-later
// The way of ports from one program to another, for packets that are in the middle of a chain when it happens.
//
// The kernel applies a transaction at one instant, but a packet looks at the instant more than once: nft_do_chain
// (net/netfilter/nf_tables_core.c) reads the generation when it enters a base chain and takes all rules from it, while
// each lookup in a set reads it again (nft_rhash_lookup and others: nft_genmask_cur). A packet that is between two
// lookups when a port goes from `ports.a` to `ports.b` finds it in neither; and one that finds it in `ports.b` sees
// the chains of a program made in that transaction as they were before: empty. Both fall through to the base chain's
// accept. So a move is three transactions, of which the middle one makes the change:
//
//     made      what is to be there is there, and no packet takes it yet: a port is found first where it was
//     (to)      the change; whoever no longer finds the port where it was, finds it where it goes
//     to_sweep  values that only the old program looked up go last, for packets still in it
//
// A packet also goes through two layers, ethernet and inet, at different times. Ports that come to wait for an address
// run a program that has no inet layer: a packet that the old program's ethernet layer let pass must still meet its
// inet layer. Since the sets of ports that wait are looked up before all others (dispatch.cc), such a port is in both
// for a while: it is joined() to them, which is the change; and when packets of before have left, it leaves the old
// program. The other way round the old program alone would have let pass what its ethernet layer let pass. A port that
// goes between two programs with both layers may have a packet judged by one of the old and one of the new; where a
// program itself becomes another, layer_by_layer.h sees to that.
//
// A packet may be held up between two lookups for longer than a transaction takes (an interrupt, a virtual machine's
// processor that is taken away), and come to the change with rules of before the preparation, or to the sweep from
// within the old program. So between the three packets are let leave, where there are rules that some do not know.
#pragma once

#include <vector>

#include "engine/ruleset/change.h"
#include "engine/ruleset/dispatch.h"

namespace nwf {

/// What one port has in the kernel before and after a change; nothing before for a port that is bound by it.
struct PortStep {
  PortElements before;
  PortElements after;
};

/// Sets and maps that lead a port to a program have its name for a key, and nothing else.
bool is_dispatch(const Set& set);

/// True when the port is found in another set or map afterwards, or goes to another chain from there.
bool moves(const PortStep& port);

/// `from` with what it lacks of `fresh` (the programs to come, without ports, and the base chains of before and after
/// together), and of each port that moves the elements for which it has none in the same set. Base chains look ports up
/// in the order of `fresh`.
Ruleset joined(const Ruleset& from, const Ruleset& fresh, const std::vector<PortStep>& ports);

/// joined(), but base chains look ports up first where they leave, then where they come to.
Ruleset made(const Ruleset& from, const Ruleset& fresh, const std::vector<PortStep>& ports);

/// `to` with the values that a port had before in sets where it has none afterwards. Equal to `to` when there are none;
/// ports that are unbound keep nothing.
Ruleset to_sweep(const Ruleset& to, const std::vector<PortStep>& ports);

/// True when packets that came before `make`, the way to made(), do not know what it prepares: rules are among it.
/// They have to leave before the change is made (Backend::let_packets_leave).
bool is_unknown_to_packets(const Changes& make);

}  // namespace nwf
