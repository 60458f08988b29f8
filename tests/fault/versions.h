// SPDX-License-Identifier: GPL-2.0-or-later
// A long row of changes that leave the meaning of a port as it is: edits of its filters, changes of its variables,
// neighbours that come and go.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "engine/model/binding.h"

namespace nwf::test {

/// A filter of the guests' tree in two versions that judge the stream's frames alike.
struct FilterVersions {
  std::string name;
  std::array<std::string, 2> texts;
};
/// Those that others refer to first. The root is `streamed`; $LAST is the end of a range, which no set can hold:
/// another value of it is another program.
const std::vector<FilterVersions>& filter_versions();

struct FilterEdit {
  std::string name;
  std::string text;
};
/// The i-th edit: each filter in turn goes to its other version. Before the first all are in their first version.
FilterEdit nth_edit(std::size_t i);

/// The i-th change of a port's variables; `ip` is always among the addresses.
Variables nth_values(std::size_t i, const std::string& ip);

struct Neighbour {
  std::string port;
  std::string xml;
};
constexpr std::size_t kNeighboursAtATime = 8;
/// Neighbours with more filters than there are common programs (engine/ruleset/dispatch.h), so that programs come and
/// go with them. A name comes again only after kNeighboursAtATime others; vnet2 is among them.
Neighbour nth_neighbour(std::size_t i);

}  // namespace nwf::test
