// SPDX-License-Identifier: GPL-2.0-or-later
// A network → the files that dnsmasq is started with.
//
// Nothing in them can be quoted, so nothing that would start a line or a field of its own ever reaches them: the reader
// of the XML refuses it, and dnsmasq_files() looks once more.
#pragma once

#include <map>
#include <string>

#include "engine/error.h"
#include "engine/model/network.h"

namespace nwf {

/// Where dnsmasq finds what changes while it runs, and where it keeps what it knows.
struct DnsmasqPaths {
  std::string dhcp_hosts;  ///< directory: a file for each reservation, read as it appears
  std::string names;       ///< directory: a file for each named host, read as it appears
  std::string leases;
  std::string pid;
};

struct DnsmasqFiles {
  std::string conf;
  std::map<std::string, std::string> dhcp_hosts;  ///< by file name
  std::map<std::string, std::string> names;       ///< by file name
  friend bool operator==(const DnsmasqFiles&, const DnsmasqFiles&) = default;
};

/// False for a network without addresses, or with neither DHCP nor DNS.
bool needs_dnsmasq(const Network& network);

/// Errors: Invalid when a text cannot stand in a line of these files.
Result<DnsmasqFiles> dnsmasq_files(const Network& network, const DnsmasqPaths& paths);

}  // namespace nwf
