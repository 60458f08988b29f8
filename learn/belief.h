// SPDX-License-Identifier: GPL-2.0-or-later
// What is believed of one port's own addresses, and how an event changes it. Pure: the time is an argument.
//
// Two ways to learn (engine/model/learning.h). `any` believes the first address of each kind that the guest uses, for
// as long as the port lives: one IPv4 address, one link-local and one other IPv6 address. `dhcp` believes what servers
// gave, for as long as they gave it; a link-local IPv6 address the guest chooses itself, the first one counts; others
// it forms in prefixes that a router advertised. Whom to trust is decided before (host/learner.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/model/address.h"
#include "engine/model/learning.h"

namespace nwf::learn {

/// Milliseconds on a clock that nobody sets and that goes on while the host sleeps (CLOCK_BOOTTIME).
using Instant = std::int64_t;
using Address = std::variant<Ipv4, Ipv6>;
std::string address_text(const Address& address);

/// Where a belief is from.
enum class Source : std::uint8_t {
  Arp,     ///< the guest said so in ARP
  Ip,      ///< the guest sent from it
  Dhcp,    ///< a server gave it (DHCP, DHCPv6)
  Nd,      ///< the guest said so in neighbour discovery
  Ra,      ///< the guest formed it in a prefix that a router advertised
  Manual,  ///< an administrator said so
};
std::string_view source_name(Source source);
std::optional<Source> parse_source(std::string_view text);

struct Belief {
  Address address;
  std::uint8_t prefix = 32;  ///< 32 or 128: an address; else a prefix delegated to the guest
  Source source = Source::Manual;
  std::string server;  ///< the address of the server or router; may be empty
  std::string client;  ///< what tells the clients of one guest apart, in hexadecimal; may be empty
  Instant since = 0;
  Instant seen = 0;             ///< last confirmed
  std::optional<Instant> ends;  ///< none: it has no end
  friend bool operator==(const Belief&, const Belief&) = default;

  bool is_prefix() const { return std::holds_alternative<Ipv6>(address) && prefix != 128; }
};

using Beliefs = std::vector<Belief>;

/// Most beliefs of a port. What comes beyond is not believed.
inline constexpr std::size_t kMaxBeliefs = 32;

namespace event {

/// The guest uses this address.
struct Sighted {
  Address address;
  Source source;  ///< Arp, Ip or Nd
};
/// A trusted server gave an address or a prefix. Seconds: kForever (dhcp.h) has no end, 0 takes it back.
struct Leased {
  Address address;
  std::uint8_t prefix = 32;
  std::uint32_t seconds = 0;
  std::string server;
  std::string client;
};
/// The guest gives an address or prefix back, or declines it.
struct Returned {
  Address address;
  std::uint8_t prefix = 32;
};
/// A trusted server denies the client what it has.
struct Denied {
  std::string client;
};
/// The guest formed an address by itself: a link-local one, or one in an advertised prefix.
struct Formed {
  Ipv6 address;
  std::optional<std::uint32_t> valid_seconds;  ///< of the prefix; none: link-local
  std::string router;
};
/// A trusted router advertises a prefix (again): addresses in it live longer, or shorter.
struct Advertised {
  Ipv6 prefix;
  std::uint8_t length = 64;
  std::uint32_t valid_seconds = 0;
};
/// Time passed: what has ended is no longer believed.
struct Elapsed {};
/// An administrator says so: these in place of what was believed of their kinds (IPv4, IPv6). They have no end.
struct Given {
  std::vector<Address> addresses;
};
/// An administrator wants it forgotten: one address, or all when there is none.
struct Forgotten {
  std::optional<Address> address;
};

}  // namespace event

using Event = std::variant<event::Sighted, event::Leased, event::Returned, event::Denied, event::Formed,
                           event::Advertised, event::Elapsed, event::Given, event::Forgotten>;

/// Changes what is believed by one event; true when anything changed. What a way to learn does not believe changes
/// nothing: `dhcp` no sightings, `any` no second address, neither one more than kMaxBeliefs.
bool believe(Beliefs& beliefs, const Event& event, Learning learning, Instant now);

/// When the next belief ends, if any does.
std::optional<Instant> next_end(const Beliefs& beliefs);

/// The values of the variables that are learned, sorted; a variable of which nothing is believed is not there.
Variables values_of(const Beliefs& beliefs);

}  // namespace nwf::learn
