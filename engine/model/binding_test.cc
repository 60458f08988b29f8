// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/binding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nwf {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

Binding binding(Variables variables) {
  return {{"guest", std::nullopt}, *PortName::parse("vnet0"), *Mac::parse("52:54:0:AB:CD:EF"),
          "clean-traffic",         std::move(variables),      {}};
}

TEST(Binding, RulesSeeItsParametersAndItsAddress) {
  const Binding given = binding({{"IP", {"192.0.2.1", "192.0.2.2"}}, {"A", {"x"}}});
  EXPECT_THAT(given.effective_variables(),
              UnorderedElementsAre(Pair("IP", ElementsAre("192.0.2.1", "192.0.2.2")), Pair("A", ElementsAre("x")),
                                   Pair("MAC", ElementsAre("52:54:00:ab:cd:ef"))));
}

// Else a parameter could give a guest another one's address.
TEST(Binding, MacIsItsOwnAddressWhateverAParameterSays) {
  const Binding given = binding({{"MAC", {"52:54:00:00:00:01", "52:54:00:00:00:02"}}});
  EXPECT_THAT(given.effective_variables(), ElementsAre(Pair("MAC", ElementsAre("52:54:00:ab:cd:ef"))));
}

TEST(Binding, NoAddressNoIp) { EXPECT_FALSE(binding({}).effective_variables().contains("IP")); }

TEST(Binding, NamesOfVariablesAreCaseSensitive) {
  const Binding given = binding({{"mac", {"other"}}, {"ip", {"192.0.2.1"}}});
  EXPECT_THAT(given.effective_variables(),
              UnorderedElementsAre(Pair("mac", ElementsAre("other")), Pair("ip", ElementsAre("192.0.2.1")),
                                   Pair("MAC", ElementsAre("52:54:00:ab:cd:ef"))));
}

}  // namespace
}  // namespace nwf
