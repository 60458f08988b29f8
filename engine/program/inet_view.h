// SPDX-License-Identifier: GPL-2.0-or-later
// What an inet-layer rule becomes in each direction: mirrored or not, with which connection state.
//
// The facts are libvirt 9.0's (src/nwfilter/nwfilter_ebiptables_driver.c, and seen on the wire): an accept rule without
// its own `state` lets NEW and ESTABLISHED pass in its own direction and ESTABLISHED replies in the other.
#pragma once

#include <optional>

#include "engine/program/program.h"
#include "engine/program/rule_tests.h"

namespace nwf {

struct InetView {
  RuleView view;
  std::optional<test::Connection> connection;  ///< none: stateless
  std::optional<test::ConnectionLimit> limit;
};

/// The rule as packets of `direction` (Out: from the guest; In: to it) meet it; nothing when they do not meet it.
std::optional<InetView> inet_view(const FilterRule& rule, Direction direction);

}  // namespace nwf
