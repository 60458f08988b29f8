// SPDX-License-Identifier: GPL-2.0-or-later
// Changes while guests run: what they cost, what they leave alone, and what happens when somebody else writes too.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "store/descriptor.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

class ChangeNetns : public HostTest {
 protected:
  void bind_many(const std::string& filter, int ports) {
    for (int i = 0; i < ports; ++i) {
      const Guest guest{fmt::format("52:54:00:00:01:{:02x}", i), fmt::format("192.0.2.{}", i + 1)};
      NWF_ASSERT_OK(service_->binding_create(binding(fmt::format("vnet{}", i), guest, filter), "b.xml"));
    }
  }
  std::string edited(const std::string& filter, const std::string& rule) {
    std::string xml = *service_->filter_dumpxml(filter);
    return xml.replace(xml.find("</filter>"), 9, rule + "</filter>");
  }
  /// Somebody else's change: one that does not ask at which generation the kernel is.
  void behind_its_back(const Changes& changes) { NWF_ASSERT_OK(backend_->apply(changes, std::nullopt)); }

  /// vnet1 beside vnet0, by a process that dies before it writes down that two ports run the program.
  void bind_the_second_and_die() {
    for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
    const std::filesystem::path state = std::filesystem::path(root_) / "run/nwf/state/kernel";
    std::ifstream in(state);
    const std::string one_port{std::istreambuf_iterator<char>(in), {}};
    NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "clean-traffic"), "b.xml"));
    {
      // The one that dies has its turn first: a daemon may be at work, and would write "clean" over what it left.
      const store::Descriptor lock(::open((root_ + "/run/nwf/lock").c_str(), O_RDWR | O_CLOEXEC));
      ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
      std::ofstream(state) << one_port;
      ASSERT_EQ(::ftruncate(lock.get(), 0), 0);
    }
  }

  static constexpr const char* kNoWeb = "<rule action='drop' direction='out'><tcp dstportstart='80'/></rule>";
};

TEST_F(ChangeNetns, AnEditTouchesNoElementWhateverTheNumberOfPorts) {
  bind_many("clean-traffic", 20);
  const auto before = backend_->read();
  const auto defined = service_->filter_define(
      edited("clean-traffic", "<rule action='drop' direction='out'><mac protocolid='0x88b5'/></rule>"), "f.xml");
  NWF_ASSERT_OK(defined);
  EXPECT_EQ(defined->ports, 20U);
  const auto after = backend_->read();
  EXPECT_EQ(after->generation, before->generation + 1);
  EXPECT_EQ(after->ruleset.tables.at(Family::Bridge).elements, before->ruleset.tables.at(Family::Bridge).elements);
  EXPECT_NE(after->ruleset, before->ruleset);
}

TEST_F(ChangeNetns, AnEditThatAsksForOtherElementsGivesThemToEachPort) {
  add_guest("lan0");
  add_guest("vnet0");
  NWF_ASSERT_OK(service_->filter_define(
      "<filter name='one'><rule action='drop' direction='out'><mac protocolid='0x88b5'/></rule></filter>", "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "one"), "b.xml"));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", two_, other_));
  const auto before = backend_->generation();
  NWF_ASSERT_OK(service_->filter_define(
      edited("one", "<rule action='drop' direction='out'><ip match='no' srcipaddr='$IP'/></rule>"), "f.xml"));
  EXPECT_EQ(*backend_->generation(), *before + 1);
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
}

// A reference that adds no rule leaves the program as it was. What it refers to is the port's all the same from now on.
TEST_F(ChangeNetns, AReferenceThatAddsNoRuleYetIsFollowed) {
  add_guest("lan0");
  add_guest("vnet0");
  add_guest("vnet1");
  const auto filter = [](std::string_view name, std::string_view inside) {
    return fmt::format("<filter name='{}' chain='root'>{}</filter>", name, inside);
  };
  const std::string accept = "<rule action='accept' direction='inout' priority='900'><all/></rule>",
                    no_other = "<rule action='drop' direction='out'><ip match='no' srcipaddr='$IP'/></rule>",
                    refers = "<filterref filter='part'/>";
  for (const auto& [name, rules] : {std::pair{"part", accept}, {"stops-nothing", accept}, {"stops", no_other}})
    NWF_ASSERT_OK(service_->filter_define(filter(name, rules), "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "stops-nothing"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "stops"), "b.xml"));
  NWF_ASSERT_OK(service_->filter_define(filter("stops-nothing", refers + accept), "f.xml"));
  NWF_ASSERT_OK(service_->filter_define(filter("stops", no_other + refers), "f.xml"));
  EXPECT_TRUE(service_->status()->in_sync);

  const auto edited = service_->filter_define(filter("part", kNoWeb), "f.xml");
  NWF_ASSERT_OK(edited);
  EXPECT_EQ(edited->ports, 2U);
  EXPECT_FALSE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 80}));
  EXPECT_FALSE(tcp_passes("vnet1", "lan0", two_, other_, {.target = 80}));
  EXPECT_TRUE(tcp_passes("vnet1", "lan0", two_, other_, {.target = 81}));
  EXPECT_TRUE(service_->status()->in_sync);

  // And no longer when the reference goes.
  NWF_ASSERT_OK(service_->filter_define(filter("part", accept), "f.xml"));
  NWF_ASSERT_OK(service_->filter_define(filter("stops", no_other), "f.xml"));
  EXPECT_EQ(service_->filter_define(filter("part", kNoWeb), "f.xml")->ports, 1U);
  EXPECT_TRUE(tcp_passes("vnet1", "lan0", two_, other_, {.target = 80}));
}

// Both layers become others, and a set that the rules themselves fill is needed no more.
TEST_F(ChangeNetns, AnEditOfBothLayersThatLooksForNoGratuitousRarpAnyMoreKeepsItsPorts) {
  add_guest("lan0");
  add_guest("vnet0");
  const auto filter = [](std::string_view rules) {
    return fmt::format(
        "<filter name='own' chain='root'>{}"
        "<rule action='drop' direction='out'><ip match='no' srcipaddr='$IP'/></rule></filter>",
        rules);
  };
  NWF_ASSERT_OK(
      service_->filter_define(filter("<rule action='drop' direction='out'><rarp gratuitous='true'/></rule>"), "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "own"), "b.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  NWF_ASSERT_OK(service_->filter_define(
      filter("<rule action='drop' direction='out'><rarp opcode='3'/></rule>" + std::string(kNoWeb)), "f.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  NWF_ASSERT_OK(service_->filter_define(filter("<rule action='drop' direction='out'><rarp gratuitous='true'/></rule>"
                                               "<rule action='drop' direction='out'><tcp dstportstart='81'/></rule>"),
                                        "f.xml"));
  EXPECT_FALSE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 81}));
  EXPECT_TRUE(service_->status()->in_sync);
  NWF_ASSERT_OK(service_->filter_define(
      filter("<rule action='drop' direction='out'><rarp opcode='3'/></rule>" + std::string(kNoWeb)), "f.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_FALSE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 80}));
  EXPECT_TRUE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 81}));
}

TEST_F(ChangeNetns, OneChangeDefinesBindsAndTakesAway) {
  add_guest("lan0");
  add_guest("vnet0");
  const std::string rule = "<rule action='drop' direction='out'><mac protocolid='0x88b5'/></rule>";
  for (const char* name : {"one", "two"})
    NWF_ASSERT_OK(service_->filter_define("<filter name='" + std::string(name) + "'>" + rule + "</filter>", "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "one"), "b.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
  const host::Document moved{"b.xml", binding("vnet1", two_, "two")};

  const auto in_use = service_->change({}, {{}, {"one"}});
  ASSERT_FALSE(in_use);
  EXPECT_EQ(in_use.error().kind, ErrorKind::Refused);
  EXPECT_EQ(in_use.error().message, "filter 'one' is in use: port vnet1 is bound to it");
  const auto given = service_->change({moved}, {{"vnet1"}, {"two"}});
  ASSERT_FALSE(given);
  EXPECT_EQ(given.error().message, "port 'vnet1' is given and taken away in one change");
  EXPECT_EQ(service_->change({moved}, {{}, {"two"}}).error().message,
            "filter 'two' is in use: port vnet1 is bound to it")
      << "what is given with it counts";
  EXPECT_TRUE(service_->status()->in_sync);

  const auto done = service_->change({moved}, {{"vnet0", "nobody0"}, {"one", "nobody"}});
  NWF_ASSERT_OK(done);
  ASSERT_EQ(done->unbound.size(), 1U);
  EXPECT_EQ(done->unbound[0].port, "vnet0");
  ASSERT_EQ(done->undefined.size(), 1U);
  EXPECT_EQ(done->undefined[0].name, "one");
  EXPECT_EQ(done->ports, 0U);
  EXPECT_TRUE(udp_passes("vnet0", "lan0", two_, other_));
  EXPECT_EQ(service_->binding_lookup("vnet1")->filter, "two");
  EXPECT_EQ(service_->binding_lookup("vnet0").error().kind, ErrorKind::NotFound);
  EXPECT_EQ(service_->filter_lookup("one").error().kind, ErrorKind::NotFound);
  EXPECT_TRUE(service_->status()->in_sync);
  EXPECT_EQ(*service_->reconcile(), 0U);
}

// A program that lets everything pass has no chains: its ports are found nowhere, however many programs are common.
TEST_F(ChangeNetns, AProgramThatStopsNothingIsNowhereInTheKernel) {
  const auto define = [&](const std::string& rules) {
    return service_->filter_define("<filter name='open' chain='root'>" + rules + "</filter>", "f.xml");
  };
  const auto in_sync = [&](const char* when) {
    const auto status = service_->status();
    NWF_ASSERT_OK(status);
    EXPECT_TRUE(status->in_sync) << when << ::testing::PrintToString(status->differences);
  };
  const std::string accept = "<rule action='accept' direction='inout'/>";
  const std::string drop = "<rule action='drop' direction='out' priority='100'><mac protocolid='0x88b5'/></rule>";
  NWF_ASSERT_OK(define(accept));
  const std::vector<std::string> others{"no-mac-spoofing", "no-ip-multicast", "no-arp-spoofing", "no-ip-spoofing"};
  for (std::size_t i = 0; i < others.size(); ++i)
    NWF_ASSERT_OK(service_->binding_create(binding(fmt::format("vnet{}", i), one_, others[i]), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet4", two_, "open"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  in_sync("with room for one more");
  NWF_ASSERT_OK(define(drop + accept));
  in_sync("when it stops something");
  NWF_ASSERT_OK(define(accept));
  in_sync("when it stops nothing again");
  NWF_ASSERT_OK(service_->binding_create(binding("vnet5", two_, "open"), "b.xml"));
  NWF_ASSERT_OK(define(drop + accept));
  in_sync("with two ports");
}

TEST_F(ChangeNetns, DefiningWhatIsThereAlreadySendsNothing) {
  bind_many("clean-traffic", 1);
  const auto before = backend_->generation();
  const auto defined = service_->filter_define(*service_->filter_dumpxml("clean-traffic"), "f.xml");
  NWF_ASSERT_OK(defined);
  EXPECT_EQ(defined->ports, 0U);
  EXPECT_EQ(*backend_->generation(), *before);
}

TEST_F(ChangeNetns, FiltersAndBindingsAreAppliedAtOneInstant) {
  for (const char* port : {"vnet0", "vnet1", "vnet2", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  const std::vector<host::Document> documents = {
      {"no-web.xml", fmt::format("<filter name='no-web'>{}</filter>", kNoWeb)},
      {"clean.xml", edited("clean-traffic", "<filterref filter='no-web'/>")},
      {"vnet1.xml", binding("vnet1", two_, "clean-traffic")},
      {"vnet2.xml", binding("vnet2", other_, "no-web")},
  };
  const auto planned = service_->plan(documents);
  NWF_ASSERT_OK(planned);
  EXPECT_FALSE(planned->changes.empty());
  EXPECT_EQ(planned->changes.size(), planned->nft.size());
  EXPECT_EQ(planned->filters[1].deed, host::Deed::Changed);
  EXPECT_TRUE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 80})) << "a plan changed something";

  const auto before = backend_->generation();
  const auto applied = service_->apply(documents, {});
  NWF_ASSERT_OK(applied);
  EXPECT_EQ(*backend_->generation(), *before + 1);
  EXPECT_EQ(applied->ports, 1U);
  EXPECT_EQ(applied->filters[0].deed, host::Deed::New);
  EXPECT_EQ(applied->bindings[1].deed, host::Deed::New);
  EXPECT_FALSE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 80}));
  EXPECT_FALSE(tcp_passes("vnet1", "lan0", two_, other_, {.target = 80}));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_TRUE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 81}));
  EXPECT_EQ(service_->binding_list()->size(), 3U);

  const auto again = service_->plan(documents);
  NWF_ASSERT_OK(again);
  EXPECT_TRUE(again->changes.empty());
  EXPECT_EQ(again->bindings[0].deed, host::Deed::Same);
  const auto after = backend_->generation();
  NWF_ASSERT_OK(service_->apply(documents, {}));
  EXPECT_EQ(*backend_->generation(), *after) << "applying the same again sent something";
}

TEST_F(ChangeNetns, WhatCannotBeAppliedWholeChangesNothing) {
  bind_many("clean-traffic", 1);
  const auto before = backend_->read();
  const std::string rule = "<rule action='drop' direction='out'><tcp dstportstart='$PORT'/></rule>";
  const std::vector<host::Document> documents = {
      {"good.xml", fmt::format("<filter name='good'>{}</filter>", kNoWeb)},
      {"needs.xml", fmt::format("<filter name='needs-port'>{}</filter>", rule)},
      {"vnet1.xml", binding("vnet1", two_, "clean-traffic")},
      {"vnet2.xml", binding("vnet2", other_, "needs-port")},
  };
  const auto applied = service_->apply(documents, {});
  ASSERT_FALSE(applied.has_value());
  EXPECT_NE(applied.error().message.find("$PORT"), std::string::npos) << describe(applied.error());
  EXPECT_EQ(backend_->read()->ruleset, before->ruleset);
  EXPECT_FALSE(service_->filter_lookup("good").has_value());
  EXPECT_EQ(service_->binding_list()->size(), 1U);
  EXPECT_FALSE(service_->plan(documents).has_value()) << "a plan of what cannot be applied";

  const auto mistakes = service_->apply({{"a.xml", "<filter name='a'><ruel/></filter>"},
                                         {"b.xml", "<filter/>"},
                                         {"c.xml", "<filter name='c'/>"},
                                         {"d.xml", "<filter name='c'/>"}},
                                        {});
  ASSERT_FALSE(mistakes.has_value());
  EXPECT_EQ(mistakes.error().more.size(), 2U) << describe_all(mistakes.error());
}

TEST_F(ChangeNetns, WhatSomebodyElseDidToTheRulesIsSeenBeforeTheyAreBuiltUpon) {
  for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  NWF_ASSERT_OK(service_->filter_define(fmt::format("<filter name='no-web'>{}</filter>", kNoWeb), "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet7", other_, "no-web"), "b.xml"));
  const auto held = backend_->read();
  for (const auto& [name, chain] : held->ruleset.tables.at(Family::Bridge).chains)
    if (name.starts_with("clean-traffic")) behind_its_back({{Family::Bridge, change::FlushChain{name}}});
  EXPECT_TRUE(udp_passes("vnet0", "lan0", two_, other_)) << "nothing was flushed";
  // A change of another program builds on that one alone; the next change of this one finds out.
  NWF_ASSERT_OK(service_->binding_create(binding("vnet8", two_, "no-web"), "b.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "clean-traffic"), "b.xml"));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", two_, other_));
}

TEST_F(ChangeNetns, AnElementDeletedByHandStopsNoChange) {
  for (const char* port : {"vnet0", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "b.xml"));
  const auto held = backend_->read();
  const Table& table = held->ruleset.tables.at(Family::Bridge);
  const auto drop_elements = [&] {
    for (const auto& [name, elements] : table.elements)
      behind_its_back(
          {{Family::Bridge, change::DeleteElements{table.sets.at(name), {elements.begin(), elements.end()}}}});
  };
  drop_elements();
  NWF_ASSERT_OK(service_->binding_set("vnet0", {{"IP", {two_.ip}}}));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", {one_.mac, two_.ip}, other_));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
  NWF_ASSERT_OK(service_->binding_set("vnet0", {{"IP", {one_.ip}}}));
  drop_elements();
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_TRUE(backend_->read()->ruleset.tables.empty());
}

TEST_F(ChangeNetns, APortThatIsClosedOpensWhenItsFilterIsMended) {
  for (const char* port : {"vnet0", "lan0"}) add_guest(port);
  NWF_ASSERT_OK(service_->filter_define(fmt::format("<filter name='mine'>{}</filter>", kNoWeb), "f.xml"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "mine"), "b.xml"));
  std::ofstream(root_ + "/etc/nwf/filters/mine.xml") << "<filter name='mine'><filterref filter='nobody'/></filter>";
  NWF_ASSERT_OK(service_->reconcile());
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_)) << "a port whose rules cannot be made is open";
  // Still not possible: it stays closed, and the define is not in the way.
  NWF_ASSERT_OK(service_->filter_define("<filter name='unrelated'/>", "f.xml"));
  EXPECT_FALSE(udp_passes("vnet0", "lan0", one_, other_));
  NWF_ASSERT_OK(service_->filter_define(fmt::format("<filter name='nobody'>{}</filter>", kNoWeb), "f.xml"));
  EXPECT_TRUE(udp_passes("vnet0", "lan0", one_, other_));
  EXPECT_FALSE(tcp_passes("vnet0", "lan0", one_, other_, {.target = 80}));
}

// What a process that died did not write down must not make a program go that a port still runs.
TEST_F(ChangeNetns, AfterACrashWhatIsRememberedIsNotTrusted) {
  bind_the_second_and_die();
  if (HasFatalFailure()) return;
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_TRUE(udp_passes("vnet1", "lan0", two_, other_));
}

// Whoever comes next takes note for all: a command that has no use for what is remembered, too.
TEST_F(ChangeNetns, AfterACrashACommandAboutNetworksDoesNotHideIt) {
  bind_the_second_and_die();
  if (HasFatalFailure()) return;
  const auto here = host::open(options());  // networks are no daemon's
  NWF_ASSERT_OK(here);
  const auto networks = (*here)->networks();
  NWF_ASSERT_OK(networks);
  NWF_ASSERT_OK((*networks)->net_define("<network><name>inner</name><bridge name='virbr9'/></network>", "n.xml"));
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  EXPECT_FALSE(udp_passes("vnet1", "lan0", one_, other_));
  EXPECT_TRUE(udp_passes("vnet1", "lan0", two_, other_));
}

}  // namespace
}  // namespace nwf::test
