// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/events.h"

#include <gtest/gtest.h>

#include <set>

namespace nwf::host {
namespace {

TEST(Events, EveryKindHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const auto& [kind, name] : event_names()) {
    EXPECT_EQ(event_name(kind), name);
    names.insert(name);
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(EventKind::PortMoved) + 1);
  EXPECT_EQ(event_name(EventKind::PortAppeared), "port-appeared");
}

}  // namespace
}  // namespace nwf::host
