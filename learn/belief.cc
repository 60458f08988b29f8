// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/belief.h"

#include <algorithm>

#include "learn/advertisement.h"
#include "learn/dhcp.h"
#include "learn/packet.h"

namespace nwf::learn {
namespace {

constexpr std::array<std::pair<Source, std::string_view>, 6> kSources = {{{Source::Arp, "arp"},
                                                                          {Source::Ip, "ip"},
                                                                          {Source::Dhcp, "dhcp"},
                                                                          {Source::Nd, "nd"},
                                                                          {Source::Ra, "ra"},
                                                                          {Source::Manual, "manual"}}};

std::optional<Instant> end_of(std::uint32_t seconds, Instant now) {
  if (seconds == kForever) return std::nullopt;
  return now + Instant{1000} * seconds;
}

std::uint8_t whole_prefix(const Address& address) { return std::holds_alternative<Ipv4>(address) ? 32 : 128; }

bool usable(const Address& address) {
  return std::visit([](const auto& one) { return is_unicast(one); }, address);
}

/// Kinds of which `any` believes one address each.
int kind_of(const Address& address) {
  const auto* six = std::get_if<Ipv6>(&address);
  return six == nullptr ? 0 : is_link_local(*six) ? 1 : 2;
}

class Believer {
 public:
  Believer(Beliefs& beliefs, Learning learning, Instant now) : beliefs_(beliefs), learning_(learning), now_(now) {}

  bool operator()(const event::Sighted& e) { return learning_ == Learning::Any && first(e.address, e.source, ""); }

  bool operator()(const event::Leased& e) {
    if (!usable(e.address)) return false;
    if (e.seconds == 0) return erase(e.address, e.prefix);
    if (learning_ == Learning::Any) return !is_prefix(e) && first(e.address, Source::Dhcp, e.server);
    if (learning_ != Learning::Dhcp) return false;
    const auto ends = end_of(e.seconds, now_);
    if (Belief* known = find(e.address, e.prefix)) {
      if (known->source == Source::Manual) return false;
      known->source = Source::Dhcp;
      known->server = e.server;
      known->client = e.client;
      known->seen = now_;
      known->ends = ends;
      return true;
    }
    // A client has one IPv4 lease: a new address takes the place of the one before.
    const bool v4 = std::holds_alternative<Ipv4>(e.address);
    if (v4)
      std::erase_if(beliefs_, [&](const Belief& b) {
        return b.source == Source::Dhcp && b.client == e.client && std::holds_alternative<Ipv4>(b.address);
      });
    return add({e.address, e.prefix, Source::Dhcp, e.server, e.client, now_, now_, ends}) || v4;
  }

  bool operator()(const event::Returned& e) {
    if (learning_ != Learning::Dhcp) return false;
    const Belief* known = find(e.address, e.prefix);
    return known != nullptr && known->source == Source::Dhcp && erase(e.address, e.prefix);
  }

  bool operator()(const event::Denied& e) {
    if (learning_ != Learning::Dhcp) return false;
    return std::erase_if(beliefs_, [&](const Belief& b) {
             return b.source == Source::Dhcp && b.client == e.client && std::holds_alternative<Ipv4>(b.address);
           }) > 0;
  }

  bool operator()(const event::Formed& e) {
    if (learning_ != Learning::Dhcp || !usable(e.address)) return false;
    const bool local = is_link_local(e.address);
    if (local != !e.valid_seconds.has_value()) return false;
    // The end of one that is known follows the router's word, not the guest's.
    if (find(e.address, 128) != nullptr) return false;
    if (local) return first(e.address, Source::Nd, "");
    if (*e.valid_seconds == 0) return false;
    return add({e.address, 128, Source::Ra, e.router, "", now_, now_, end_of(*e.valid_seconds, now_)});
  }

  bool operator()(const event::Advertised& e) {
    bool changed = false;
    for (Belief& belief : beliefs_) {
      const auto* address = std::get_if<Ipv6>(&belief.address);
      if (belief.source != Source::Ra || address == nullptr || !is_in(*address, e.prefix, e.length)) continue;
      // RFC 4862 5.5.3 (e): a forged short lifetime does not end what has long to live at once.
      constexpr Instant kTwoHours = Instant{2} * 3600 * 1000;
      const auto said = end_of(e.valid_seconds, now_);
      if (!said || !belief.ends || *said > *belief.ends || *said - now_ > kTwoHours)
        belief.ends = said;
      else if (*belief.ends - now_ > kTwoHours)
        belief.ends = now_ + kTwoHours;
      else
        continue;
      belief.seen = now_;
      changed = true;
    }
    return changed;
  }

  bool operator()(const event::Elapsed&) {
    return std::erase_if(beliefs_, [&](const Belief& b) { return b.ends && *b.ends <= now_; }) > 0;
  }

  bool operator()(const event::Given& e) {
    const Beliefs before = beliefs_;
    for (const Address& address : e.addresses)
      if (usable(address))
        std::erase_if(beliefs_,
                      [&](const Belief& b) { return !b.is_prefix() && b.address.index() == address.index(); });
    for (const Address& address : e.addresses)
      if (usable(address) && find(address, whole_prefix(address)) == nullptr)
        add({address, whole_prefix(address), Source::Manual, "", "", now_, now_, std::nullopt});
    return beliefs_ != before;
  }

  bool operator()(const event::Forgotten& e) {
    return std::erase_if(beliefs_, [&](const Belief& b) { return !e.address || b.address == *e.address; }) > 0;
  }

 private:
  static bool is_prefix(const event::Leased& e) { return e.prefix != whole_prefix(e.address); }

  Belief* find(const Address& address, std::uint8_t prefix) {
    const auto found = std::find_if(beliefs_.begin(), beliefs_.end(),
                                    [&](const Belief& b) { return b.address == address && b.prefix == prefix; });
    return found == beliefs_.end() ? nullptr : &*found;
  }

  bool erase(const Address& address, std::uint8_t prefix) {
    return std::erase_if(beliefs_, [&](const Belief& b) { return b.address == address && b.prefix == prefix; }) > 0;
  }

  bool add(Belief belief) {
    if (beliefs_.size() >= kMaxBeliefs) return false;
    beliefs_.push_back(std::move(belief));
    return true;
  }

  /// Believes an address unless one of its kind is believed already.
  bool first(const Address& address, Source source, std::string server) {
    if (!usable(address)) return false;
    const bool had = std::any_of(beliefs_.begin(), beliefs_.end(), [&](const Belief& b) {
      return !b.is_prefix() && kind_of(b.address) == kind_of(address);
    });
    if (had) return false;
    return add({address, whole_prefix(address), source, std::move(server), "", now_, now_, std::nullopt});
  }

  Beliefs& beliefs_;
  Learning learning_;
  Instant now_;
};

}  // namespace

std::string address_text(const Address& address) {
  return std::visit([](const auto& one) { return one.text(); }, address);
}

std::string_view source_name(Source source) {
  for (const auto& [value, name] : kSources)
    if (value == source) return name;
  return "manual";
}

std::optional<Source> parse_source(std::string_view text) {
  for (const auto& [value, name] : kSources)
    if (name == text) return value;
  return std::nullopt;
}

bool believe(Beliefs& beliefs, const Event& event, Learning learning, Instant now) {
  return std::visit(Believer(beliefs, learning, now), event);
}

std::optional<Instant> next_end(const Beliefs& beliefs) {
  std::optional<Instant> next;
  for (const Belief& belief : beliefs)
    if (belief.ends && (!next || *belief.ends < *next)) next = belief.ends;
  return next;
}

Variables values_of(const Beliefs& beliefs) {
  Variables values;
  for (const Belief& belief : beliefs) {
    const bool four = std::holds_alternative<Ipv4>(belief.address);
    values[four ? "IP" : belief.is_prefix() ? "IPV6_PREFIX" : "IPV6"].push_back(address_text(belief.address));
  }
  for (auto& [name, list] : values) std::sort(list.begin(), list.end());
  return values;
}

}  // namespace nwf::learn
