// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nwf::tools {
namespace {

using ::testing::HasSubstr;

DaemonOptions taken(const std::vector<std::string>& words) {
  const auto parsed = parse_daemon_options(words);
  EXPECT_TRUE(std::holds_alternative<DaemonOptions>(parsed));
  return std::holds_alternative<DaemonOptions>(parsed) ? std::get<DaemonOptions>(parsed) : DaemonOptions();
}
std::string misuse(const std::vector<std::string>& words) {
  const auto parsed = parse_daemon_options(words);
  return std::holds_alternative<DaemonMisuse>(parsed) ? std::get<DaemonMisuse>(parsed).message : "";
}

TEST(DaemonOptions, TheHostsOwnDaemonIsOnItsBus) {
  const DaemonOptions options = taken({});
  EXPECT_EQ(options.root, "");
  EXPECT_EQ(options.bus, "system");
  EXPECT_EQ(options.guard, Guard::Owned);
  EXPECT_TRUE(options.sandbox);
  EXPECT_FALSE(options.others_read);
}

TEST(DaemonOptions, BelowARootThereIsNoBusUnlessNamed) {
  EXPECT_EQ(taken({"--root", "/srv/x//"}).root, "/srv/x");
  EXPECT_EQ(taken({"--root", "/srv/x"}).bus, "none");
  EXPECT_EQ(taken({"--root=/srv/x", "--bus", "unix:path=/b"}).bus, "unix:path=/b");
  EXPECT_EQ(taken({"--root", "/"}).root, "") << "the host itself";
}

TEST(DaemonOptions, BridgesAreManagedWithAFilterOrHeld) {
  EXPECT_TRUE(taken({}).follow_guests);
  EXPECT_FALSE(taken({"--no-guests"}).follow_guests);
  const auto bridges = taken({"--hold", "br0", "--default", "br1=quiet=er", "--hold=br2"}).hotplug.bridges;
  const std::map<std::string, std::string> expected{
      {"br0", host::kHeldFilter}, {"br1", "quiet=er"}, {"br2", host::kHeldFilter}};
  EXPECT_EQ(bridges, expected);
  for (const char* pair : {"br1", "=quiet", "br1="})
    EXPECT_THAT(misuse({"--default", pair}), HasSubstr("BRIDGE=FILTER"));
  EXPECT_THAT(misuse({"--no-guests", "--hold", "br0"}), HasSubstr("--no-guests"));
}

TEST(DaemonOptions, EachIsTaken) {
  const DaemonOptions options = taken({"--group", "virt", "--others-read", "--tables=watched", "--no-sandbox"});
  EXPECT_EQ(options.group, "virt");
  EXPECT_TRUE(options.others_read);
  EXPECT_EQ(options.guard, Guard::Watched);
  EXPECT_FALSE(options.sandbox);
  EXPECT_EQ(taken({"--tables", "shared"}).guard, Guard::Shared);
}

TEST(DaemonOptions, WhatIsNotUnderstoodIsSaid) {
  EXPECT_EQ(taken({"--learning", "dhcp"}).learning, Learning::Dhcp);
  EXPECT_EQ(taken({}).learning, Learning::Any);
  EXPECT_THAT(misuse({"--learning", "always"}), HasSubstr("always"));
  EXPECT_THAT(misuse({"--tables", "mine"}), HasSubstr("mine"));
  EXPECT_THAT(misuse({"--fast"}), HasSubstr("--fast"));
  EXPECT_THAT(misuse({"word"}), HasSubstr("word"));
  EXPECT_THAT(misuse({"--root"}), HasSubstr("nwfd --help"));
}

TEST(DaemonOptions, HelpAndVersionEndIt) {
  const auto help = parse_daemon_options({"--root", "/x", "--help"});
  ASSERT_TRUE(std::holds_alternative<DaemonInformation>(help));
  for (const char* option :
       {"--root", "--group", "--others-read", "--bus", "--tables", "--learning", "--no-sandbox", "--version", "SIGHUP"})
    EXPECT_THAT(std::get<DaemonInformation>(help).text, HasSubstr(option));
  const auto version = parse_daemon_options({"--version"});
  ASSERT_TRUE(std::holds_alternative<DaemonInformation>(version));
  EXPECT_THAT(std::get<DaemonInformation>(version).text, ::testing::StartsWith("nwfd "));
}

}  // namespace
}  // namespace nwf::tools
