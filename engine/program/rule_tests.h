// SPDX-License-Identifier: GPL-2.0-or-later
// What one rule tests of a packet.
//
// A rule is an "and" of its attributes; lists of values, a negated pair (ICMP type and code) and BPDU kinds make it
// an "or" of several, which become rules one after the other with the same action.
#pragma once

#include <vector>

#include "engine/program/flatten.h"
#include "engine/program/program.h"

namespace nwf {

using Conjunction = std::vector<Test>;

/// How a rule is looked at from one of the flows it has part in.
struct RuleView {
  bool mirrored = false;  ///< source and destination change places
  bool without_source_mac =
      false;  ///< the inet layer's mirrored rules lose it: the frame's own sender is not the guest
};

struct RuleTests {
  std::vector<Conjunction> alternatives;  ///< the rule matches when one of them does; none: it never does
  bool nothing_left = false;              ///< the view took away the only attribute; libvirt then leaves the rule out
};

/// Attributes of the rule as tests, guards of its protocol included, connection state not.
/// `variables` are the binding's; what the tests owe to their values is added to `shape`.
/// Errors: Invalid for a missing variable, a bad value, lists of unequal length stepped together, an index out
/// of range, a range whose start is over its end.
Result<RuleTests> rule_tests(const FlatRule& flat, const RuleView& view, const Variables& variables, Shape& shape);

}  // namespace nwf
