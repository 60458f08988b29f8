// SPDX-License-Identifier: GPL-2.0-or-later
// What becomes of a network, as text: golden/NAME.xml → golden/NAME.txt. NWF_GOLDEN=write writes the texts anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/network/dnsmasq_conf.h"
#include "engine/network/links.h"
#include "engine/network/rules.h"
#include "engine/print/nft.h"
#include "xml/network.h"

namespace nwf {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string element_text(const Set& set, const Element& element) {
  std::string text = print::nft_key(set.key, element.key);
  if (!element.key_end.empty() && element.key_end != element.key)
    text += " to " + print::nft_key(set.key, element.key_end);
  if (!element.data.empty()) text += " : " + print::nft_key(set.data, element.data);
  return text;
}

std::string text_of(const Table& table) {
  std::string text;
  for (const auto& [name, set] : table.sets) {
    const auto elements = table.elements.find(name);
    if (elements == table.elements.end()) continue;
    text += fmt::format("set {}\n", name);
    for (const Element& element : elements->second) text += fmt::format("  {}\n", element_text(set, element));
  }
  for (const auto& [name, chain] : table.chains) {
    text += fmt::format("chain {}", name);
    if (chain.base)
      text += fmt::format(" hook {} priority {}", static_cast<int>(chain.base->hook), chain.base->priority);
    text += '\n';
    for (const Rule& rule : chain.rules)
      text += fmt::format("  {:<90} # {}\n", print::nft(rule), rule.comment.substr(0, rule.comment.find("; chain=")));
  }
  return text;
}

std::string text_of(const LinkPlan& plan) {
  std::string text =
      fmt::format("bridge {} {} mtu {} stp {} delay {}\n", plan.bridge.name, plan.bridge.mac.text(),
                  plan.bridge.mtu.value_or(0), plan.bridge.stp ? "on" : "off", plan.bridge.delay_centiseconds);
  for (const Sysctl& sysctl : plan.sysctls) text += fmt::format("  {} = {}\n", sysctl.name, sysctl.value);
  for (const InterfaceAddress& address : plan.addresses)
    text += fmt::format("  address {}/{}\n", address.address.text(), address.prefix);
  for (const StaticRoute& route : plan.routes)
    text += fmt::format("  route {} via {}\n", route.to.text(), route.gateway.text());
  text += fmt::format("  forwarding{}{}{}\n", plan.forwarding4 ? " ipv4" : "", plan.forwarding6 ? " ipv6" : "",
                      plan.isolated_ports ? "; ports isolated" : "");
  return text;
}

class Golden : public ::testing::TestWithParam<fs::path> {};

TEST_P(Golden, IsWhatBecomesOfTheNetwork) {
  const auto parsed = xml::read_network(read(GetParam()), GetParam().filename());
  ASSERT_TRUE(parsed.has_value()) << describe_all(parsed.error());
  const Network& network = parsed->value;
  std::string text;
  if (has_own_bridge(network.mode())) text += text_of(plan_links(network));
  const Ruleset ruleset = network_rules({network});
  if (ruleset.tables.contains(Family::Inet)) text += text_of(ruleset.tables.at(Family::Inet));
  if (needs_dnsmasq(network)) {
    const auto files = dnsmasq_files(network, {"HOSTS", "NAMES", "LEASES", "PID"});
    ASSERT_TRUE(files.has_value()) << describe(files.error());
    text += "dnsmasq\n" + files->conf;
    for (const auto& [name, line] : files->dhcp_hosts) text += fmt::format("HOSTS/{}: {}", name, line);
    for (const auto& [name, line] : files->names) text += fmt::format("NAMES/{}: {}", name, line);
  }
  // Written and read again it is the same network.
  const std::string written = xml::write_network(network);
  const auto again = xml::read_network(written, "again");
  ASSERT_TRUE(again.has_value()) << describe_all(again.error()) << written;
  EXPECT_EQ(xml::write_network(again->value), written);
  text += "dumpxml\n" + written;

  fs::path golden = GetParam();
  golden.replace_extension(".txt");
  if (const char* mode = std::getenv("NWF_GOLDEN"); mode != nullptr && std::string_view(mode) == "write")
    std::ofstream(golden) << text;
  EXPECT_EQ(text, read(golden)) << "NWF_GOLDEN=write writes " << golden;
}

std::vector<fs::path> networks() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(NWF_GOLDEN_DIR))
    if (entry.path().extension() == ".xml") found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

INSTANTIATE_TEST_SUITE_P(Networks, Golden, ::testing::ValuesIn(networks()), [](const auto& network) {
  std::string name = network.param.stem();
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace nwf
