// SPDX-License-Identifier: GPL-2.0-or-later
// Program → the shared chains and sets of the kernel that realise it.
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/program/optimise/optimisations.h"
#include "engine/program/program.h"
#include "engine/ruleset/mark_bits.h"

namespace nwf {

/// The administrator's choices that change what is installed.
struct LowerOptions {
  MarkBits mark;
  /// Also judge, by the inet layer's rules, what the host itself sends or routes to a guest. libvirt 9.0 does not.
  bool filter_host_traffic = false;
  /// For whoever makes the program that is lowered: what is done to it before.
  Optimisations optimise = {};
  /// For him, too: which layers nf_tables judges. The legacy tables judge the others.
  bool ethernet = true, inet = true;
};

/// Parts of the frame (dispatch.h) that programs ask for, besides the base chains of their flows.
enum class Need : std::uint8_t {
  StateMark,   ///< the chain that copies connection state into the mark
  RejectMark,  ///< the chains that turn the reject bit into a real reject
  DropsOut,    ///< the chain that counts and drops what guests send (drops.h)
  DropsIn,     ///< the chain that counts and drops what comes to them
};

/// The first chain of each flow; empty: the flow judges nothing.
using FlowEntries = std::array<std::string, kFlowCount>;

/// A connection limit that has to be counted in the inet family, for packets that carry its id in their mark.
struct MarkedLimit {
  std::uint16_t above = 0;
  bool reject = false;  ///< else drop
  friend auto operator<=>(const MarkedLimit&, const MarkedLimit&) = default;
};
/// 1 to kMaxMarkedLimits, from the limit alone, so that programs need not know of each other. Two limits may
/// get the same id; they cannot be installed together (dispatch.h refuses it).
unsigned limit_id(const MarkedLimit& limit);

/// A rule whose packets are dropped, and counted.
struct DroppingRule {
  std::size_t flow = 0;
  std::string origin;  ///< as in its comment
};

/// What a program is in the kernel. All of it is in the bridge table; marked limits ask for chains in inet.
struct LoweredProgram {
  std::string name;
  std::string ports;          ///< name of the set of ports that run it (dispatch.h)
  std::vector<Chain> chains;  ///< every flow's, the first of each flow named entry[flow]
  FlowEntries entry;
  std::vector<Set> sets;  ///< value sets, and dynamic and constant sets of its own
  /// The elements of its constant sets, by name. Such a set is never changed: its name says what is in it.
  std::map<std::string, std::set<Element>> constants;
  std::set<Need> needs;
  std::set<MarkedLimit> limits;
  std::map<std::uint32_t, DroppingRule> drops;  ///< by the number that its packets are counted under (drops.h)
  std::vector<Error> warnings;  ///< rules that mean less than written here (a reject that is a drop), each named
  std::size_t rules = 0;

  /// Hash over everything above: equal means the kernel would hold the same.
  std::string hash() const;
};

/// Errors: Unsupported, naming the rule, for what no nf_tables of any kernel can do. Asked of a program before it is
/// optimised: a pass may find that such a rule changes nothing.
Result<void> check_lowerable(const Program& program);

/// Errors: Unsupported, naming the rule and what would help, when this kernel cannot do what a rule asks.
Result<LoweredProgram> lower(const Program& program, const Capabilities& capabilities, const LowerOptions& options);

}  // namespace nwf
