// SPDX-License-Identifier: GPL-2.0-or-later
// Filter trees that say all kinds of things, with values near those that random packets have.
#pragma once

#include <string>
#include <vector>

#include "engine/model/filter.h"
#include "tests/property/dice.h"

namespace nwf::test {

/// Values that filters and packets have in common, so that rules match now and then.
namespace pool {
inline const std::vector<std::string> kMacs = {"52:54:00:00:00:01", "52:54:00:00:00:02", "52:54:00:aa:00:01",
                                               "02:00:5e:10:00:07"};
inline const std::vector<std::string> kIpv4 = {"10.0.0.1", "10.0.0.2", "10.0.1.1", "192.168.7.9", "10.255.0.3"};
inline const std::vector<std::string> kIpv6 = {"2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fe80::5054:ff:fe00:1"};
inline const std::vector<std::string> kPorts = {"7", "22", "25", "80", "1024", "40000"};
}  // namespace pool

/// A tree: the first filter is the root; others are referred to. With what a binding gives its variables.
struct Tree {
  std::vector<Filter> filters;
  Variables variables;
};

Tree random_tree(Dice& dice);

}  // namespace nwf::test
