// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/definition.h"

#include <gtest/gtest.h>

namespace nwf::xml {
namespace {

TEST(Definition, IsWhatTheDocumentSays) {
  const auto filter = read_definition("<filter name='web'/>", "web.xml");
  ASSERT_TRUE(filter.has_value());
  ASSERT_TRUE(std::holds_alternative<Filter>(filter->value));
  EXPECT_EQ(std::get<Filter>(filter->value).name, "web");
  const std::string inside = "<mac address='52:54:00:00:00:01'/><filterref filter='web'/>";
  const auto binding = read_definition("<filterbinding><portdev name='vnet0'/>" + inside + "</filterbinding>", "b.xml");
  ASSERT_TRUE(binding.has_value());
  EXPECT_EQ(std::get<Binding>(binding->value).port.text(), "vnet0");
  const auto guest =
      read_definition("<interface type='bridge'><target dev='vnet1'/>" + inside + "</interface>", "i.xml");
  ASSERT_TRUE(guest.has_value());
  EXPECT_EQ(std::get<Binding>(guest->value).port.text(), "vnet1");
}

TEST(Definition, OfAnythingElseIsAMistakeWithAPlace) {
  const auto domain = read_definition("\n<domain/>", "guest.xml");
  ASSERT_FALSE(domain.has_value());
  EXPECT_EQ(describe(domain.error()),
            "guest.xml:2:1: the document is a <domain>; write a <filter>, a <filterbinding> or a guest's <interface>");
}

}  // namespace
}  // namespace nwf::xml
