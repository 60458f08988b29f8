// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/network/leases.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace nwf {
namespace {

/// The words of a line; fewer than five leave the rest empty, more are dropped.
std::array<std::string_view, 5> words_of(std::string_view line) {
  std::array<std::string_view, 5> words;
  for (std::string_view& word : words) {
    const std::size_t end = std::min(line.find(' '), line.size());
    word = line.substr(0, end);
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return words;
}

std::string given(std::string_view word) { return word == "*" ? std::string() : std::string(word); }

}  // namespace

// dnsmasq: src/lease.c: EXPIRY MAC ADDRESS NAME CLIENT-ID; a line `duid …`, then EXPIRY IAID ADDRESS NAME DUID for
// IPv6.
std::vector<Lease> parse_leases(std::string_view text) {
  std::vector<Lease> leases;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto [expires, who, address, name, id] = words_of(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    Lease lease;
    const auto [stop, error] = std::from_chars(expires.data(), expires.data() + expires.size(), lease.expires);
    const auto ip = IpAddress::parse(address);
    if (error != std::errc{} || stop != expires.data() + expires.size() || !ip) continue;
    lease.ip = *ip;
    // The hardware's type stands before the address where it is not Ethernet.
    if (!ip->is_ipv6()) lease.mac = Mac::parse(who);
    lease.host_name = given(name);
    lease.client_id = given(id);
    leases.push_back(std::move(lease));
  }
  std::sort(leases.begin(), leases.end(), [](const Lease& a, const Lease& b) { return a.ip < b.ip; });
  return leases;
}

}  // namespace nwf
