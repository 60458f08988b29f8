// SPDX-License-Identifier: GPL-2.0-or-later
// Any text as a network: refused with a place; or what is written back is the same network, and what becomes of it for
// dnsmasq has only lines that we write.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

#include "engine/network/dnsmasq_conf.h"
#include "engine/network/links.h"
#include "engine/network/rules.h"
#include "tests/fuzz/must.h"
#include "xml/network.h"

namespace {

constexpr std::array<std::string_view, 28> kKeys{"#",
                                                 "strict-order",
                                                 "port",
                                                 "server",
                                                 "no-resolv",
                                                 "local",
                                                 "domain",
                                                 "expand-hosts",
                                                 "pid-file",
                                                 "domain-needed",
                                                 "interface",
                                                 "except-interface",
                                                 "bind-dynamic",
                                                 "dhcp-option",
                                                 "ra-param",
                                                 "txt-record",
                                                 "srv-host",
                                                 "dhcp-range",
                                                 "enable-ra",
                                                 "dhcp-no-override",
                                                 "dhcp-authoritative",
                                                 "enable-tftp",
                                                 "tftp-root",
                                                 "dhcp-boot",
                                                 "dhcp-lease-max",
                                                 "dhcp-hostsdir",
                                                 "dhcp-leasefile",
                                                 "hostsdir"};

void check_conf(const nwf::Network& network, const std::string& conf) {
  std::istringstream lines(conf);
  for (std::string line; std::getline(lines, line);) {
    const std::string key = line.substr(0, line.find_first_of("= "));
    const auto& options = network.dnsmasq_options;
    const bool ours = !key.empty() && std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
    nwf::fuzz::must(ours || std::find(options.begin(), options.end(), line) != options.end(),
                    "dnsmasq is told only what we write", line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  const auto read = xml::read_network({reinterpret_cast<const char*>(data), size}, "a.xml");
  if (!read) {
    fuzz::must_be_told(read.error());
    return 0;
  }
  const std::string written = xml::write_network(read->value);
  const auto again = xml::read_network(written, "written.xml");
  fuzz::must(again.has_value(), "what is written can be read", written);
  fuzz::must(xml::write_network(again->value) == written, "what is read back is the same", written);
  (void)network_rules({read->value});
  (void)plan_links(read->value);
  if (const auto files = dnsmasq_files(read->value, {"HOSTS", "NAMES", "LEASES", "PID"}))
    check_conf(read->value, files->conf);
  return 0;
}
