// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/versions.h"

#include <fmt/format.h>

namespace nwf::test {
namespace {

std::string filter(const std::string& name, const std::string& attributes, const std::string& inside) {
  return fmt::format("<filter name='{}' {}>\n{}</filter>\n", name, attributes, inside);
}

std::string rule(const std::string& action, const std::string& direction, int priority, const std::string& inside) {
  return fmt::format("  <rule action='{}' direction='{}' priority='{}'>{}</rule>\n", action, direction, priority,
                     inside);
}

std::string reference(const std::string& name) { return fmt::format("  <filterref filter='{}'/>\n", name); }

FilterVersions extra() {
  const std::string plain = rule("drop", "out", 300, "<tcp dstportstart='25'/>");
  // Brings a set of its own, with elements for every port.
  return {"extra",
          {filter("extra", "chain='root'", plain),
           filter("extra", "chain='root'",
                  rule("return", "out", 200, "<arp arpsrcmacaddr='$MAC[@1]' arpsrcipaddr='$IP[@2]'/>") + plain)}};
}

FilterVersions no_ip_spoofing() {
  const std::string attributes = "chain='ipv4-ip' priority='-710'";
  const std::string any = rule("return", "out", 100, "<ip srcipaddr='0.0.0.0' protocol='udp'/>");
  const std::string own = rule("return", "out", 500, "<ip srcipaddr='$IP'/>");
  const std::string last = rule("drop", "out", 1000, "");
  return {
      "no-ip-spoofing",
      {filter("no-ip-spoofing", attributes, any + own + last),
       filter("no-ip-spoofing", attributes, own + rule("drop", "out", 501, "<ip srcipaddr='192.0.2.66'/>") + last)}};
}

FilterVersions clean_traffic() {
  const std::string attributes = "chain='root'";
  const std::string start = reference("no-mac-spoofing") + reference("no-ip-spoofing") +
                            rule("accept", "out", -650, "<mac protocolid='ipv4'/>") + reference("allow-incoming-ipv4") +
                            reference("no-arp-spoofing") + rule("accept", "inout", -500, "<mac protocolid='arp'/>");
  const std::string end = reference("no-other-l2-traffic") + reference("qemu-announce-self");
  return {
      "clean-traffic",
      {filter("clean-traffic", attributes, start + end),
       filter("clean-traffic", attributes, rule("drop", "inout", -660, "<mac protocolid='0x88b5'/>") + start + end)}};
}

FilterVersions streamed() {
  const std::string start = reference("clean-traffic") + rule("accept", "out", 500, "<udp dstportstart='5000'/>") +
                            rule("accept", "in", 500, "<udp dstportstart='5000' dstportend='$LAST'/>") +
                            rule("accept", "out", 500, "<tcp dstportstart='7000'/>") +
                            rule("accept", "in", 500, "<tcp dstportstart='7000'/>");
  const std::string end = rule("drop", "inout", 1000, "<all/>");
  return {"streamed",
          {filter("streamed", "chain='root'", start + end),
           filter("streamed", "chain='root'",
                  start + reference("extra") + rule("accept", "out", 499, "<udp dstportstart='53'/>") + end)}};
}

}  // namespace

const std::vector<FilterVersions>& filter_versions() {
  static const std::vector<FilterVersions> all{extra(), no_ip_spoofing(), clean_traffic(), streamed()};
  return all;
}

FilterEdit nth_edit(std::size_t i) {
  const auto& all = filter_versions();
  const FilterVersions& filter = all[i % all.size()];
  return {filter.name, filter.texts[(i / all.size() + 1) % 2]};
}

Variables nth_values(std::size_t i, const std::string& ip) {
  std::vector<std::string> addresses{ip};
  for (std::size_t more = 0; more < i % 4; ++more)
    addresses.push_back(fmt::format("198.51.100.{}", 1 + (i + more) % 200));
  if (i % 3 == 0) std::swap(addresses.front(), addresses.back());
  return {{"IP", addresses}, {"LAST", {i % 5 < 2 ? "5001" : "5002"}}};
}

Neighbour nth_neighbour(std::size_t i) {
  constexpr std::array kFilters{"streamed",  "clean-traffic",   "no-mac-spoofing", "streamed",
                                "allow-arp", "no-ip-multicast", "no-arp-spoofing", "qemu-announce-self"};
  const std::size_t which = i % (2 * kNeighboursAtATime);
  const std::string port = which == 2 ? "vnet2" : fmt::format("next{}", which);
  return {port, fmt::format("<filterbinding><portdev name='{}'/><mac address='52:54:00:00:01:{:02x}'/>"
                            "<filterref filter='{}'><parameter name='IP' value='203.0.113.{}'/>"
                            "<parameter name='LAST' value='{}'/></filterref></filterbinding>",
                            port, which, kFilters[(i / 3) % kFilters.size()], 1 + which, 5001 + i % 7)};
}

}  // namespace nwf::test
