// SPDX-License-Identifier: GPL-2.0-or-later
// Interfaces followed while the kernel tells of more than the socket holds.
#include "netlink/link_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

using Kind = netlink::LinkEvent::Kind;

/// netdevice(7), for one interface.
class Device {
 public:
  explicit Device(const std::string& name) : socket_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) { call_it(name); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { close(socket_); }

  bool rename(const std::string& name) {
    std::strncpy(request_.ifr_newname, name.c_str(), IFNAMSIZ - 1);
    if (ioctl(socket_, SIOCSIFNAME, &request_) != 0) return false;
    call_it(name);
    return true;
  }
  bool set_mtu(int mtu) {
    request_.ifr_mtu = mtu;
    return ioctl(socket_, SIOCSIFMTU, &request_) == 0;
  }

 private:
  void call_it(const std::string& name) {
    request_ = {};
    std::strncpy(request_.ifr_name, name.c_str(), IFNAMSIZ - 1);
  }
  int socket_;
  ifreq request_{};
};

class LinkWatchNetns : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto entered = enter_new_namespace();
    if (!entered && entered.error().kind == ErrorKind::Denied) GTEST_SKIP() << "needs root";
    NWF_ASSERT_OK(entered);
    NWF_ASSERT_OK(make_bridge("br0"));
  }
};

TEST_F(LinkWatchNetns, AfterAFloodTheDifferenceIsTold) {
  auto gone = Tap::open("gone0");
  NWF_ASSERT_OK(gone);
  auto kept = Tap::open("kept0");
  NWF_ASSERT_OK(kept);
  const auto watch = netlink::LinkWatch::open();
  NWF_ASSERT_OK(watch);

  // Nobody reads meanwhile: the socket's 8 MiB are full long before the end, and what follows is lost.
  Device device("kept0");
  for (int i = 0; i < 20'000; ++i) ASSERT_TRUE(device.set_mtu(1400 + i % 2));
  ASSERT_TRUE(device.rename("unseen"));
  ASSERT_TRUE(device.rename("web0"));
  gone = Tap::open("new0");
  NWF_ASSERT_OK(gone);
  NWF_ASSERT_OK(add_port("br0", "web0"));

  const auto events = (*watch)->drain();
  NWF_ASSERT_OK(events);
  std::map<std::string, netlink::LinkEvent> by_name;
  for (const auto& event : *events) {
    EXPECT_NE(event.name, "unseen") << "nothing was lost, so that this tests nothing";
    by_name.insert_or_assign(event.name, event);
  }
  EXPECT_EQ(by_name["gone0"].kind, Kind::Gone);
  EXPECT_EQ(by_name["new0"].kind, Kind::Appeared);
  EXPECT_EQ(by_name["web0"].kind, Kind::Moved);
  EXPECT_EQ(by_name["web0"].bridge, "br0");
  EXPECT_TRUE(std::ranges::any_of(*events, [](const auto& event) {
    return event.kind == Kind::Renamed && event.name == "web0" && event.before == "kept0";
  }));

  // What is held is what is there, and the next is heard again.
  const auto there = netlink::read_link_statistics();
  NWF_ASSERT_OK(there);
  std::map<int, netlink::Link> links;
  for (const auto& each : *there) links.emplace(each.link.index, each.link);
  EXPECT_EQ((*watch)->table().links(), links);
  const auto later = Tap::open("later0");
  NWF_ASSERT_OK(later);
  const auto next = (*watch)->drain();
  NWF_ASSERT_OK(next);
  EXPECT_THAT(*next, ::testing::ElementsAre(netlink::LinkEvent{Kind::Appeared, "later0", "", ""}));
}

}  // namespace
}  // namespace nwf::test
