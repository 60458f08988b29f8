// SPDX-License-Identifier: GPL-2.0-or-later
// Shows nwf at work: two guests on TAP devices, clean-traffic bound to one, frames honest and forged, and for each
// whether it arrived and which rule decided. Everything happens in namespaces that end with this process.
#include <fmt/format.h>

#include <cstdio>

#include "host/host.h"
#include "tests/demo/trace.h"
#include "tests/harness/network.h"
#include "tests/harness/packet.h"
#include "tests/harness/scratch.h"

namespace nwf::demo {
namespace {

constexpr const char* kInterface =
    "<interface type='bridge'>\n"
    "  <mac address='52:54:00:56:44:32'/>\n"
    "  <source bridge='br1'/>\n"
    "  <ip address='10.33.8.131'/>\n"
    "  <target dev='vnet0'/>\n"
    "  <filterref filter='clean-traffic'/>\n"
    "</interface>\n";

const std::string kGuest = "52:54:00:56:44:32", kGuestIp = "10.33.8.131";
const std::string kOther = "52:54:00:00:00:02", kOtherIp = "10.33.8.132";
const std::string kForgedMac = "52:54:00:66:66:66", kForgedIp = "10.33.8.66";
const std::string kBroadcast = "ff:ff:ff:ff:ff:ff";
constexpr std::uint16_t kForeignType = 0x88b5;  // IEEE 802: local experimental

struct Sent {
  std::string what;
  bool from_guest;
  Bytes frame;
  Bytes tag;
  bool should_arrive;
};

std::vector<Sent> frames() {
  const test::Ends out{kGuest, kOther}, in{kOther, kGuest}, forged_out{kForgedMac, kOther}, shout{kGuest, kBroadcast};
  const auto arp = [](const std::string& mac, const std::string& ip, const std::string& target) {
    return test::ArpFields{1, mac, ip, "00:00:00:00:00:00", target};
  };
  std::vector<Sent> all;
  const auto add = [&](std::string what, bool from_guest, bool arrives, auto make) {
    const Bytes tag = test::next_tag();
    all.push_back({std::move(what), from_guest, make(tag), tag, arrives});
  };
  using B = const Bytes&;
  add("UDP, its own addresses", true, true, [&](B t) { return test::udp_frame(out, kGuestIp, kOtherIp, {}, t); });
  add("ARP request, its own addresses", true, true,
      [&](B t) { return test::arp_frame(shout, arp(kGuest, kGuestIp, kOtherIp), t); });
  add("DHCP discover from 0.0.0.0", true, true, [&](B t) {
    return test::udp_frame(shout, "0.0.0.0", "255.255.255.255", {68, 67}, t);
  });
  add("UDP, forged MAC address", true, false,
      [&](B t) { return test::udp_frame(forged_out, kGuestIp, kOtherIp, {}, t); });
  add("UDP, forged IP address", true, false, [&](B t) { return test::udp_frame(out, kForgedIp, kOtherIp, {}, t); });
  add("ARP, forged sender MAC", true, false,
      [&](B t) { return test::arp_frame(shout, arp(kForgedMac, kGuestIp, kOtherIp), t); });
  add("ARP, forged sender IP", true, false,
      [&](B t) { return test::arp_frame(shout, arp(kGuest, kForgedIp, kOtherIp), t); });
  add("foreign EtherType 0x88b5", true, false, [&](B t) { return test::raw_frame(out, kForeignType, t); });
  add("IPv6", true, false, [&](B t) { return test::udp6_frame(out, "fd00::131", "fd00::132", {}, t); });
  add("UDP, honest", false, true, [&](B t) { return test::udp_frame(in, kOtherIp, kGuestIp, {}, t); });
  add("ARP request, honest", false, true, [&](B t) {
    return test::arp_frame({kOther, kBroadcast}, arp(kOther, kOtherIp, kGuestIp), t);
  });
  // Whom others pretend to be is for their own filters to judge: clean-traffic guards what its guest sends.
  add("UDP, forged MAC address", false, true, [&](B t) {
    return test::udp_frame({kForgedMac, kGuest}, kOtherIp, kGuestIp, {}, t);
  });
  add("UDP, forged IP address", false, true, [&](B t) { return test::udp_frame(in, kForgedIp, kGuestIp, {}, t); });
  add("ARP, forged sender IP", false, true, [&](B t) {
    return test::arp_frame({kOther, kBroadcast}, arp(kOther, kForgedIp, kGuestIp), t);
  });
  add("foreign EtherType 0x88b5", false, false, [&](B t) { return test::raw_frame(in, kForeignType, t); });
  add("IPv6", false, false, [&](B t) { return test::udp6_frame(in, "fd00::132", "fd00::131", {}, t); });
  return all;
}

std::string decided_by(const std::vector<Decision>& decisions) {
  if (decisions.empty()) return "nothing seen";
  // A drop ends the way; else the last word is the one that let it out.
  for (const Decision& decision : decisions)
    if (decision.dropped) return decision.origin;
  for (const Decision& decision : decisions)
    if (decision.chain.find("clean-traffic") != std::string::npos) return decision.origin;
  return decisions.back().origin;
}

Result<int> run() {
  NWF_TRY(const std::string root, test::make_scratch_directory());
  NWF_CHECK(test::enter_new_namespace());
  NWF_CHECK(test::make_bridge("br1"));
  NWF_TRY(test::Tap vnet0, test::Tap::open("vnet0"));
  NWF_TRY(test::Tap vnet1, test::Tap::open("vnet1"));
  NWF_CHECK(test::add_port("br1", "vnet0"));
  NWF_CHECK(test::add_port("br1", "vnet1"));

  fmt::print("A bridge br1 with two guests on TAP devices: vnet0 ({}, {}) and vnet1.\n", kGuest, kGuestIp);
  fmt::print("clean-traffic is bound to vnet0 by\n\n{}\n", kInterface);
  host::Options options;
  options.root = root;
  NWF_TRY(const auto service, host::open(options));
  NWF_TRY(const auto bound, service->binding_create(kInterface, "interface.xml"));
  NWF_TRY(const auto rules, service->binding_rules(bound.binding.port));
  fmt::print("One transaction: {} rules that name no port, {} sets hold what is vnet0's own.\n\n", rules.rules.size(),
             rules.values.size());
  NWF_TRY(const auto trace, start_trace());

  fmt::print("{:<32} {:<16} {:<8} {}\n", "sent", "from → to", "arrived", "decided by");
  fmt::print("{:-<100}\n", "");
  int wrong = 0;
  for (Sent& sent : frames()) {
    test::Tap& from = sent.from_guest ? vnet0 : vnet1;
    test::Tap& to = sent.from_guest ? vnet1 : vnet0;
    to.drain();
    trace->drain();
    NWF_CHECK(from.send(sent.frame));
    const bool arrived = test::arrives(to, sent.tag);
    const bool right = arrived == sent.should_arrive;
    wrong += right ? 0 : 1;
    fmt::print("{:<32} {:<16} {:<8} {}{}\n", sent.what, from.name() + " → " + to.name(), arrived ? "yes" : "no",
               decided_by(trace->decisions()), right ? "" : "   WRONG");
  }
  NWF_CHECK(service->binding_delete("vnet0"));
  NWF_TRY(const auto status, service->status());
  fmt::print("\n{}; after unbinding the kernel holds {}.\n",
             wrong == 0 ? "All as clean-traffic says" : fmt::format("{} frames went wrong", wrong),
             status.in_sync ? "nothing of it" : "something still");
  return wrong == 0 && status.in_sync ? 0 : 1;
}

}  // namespace
}  // namespace nwf::demo

int main() {
  const auto result = nwf::demo::run();
  if (result) return *result;
  fmt::print(stderr, "nwf-demo: {}\n", nwf::describe_all(result.error()));
  return 1;
}
