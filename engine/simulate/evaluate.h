// SPDX-License-Identifier: GPL-2.0-or-later
// A packet against a ruleset, in process: what would the kernel do, and which rule would decide.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/backend.h"
#include "engine/simulate/conntrack.h"

namespace nwf::simulate {

/// A frame on its way over the bridge.
struct Packet {
  Bytes frame;      ///< from the Ethernet header on
  std::string in;   ///< the port it comes from, or the bridge when the host itself sends it
  std::string out;  ///< the port it goes to, or the bridge when it is for the host
  bool from_host = false;
  bool to_host = false;
};

enum class Outcome { Pass, Drop, Reject };

/// A rule whose verdict ended a base chain.
struct Decision {
  Family family = Family::Bridge;
  std::string base_chain;  ///< "guest-out.ethernet"
  std::string chain;       ///< the chain the rule stands in
  std::size_t rule = 0;    ///< its index there
  std::string origin;  ///< `FILTER rule N line L`, without the chain's seal; empty: no rule decided, the chain ended
  Source source;       ///< file and place of that rule; no file for a ruleset that was read from a kernel
  Outcome verdict = Outcome::Pass;
};

struct Judgement {
  Outcome outcome = Outcome::Pass;
  std::vector<Decision> decisions;  ///< one for each base chain that the packet went through, in that order
};

/// Holds what lives between packets: connections, and the elements that packets add to dynamic sets.
class Evaluator {
 public:
  /// `ruleset` outlives it. The capabilities say which hooks bridged packets come to.
  Evaluator(const Ruleset& ruleset, const Capabilities& capabilities)
      : ruleset_(ruleset), capabilities_(capabilities) {}

  Judgement judge(const Packet& packet);

 private:
  const Ruleset& ruleset_;
  Capabilities capabilities_;
  Conntrack conntrack_;
  /// By dynamic set's name, then key: the flows counted under it (connection limits), else empty.
  std::map<std::string, std::map<Bytes, std::set<Flow>>> dynamic_;

  friend class Run;
};

}  // namespace nwf::simulate
