// SPDX-License-Identifier: GPL-2.0-or-later
// Changes under a steady stream: no frame that must never pass gets through, none that must pass is lost, no connection
// breaks. And the same stream shows what a change in two steps does.
#include "tests/fault/stream.h"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>

#include "engine/ruleset/diff.h"
#include "tests/fault/conversations.h"
#include "tests/fault/versions.h"
#include "tests/harness/guest_namespace.h"
#include "tests/harness/process.h"
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

/// How many of each; fewer the second time, through a daemon. NWF_FAULT_CHANGES says another number, for slow machines.
std::size_t changes() {
  const char* given = std::getenv("NWF_FAULT_CHANGES");
  if (given == nullptr) return std::getenv("NWFD") == nullptr ? 1'000 : 200;
  return std::strtoul(given, nullptr, 10);
}
constexpr std::uint16_t kOpenPort = 5000, kClosedPort = 6000, kTcpPort = 7000;

class StreamFault : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(set_sysctl("net/ipv4/conf/all/arp_ignore", "1"));
    for (const auto& [port, guest] : {std::pair{"vnet8", talker_}, std::pair{"lan8", listener_}}) {
      auto made = GuestNamespace::make(port, *Mac::parse(guest.mac), *Ipv4::parse(guest.ip));
      NWF_ASSERT_OK(made);
      namespaces_.emplace(port, std::move(*made));
      NWF_ASSERT_OK(add_port("br0", port));
    }
    for (const FilterVersions& filter : filter_versions())
      NWF_ASSERT_OK(service_->filter_define(filter.texts[0], filter.name));
    for (const auto& [port, guest] : {std::pair{"vnet0", one_}, std::pair{"vnet1", two_}, std::pair{"vnet8", talker_}})
      NWF_ASSERT_OK(service_->binding_create(streamed(port, guest), port));
    learn_where_everybody_is();
  }

  static std::string streamed(const std::string& port, const Guest& guest) {
    return binding(port, guest, "streamed", "<parameter name='LAST' value='5001'/>");
  }

  /// The bridge floods what is for a guest it has not heard: one frame from each.
  void learn_where_everybody_is() {
    ASSERT_TRUE(udp_passes("vnet0", "lan0", one_, other_, {.target = kOpenPort}));
    ASSERT_TRUE(udp_passes("lan0", "vnet0", other_, one_, {.target = kOpenPort}));
    ASSERT_TRUE(udp_passes("vnet1", "lan0", two_, other_, {.target = kOpenPort}));
  }

  std::vector<FrameKind> kinds() const {
    const auto udp = [](const Guest& source, const Guest& target, std::uint16_t port) {
      return [=](const Bytes& number) {
        return udp_frame({source.mac, target.mac}, source.ip, target.ip, {.target = port}, number);
      };
    };
    const auto arp = [](const Guest& source, const std::string& claimed, const Guest& target) {
      return [=](const Bytes& number) {
        return arp_frame({source.mac, target.mac}, {1, source.mac, claimed, "00:00:00:00:00:00", target.ip}, number);
      };
    };
    const auto other_type = [](const Guest& source, const Guest& target) {
      return [=](const Bytes& number) { return raw_frame({source.mac, target.mac}, 0x88b5, number); };
    };
    const Guest another_ip{one_.mac, two_.ip}, another_mac{"52:54:00:00:00:77", one_.ip};
    return {
        {"udp from the guest", "vnet0", "lan0", true, udp(one_, other_, kOpenPort)},
        {"another's address", "vnet0", "lan0", false, udp(another_ip, other_, kOpenPort)},
        {"udp to the guest", "lan0", "vnet0", true, udp(other_, one_, kOpenPort)},
        {"a closed port of the guest", "lan0", "vnet0", false, udp(other_, one_, kClosedPort)},
        {"another's MAC", "vnet0", "lan0", false, udp(another_mac, other_, kOpenPort)},
        {"udp from guest to guest", "vnet0", "vnet1", true, udp(one_, two_, kOpenPort)},
        {"a closed port from guest to guest", "vnet0", "vnet1", false, udp(one_, two_, kClosedPort)},
        {"arp from the guest", "vnet0", "lan0", true, arp(one_, one_.ip, other_)},
        {"arp that claims another's address", "vnet0", "lan0", false, arp(one_, two_.ip, other_)},
        {"arp to the guest", "lan0", "vnet0", true, arp(other_, other_.ip, one_)},
        {"another type from the guest", "vnet0", "lan0", false, other_type(one_, other_)},
        {"another type to the guest", "lan0", "vnet0", false, other_type(other_, one_)},
        {"a closed port outside", "vnet0", "lan0", false, udp(one_, other_, kClosedPort)},
    };
  }

  /// Streams and talks while `change` is made `count` times, and wants nothing to be seen of it.
  void expect_unseen(std::size_t count, const std::function<void(std::size_t)>& change) {
    Stream stream(taps_, kinds());
    const auto out = Conversations::open(namespaces_.at("vnet8"), namespaces_.at("lan8"), listener_.ip, kTcpPort, 4);
    NWF_ASSERT_OK(out);
    const auto in = Conversations::open(namespaces_.at("lan8"), namespaces_.at("vnet8"), talker_.ip, kTcpPort, 4);
    NWF_ASSERT_OK(in);
    stream.start();
    (*out)->start();
    (*in)->start();
    stream.wait_rounds(1);
    for (std::size_t i = 0; i < count && !HasFatalFailure(); ++i) {
      change(i);
      stream.wait_rounds(1);
    }
    for (const auto& talk : {(*out)->stop(), (*in)->stop()}) {
      EXPECT_EQ(talk.broken, 0U) << talk.first_wrong;
      EXPECT_EQ(talk.lost, 0U) << "TCP segments lost";
      EXPECT_GT(talk.answers, talk.connections) << "the connections said nothing";
      fmt::print("{} connections, {} answers, {} broken, {} segments lost\n", talk.connections, talk.answers,
                 talk.broken, talk.lost);
    }
    const StreamCounts counts = stream.stop();
    fmt::print("{} changes, {} frames that must pass: {} lost; {} that must never: {} leaked\n", count,
               counts.must_pass, counts.lost, counts.must_never, counts.leaked);
    EXPECT_EQ(counts.lost, 0U) << counts.first_wrong;
    EXPECT_EQ(counts.leaked, 0U) << counts.first_wrong;
    EXPECT_EQ(counts.doubled, 0U);
    EXPECT_GE(counts.must_never, count * 7);
  }

  /// What one version of a filter drops by its ethernet layer, the other drops by its inet layer: at no moment does the
  /// one layer of the one judge a frame with the other layer of the other.
  void move_drops_from_layer_to_layer(std::size_t count) {
    const auto version = [](std::string_view drops) {
      return fmt::format(
          "<filter name='layers'>{}<rule action='accept' direction='inout'><mac/></rule>"
          "<rule action='accept' direction='inout'><all/></rule></filter>",
          drops);
    };
    // One rule for each direction: `inout` would turn the ports round for what comes.
    const auto drops = [&](std::string_view what) {
      return version(
          fmt::format("<rule action='drop' direction='out' priority='-100'>{0}</rule>"
                      "<rule action='drop' direction='in' priority='-100'>{0}</rule>",
                      what));
    };
    const std::string by_ethernet = drops("<ip protocol='udp' dstportstart='6000'/>"),
                      by_inet = drops("<udp dstportstart='6000'/>");
    NWF_ASSERT_OK(service_->filter_define(by_inet, "layers"));
    NWF_ASSERT_OK(service_->binding_delete("vnet0"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "layers"), "vnet0"));
    std::vector<FrameKind> some;
    for (const FrameKind& kind : kinds())
      for (const char* name :
           {"udp from the guest", "udp to the guest", "a closed port of the guest", "a closed port outside"})
        if (kind.name == name) some.push_back(kind);
    ASSERT_EQ(some.size(), 4U);
    Stream stream(taps_, some);
    stream.start();
    for (std::size_t i = 0; i < count; ++i)
      NWF_ASSERT_OK(service_->filter_define(i % 2 == 0 ? by_ethernet : by_inet, "layers"));
    const StreamCounts counts = stream.stop();
    fmt::print("{} frames that must pass: {} lost; {} that must never: {} leaked\n", counts.must_pass, counts.lost,
               counts.must_never, counts.leaked);
    EXPECT_EQ(counts.lost, 0U) << counts.first_wrong;
    EXPECT_EQ(counts.leaked, 0U) << counts.first_wrong;
    EXPECT_GT(counts.must_never, count) << "the stream stood still";
  }

  /// What the stream sees while `change` is made again and again, until `enough` of it is seen.
  StreamCounts seen_of(const std::function<void()>& change, const std::function<bool(const StreamCounts&)>& enough) {
    StreamCounts all;
    for (int batch = 0; batch < 100 && !enough(all) && !HasFatalFailure(); ++batch) {
      Stream stream(taps_, kinds());
      stream.start();
      for (int i = 0; i < 20; ++i) {
        stream.wait_rounds(1);
        change();
      }
      const StreamCounts counts = stream.stop();
      all.lost += counts.lost;
      all.leaked += counts.leaked;
    }
    return all;
  }

  void nwfctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {NWF_NWFCTL, "--root", root_});
    const auto ran = run_program(arguments);
    NWF_ASSERT_OK(ran);
    ASSERT_EQ(ran->code, 0) << ran->err;
  }

  std::string file(const std::string& text) {
    const std::string path = root_ + "/given.xml";
    std::ofstream(path) << text;
    return path;
  }

  std::map<std::string, GuestNamespace> namespaces_;
  const Guest talker_{"52:54:00:00:00:08", "192.0.2.8"};
  const Guest listener_{"52:54:00:00:00:98", "192.0.2.98"};
};

TEST_F(StreamFault, NothingIsLostOrLeakedWithoutAChange) {
  expect_unseen(changes(), [](std::size_t) {});
}

TEST_F(StreamFault, FilterEdits) {
  expect_unseen(changes(), [&](std::size_t i) {
    const auto& [name, text] = nth_edit(i);
    NWF_ASSERT_OK(service_->filter_define(text, name));
  });
}

TEST_F(StreamFault, VariableChanges) {
  expect_unseen(changes(), [&](std::size_t i) {
    NWF_ASSERT_OK(
        service_->binding_set(i % 2 == 0 ? "vnet0" : "vnet8", nth_values(i / 2, i % 2 == 0 ? one_.ip : talker_.ip)));
  });
}

// A value that its program has as a constant: each change brings the port to another program, some of them new, while
// frames are on their way through the old one.
TEST_F(StreamFault, MovesFromProgramToProgram) {
  Stream stream(taps_, kinds());
  stream.start();
  for (std::size_t i = 0; i < 4 * changes(); ++i) {
    const Variables values{{"IP", {one_.ip}}, {"LAST", {std::to_string(5001 + i % 3)}}};
    NWF_ASSERT_OK(service_->binding_set("vnet0", values));
  }
  const StreamCounts counts = stream.stop();
  fmt::print("{} frames that must pass: {} lost; {} that must never: {} leaked\n", counts.must_pass, counts.lost,
             counts.must_never, counts.leaked);
  EXPECT_EQ(counts.lost, 0U) << counts.first_wrong;
  EXPECT_EQ(counts.leaked, 0U) << counts.first_wrong;
}

// A port that waits for an address leaves its program by one transaction, not by three, and comes back to it by three.
TEST_F(StreamFault, LearnedAddressesComeAndGo) {
  NWF_ASSERT_OK(service_->binding_delete("vnet0"));
  NWF_ASSERT_OK(
      service_->binding_create("<filterbinding><portdev name='vnet0'/><mac address='" + one_.mac +
                                   "'/><filterref filter='streamed'><parameter name='CTRL_IP_LEARNING' value='any'/>"
                                   "<parameter name='LAST' value='5001'/></filterref></filterbinding>",
                               "vnet0"));
  Stream stream(taps_, kinds());
  stream.start();
  for (std::size_t i = 0; i < 2 * changes(); ++i) {
    NWF_ASSERT_OK(service_->learned_set("vnet0", {one_.ip}));
    NWF_ASSERT_OK(service_->learned_forget("vnet0", {}));
  }
  const StreamCounts counts = stream.stop();
  fmt::print("{} frames that pass with an address: {} lost without; {} that must never: {} leaked\n", counts.must_pass,
             counts.lost, counts.must_never, counts.leaked);
  EXPECT_GT(counts.lost, 0U) << "the port never waited";
  EXPECT_LT(counts.lost, counts.must_pass) << "the address was never in force";
  EXPECT_EQ(counts.leaked, 0U) << counts.first_wrong;
}

TEST_F(StreamFault, BindsAndUnbindsOfNeighbours) {
  add_guest("vnet2");
  expect_unseen(2 * changes(), [&](std::size_t i) {
    const Neighbour neighbour = nth_neighbour(i / 2);
    if (i % 2 == 0)
      NWF_ASSERT_OK(service_->binding_create(neighbour.xml, neighbour.port));
    else if (i / 2 >= kNeighboursAtATime)
      NWF_ASSERT_OK(service_->binding_delete(nth_neighbour(i / 2 - kNeighboursAtATime).port));
  });
}

// Rules that look at connections where none did before: packets on their way have no mark that says what they are of.
TEST_F(StreamFault, EditsThatAskForConnectionsFirst) {
  for (const char* port : {"vnet0", "vnet1", "vnet8"}) NWF_ASSERT_OK(service_->binding_delete(port));
  const std::string plain = "<filter name='first'><rule action='accept' direction='inout'><mac/></rule></filter>";
  const std::string asks =
      "<filter name='first'><rule action='accept' direction='inout'><udp state='NEW,ESTABLISHED'/></rule>"
      "<rule action='drop' direction='inout'><all/></rule></filter>";
  NWF_ASSERT_OK(service_->filter_define(plain, "first"));
  NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "first"), "vnet0"));
  std::vector<FrameKind> some;
  for (const FrameKind& kind : kinds())
    if (kind.name == "udp from the guest" || kind.name == "udp to the guest") some.push_back(kind);
  Stream stream(taps_, some);
  stream.start();
  for (std::size_t i = 0; i < 2 * changes(); ++i)
    NWF_ASSERT_OK(service_->filter_define(i % 2 == 0 ? asks : plain, "first"));
  const StreamCounts counts = stream.stop();
  fmt::print("{} frames that must pass: {} lost\n", counts.must_pass, counts.lost);
  EXPECT_EQ(counts.lost, 0U) << counts.first_wrong;
  EXPECT_GT(counts.must_pass, changes()) << "the stream stood still";
}

// Both backends judge for an instant: what comes is in force before what goes is taken away.
TEST_F(StreamFault, SwitchesOfTheBackend) {
  expect_unseen(changes() / 10,
                [&](std::size_t i) { NWF_ASSERT_OK(service_->backend(i % 2 == 0 ? "iptables-legacy" : "nftables")); });
  NWF_ASSERT_OK(service_->backend("nftables"));
}

// What the other tests do to nf_tables, done to the legacy tables.
TEST_F(StreamFault, ChangesOfTheLegacyTables) {
  NWF_ASSERT_OK(service_->backend("iptables-legacy"));
  expect_unseen(changes() / 5, [&](std::size_t i) {
    const auto& [name, text] = nth_edit(i);
    NWF_ASSERT_OK(service_->filter_define(text, name));
    const Neighbour neighbour = nth_neighbour(i);
    NWF_ASSERT_OK(service_->binding_create(neighbour.xml, neighbour.port));
    NWF_ASSERT_OK(service_->binding_delete(neighbour.port));
  });
}

TEST_F(StreamFault, DropsThatMoveFromLayerToLayer) { move_drops_from_layer_to_layer(changes()); }

TEST_F(StreamFault, DropsThatMoveFromLayerToLayerInTheLegacyTables) {
  NWF_ASSERT_OK(service_->backend("iptables-legacy"));
  move_drops_from_layer_to_layer(changes() / 2);
}

TEST_F(StreamFault, ChangesByTheProgram) {
  expect_unseen(changes() / 10, [&](std::size_t i) {
    const Neighbour neighbour = nth_neighbour(i);
    const Variables values = nth_values(i, one_.ip);
    nwfctl({"filter", "define", file(nth_edit(i).text)});
    nwfctl({"binding", "set", "vnet0", fmt::format("IP={}", fmt::join(values.at("IP"), ",")),
            "LAST=" + values.at("LAST").at(0)});
    nwfctl({"binding", "create", file(neighbour.xml)});
    nwfctl({"binding", "delete", neighbour.port});
  });
}

TEST_F(StreamFault, TheStreamSeesARulesetFlushedAndLoadedInTwoSteps) {
  const StreamCounts counts = seen_of(
      [&] {
        const auto held = backend_->read();
        NWF_ASSERT_OK(held);
        const auto flushed = backend_->apply(diff(held->ruleset, Ruleset{}), std::nullopt);
        NWF_ASSERT_OK(flushed);
        NWF_ASSERT_OK(backend_->apply(diff(Ruleset{}, held->ruleset), std::nullopt));
      },
      [](const StreamCounts& seen) { return seen.leaked > 0; });
  EXPECT_GT(counts.leaked, 0U) << "a stream that sees no leak here proves nothing elsewhere";
  fmt::print("{} leaked\n", counts.leaked);
}

TEST_F(StreamFault, TheStreamSeesAValueTakenAndPutBackInTwoSteps) {
  const auto held = backend_->read();
  NWF_ASSERT_OK(held);
  Changes taken, put_back;
  const auto port = PortName::parse("vnet0")->padded();
  const Table& table = held->ruleset.tables.at(Family::Bridge);
  for (const auto& [name, elements] : table.elements)
    for (const Element& element : elements) {
      if (element.verdict || element.key.size() <= port.size() ||
          !std::equal(port.begin(), port.end(), element.key.begin()))
        continue;
      taken.push_back({Family::Bridge, change::DeleteElements{table.sets.at(name), {element}}});
      put_back.push_back({Family::Bridge, change::AddElements{table.sets.at(name), {element}, false}});
    }
  ASSERT_FALSE(taken.empty());
  const StreamCounts counts = seen_of(
      [&] {
        NWF_ASSERT_OK(backend_->apply(taken, std::nullopt));
        NWF_ASSERT_OK(backend_->apply(put_back, std::nullopt));
      },
      [](const StreamCounts& seen) { return seen.lost > 0; });
  EXPECT_GT(counts.lost, 0U) << "a stream that sees no loss here proves nothing elsewhere";
  fmt::print("{} lost\n", counts.lost);
}

}  // namespace
}  // namespace nwf::test
