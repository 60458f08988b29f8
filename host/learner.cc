// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "learn/packet.h"
#include "learn/sighting.h"

namespace nwf::host {
namespace {

using learn::Frame;
using learn::Instant;

constexpr std::size_t kFramesAtOnce = 256;
constexpr std::size_t kQuestions = 8;
constexpr std::size_t kPrefixesOfBridge = 16;
constexpr Instant kSecond = 1000;
/// A guest says what is to be learned in a handful of frames; what comes beyond this many a second is not needed.
constexpr double kGuestRate = 50, kGuestBurst = 100;
/// Where servers are, many guests are answered.
constexpr double kServerRate = 10'000, kServerBurst = 20'000;
constexpr Instant kMuted = kSecond;
/// The kernel's filter is not exchanged more often than this for what only saves it work.
constexpr Instant kListenEvery = 250;
/// After so long without anything learned there is time for what was left.
constexpr Instant kQuiet = 200;

std::string hexadecimal(const std::vector<std::uint8_t>& bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

template <class Questions, class Question>
void remember(Questions& questions, Question question) {
  std::erase_if(questions, [&](const auto& other) { return other.transaction == question.transaction; });
  if (questions.size() == kQuestions) questions.erase(questions.begin());
  questions.push_back(std::move(question));
}

/// Since the kernel's time stamp of a frame. A host's clock may have been set meanwhile.
std::uint64_t microseconds_since(std::int64_t nanoseconds) {
  using namespace std::chrono;
  const auto now = duration_cast<std::chrono::nanoseconds>(system_clock::now().time_since_epoch()).count();
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, now - nanoseconds) / 1000);
}

bool learns(const LearningPort& port, std::string_view variable) { return port.learns.contains(std::string(variable)); }
bool learns_ipv6(const LearningPort& port) { return learns(port, "IPV6") || learns(port, "IPV6_PREFIX"); }

}  // namespace

Result<std::unique_ptr<Learner>> Learner::open(LearningHost& host, std::function<Clocks()> clock, Listener listener,
                                               Links links) {
  auto learner = std::make_unique<Learner>(host, std::move(clock), std::move(listener), std::move(links));
  NWF_CHECK(learner->refresh());
  return learner;
}

int Learner::descriptor() const { return capture_ == nullptr ? -1 : capture_->descriptor(); }

LearnerFigures Learner::figures() const {
  LearnerFigures figures = figures_;
  if (capture_ != nullptr) figures.lost = capture_->lost();
  return figures;
}

Result<void> Learner::refresh() {
  now_ = clock_().boot;
  NWF_CHECK(read_links());
  NWF_TRY(auto guests, host_.guest_ports());
  bound_.clear();
  std::map<std::string, Watched> before = std::move(watched_);
  watched_.clear();
  ends_.clear();
  for (GuestPort& guest : guests) {
    const auto known = before.find(guest.port);
    put(std::move(guest), known == before.end() ? nullptr : &known->second);
  }
  return place();
}

Result<void> Learner::refresh(const std::set<std::string>& ports) {
  now_ = clock_().boot;
  for (const std::string& name : ports) {
    NWF_TRY(auto guest, host_.guest_port(name));
    const auto known = watched_.find(name);
    std::optional<Watched> before;
    if (known != watched_.end()) {
      note_end(known->second, std::nullopt);
      before = std::move(known->second);
      watched_.erase(known);
    }
    bound_.erase(name);
    if (guest) put(std::move(*guest), before ? &*before : nullptr);
  }
  return place();
}

Result<void> Learner::refresh_links() {
  now_ = clock_().boot;
  NWF_CHECK(read_links());
  return place();
}

Result<void> Learner::read_links() {
  NWF_TRY(const auto links, links_now_());
  links_.clear();
  for (const netlink::Link& link : links) links_.emplace(static_cast<unsigned>(link.index), link);
  return {};
}

void Learner::put(GuestPort guest, Watched* before) {
  bound_.emplace(guest.port, guest.mac);
  if (!guest.learning) return;
  Watched watched;
  if (before != nullptr && before->port.mac == guest.mac) {
    watched.dhcp = std::move(before->dhcp);
    watched.dhcpv6 = std::move(before->dhcpv6);
  }
  watched.port = std::move(*guest.learning);
  Watched& put = watched_.insert_or_assign(guest.port, std::move(watched)).first->second;
  note_end(put, learn::next_end(put.port.beliefs));
}

void Learner::note_end(Watched& watched, std::optional<Instant> end) {
  if (watched.ends) ends_.erase({*watched.ends, watched.port.port});
  watched.ends = end;
  if (end) ends_.emplace(*end, watched.port.port);
}

/// Where the ports are among the interfaces.
Result<void> Learner::place() {
  guests_.clear();
  by_interface_.clear();
  by_mac_.clear();
  for (auto& [name, watched] : watched_) {
    watched.interface = watched.bridge = 0;
    by_mac_.emplace(watched.port.mac, &watched);
  }
  for (const auto& [index, link] : links_) {
    if (const auto bound = bound_.find(link.name); bound != bound_.end()) guests_.emplace(index, bound->second);
    const auto learning = watched_.find(link.name);
    if (learning == watched_.end()) continue;
    learning->second.interface = index;
    learning->second.bridge = static_cast<unsigned>(link.master);
    by_interface_.emplace(index, &learning->second);
  }
  std::erase_if(allowances_, [&](const auto& allowance) { return !links_.contains(allowance.first); });
  std::erase_if(muted_, [&](unsigned interface) { return !links_.contains(interface); });
  std::erase_if(prefixes_, [&](const auto& bridge) { return !links_.contains(bridge.first); });
  if (by_interface_.empty()) {
    capture_.reset();
    wanted_ = {};
    return {};
  }
  if (capture_ == nullptr) {
    NWF_TRY(capture_, learn::open_capture());
    wanted_ = {};
  }
  return listen();
}

bool Learner::wants_sightings(const Watched& watched) const {
  if (watched.port.learning != Learning::Any) return false;
  const auto believes = [&](auto&& which) {
    return std::any_of(watched.port.beliefs.begin(), watched.port.beliefs.end(), which);
  };
  if (learns(watched.port, "IP") &&
      !believes([](const learn::Belief& b) { return std::holds_alternative<Ipv4>(b.address); }))
    return true;
  if (!learns(watched.port, "IPV6")) return false;
  const auto six = [&](bool local) {
    return believes([&](const learn::Belief& b) {
      const auto* address = std::get_if<Ipv6>(&b.address);
      return address != nullptr && learn::is_link_local(*address) == local;
    });
  };
  return !six(true) || !six(false);
}

Result<void> Learner::listen() {
  learn::Wanted wanted;
  for (const auto& [interface, watched] : by_interface_) {
    wanted.servers = true;
    if (wants_sightings(*watched)) wanted.sightings.push_back(interface);
    if (watched->port.learning == Learning::Dhcp && learns_ipv6(watched->port)) wanted.neighbours.push_back(interface);
  }
  for (const auto& [index, link] : links_)
    if (link.kind == "bridge") wanted.bridges.push_back(index);
  wanted.muted.assign(muted_.begin(), muted_.end());
  listen_at_.reset();
  listened_at_ = now_;
  if (wanted == wanted_) return {};
  NWF_CHECK(capture_->want(wanted));
  wanted_ = std::move(wanted);
  return {};
}

void Learner::schedule_listen() {
  if (!listen_at_) listen_at_ = std::max(now_, listened_at_ + kListenEvery);
}

bool Learner::allowed(unsigned interface, bool guest) {
  const double rate = guest ? kGuestRate : kServerRate, burst = guest ? kGuestBurst : kServerBurst;
  auto [found, fresh] = allowances_.try_emplace(interface, Allowance{burst, now_, {}});
  Allowance& allowance = found->second;
  if (allowance.muted_until) return false;  // frames from before the filter was exchanged
  allowance.left = std::min(burst, allowance.left + rate * static_cast<double>(now_ - allowance.at) / kSecond);
  allowance.at = now_;
  if (allowance.left >= 1) {
    allowance.left -= 1;
    return true;
  }
  allowance.muted_until = now_ + kMuted;
  muted_.insert(interface);
  ++figures_.limited;
  listen_at_ = now_;
  return false;
}

Result<void> Learner::ready() {
  if (capture_ == nullptr) return {};
  now_ = clock_().boot;
  NWF_TRY(const std::size_t count, capture_->read(kFramesAtOnce, [this](const Frame& frame) { take(frame); }));
  figures_.frames += count;
  NWF_CHECK(deliver());
  if (listen_at_ && *listen_at_ <= now_) return listen();
  return {};
}

std::optional<Instant> Learner::next_deadline() const {
  std::optional<Instant> next = listen_at_;
  const auto sooner = [&](const std::optional<Instant>& at) {
    if (at && (!next || *at < *next)) next = at;
  };
  sooner(settle_at_);
  for (const unsigned interface : muted_) sooner(allowances_.at(interface).muted_until);
  if (!ends_.empty()) sooner(ends_.begin()->first);
  return next;
}

Result<void> Learner::tick() {
  now_ = clock_().boot;
  captured_.reset();
  std::erase_if(muted_, [&](unsigned interface) {
    Allowance& allowance = allowances_.at(interface);
    if (*allowance.muted_until > now_) return false;
    allowance = {kGuestBurst, now_, {}};
    listen_at_ = now_;
    return true;
  });
  for (const auto& [end, port] : ends_) {
    if (end > now_) break;
    add(watched_.at(port), learn::event::Elapsed{});
  }
  NWF_CHECK(deliver());
  if (settle_at_ && *settle_at_ <= now_) {
    settle_at_.reset();
    NWF_CHECK(host_.settle());
  }
  if (capture_ != nullptr && listen_at_ && *listen_at_ <= now_) return listen();
  return {};
}

void Learner::add(Watched& watched, learn::Event event) {
  if (captured_) heard_.try_emplace(watched.port.port, *captured_);
  events_.push_back({watched.port.port, std::move(event)});
}

Result<void> Learner::deliver() {
  if (events_.empty()) return {};
  const std::vector<PortEvent> events = std::exchange(events_, {});
  const std::map<std::string, std::int64_t> heard = std::exchange(heard_, {});
  NWF_TRY(const auto all, host_.believe(events));
  settle_at_ = now_ + kQuiet;
  for (const Believed& believed : all) {
    const auto watched = watched_.find(believed.port);
    if (watched == watched_.end()) continue;
    const bool had = wants_sightings(watched->second);
    watched->second.port.beliefs = believed.after;
    if (had != wants_sightings(watched->second)) schedule_listen();
    if (believed.error) {
      ++figures_.refused;
      // What has ended but cannot be taken away yet is tried again, not at once and for ever.
      if (const auto end = learn::next_end(believed.after); end && *end <= now_)
        for (learn::Belief& belief : watched->second.port.beliefs)
          if (belief.ends && *belief.ends <= now_) belief.ends = now_ + kSecond;
    }
    note_end(watched->second, learn::next_end(watched->second.port.beliefs));
    if (believed.changed) {
      ++figures_.learned;
      if (const auto first = heard.find(believed.port); first != heard.end())
        figures_.latency.add(microseconds_since(first->second));
      if (std::any_of(events.begin(), events.end(), [&](const PortEvent& event) {
            return event.port == believed.port && std::holds_alternative<learn::event::Elapsed>(event.event);
          }))
        ++figures_.ended;
    }
    if ((believed.changed || believed.error) && listener_) listener_(believed);
  }
  return {};
}

void Learner::take(const Frame& frame) {
  // Every frame is looked at once: where it came in, or where the host sent it.
  captured_ = frame.captured_nanoseconds;
  const auto link = links_.find(frame.interface);
  if (link == links_.end() || frame.outgoing != (link->second.kind == "bridge")) return;
  const auto guest = guests_.find(frame.interface);
  if (!allowed(frame.interface, guest != guests_.end())) return;
  if (guest != guests_.end())
    if (const auto watched = by_interface_.find(frame.interface);
        watched != by_interface_.end() && frame.sender == guest->second)
      from_guest(*watched->second, frame);
  if (const auto origin = origin_of(frame)) from_server(*origin, frame);
}

std::optional<Learner::Origin> Learner::origin_of(const Frame& frame) const {
  const netlink::Link& link = links_.at(frame.interface);
  Origin origin;
  origin.sender = frame.sender;
  if (frame.outgoing) {
    origin.bridge = frame.interface;
    return origin;
  }
  origin.bridge = static_cast<unsigned>(link.master);
  if (origin.bridge == 0) return std::nullopt;
  if (const auto guest = guests_.find(frame.interface); guest != guests_.end()) origin.guest = guest->second;
  origin.needs_naming = link.kind == "tun";
  return origin;
}

template <class Address>
bool Learner::trusts(const Watched& watched, const Origin& origin, const Address& server) {
  const auto& servers = watched.port.servers;
  const auto names = [&](const auto& address) {
    return std::any_of(servers.begin(), servers.end(), [&](const std::string& text) {
      const auto named = std::decay_t<decltype(address)>::parse(text);
      return named && *named == address;
    });
  };
  bool trusted = false;
  if (origin.guest)
    trusted = origin.sender == *origin.guest && names(origin.sender);
  else if (servers.empty())
    trusted = !origin.needs_naming;
  else
    trusted = names(origin.sender) || names(server);
  if (!trusted) ++figures_.untrusted;
  return trusted;
}

void Learner::from_guest(Watched& watched, const Frame& frame) {
  if (asked_dhcp(watched, frame) || asked_dhcpv6(watched, frame)) return;
  sighted(watched, frame);
}

void Learner::sighted(Watched& watched, const Frame& frame) {
  const auto seen = learn::sighting(frame.sender, frame.ether_type, frame.packet);
  if (!seen) return;
  const auto* six = std::get_if<Ipv6>(&seen->address);
  if (!learns(watched.port, six == nullptr ? "IP" : "IPV6")) return;
  if (watched.port.learning == Learning::Dhcp) {
    if (six != nullptr && seen->how == learn::Sighting::How::Neighbour) formed(watched, *six);
    return;
  }
  if (!wants_sightings(watched)) return;
  const auto source = [&] {
    switch (seen->how) {
      case learn::Sighting::How::Arp:
        return learn::Source::Arp;
      case learn::Sighting::How::Neighbour:
        return learn::Source::Nd;
      case learn::Sighting::How::Ip:
        break;
    }
    return learn::Source::Ip;
  };
  add(watched, learn::event::Sighted{seen->address, source()});
}

void Learner::formed(Watched& watched, const Ipv6& address) {
  const auto& beliefs = watched.port.beliefs;
  if (std::any_of(beliefs.begin(), beliefs.end(),
                  [&](const learn::Belief& b) { return b.address == learn::Address{address} && !b.is_prefix(); }))
    return;
  if (learn::is_link_local(address)) return add(watched, learn::event::Formed{address, std::nullopt, ""});
  const auto bridge = prefixes_.find(watched.bridge);
  if (bridge == prefixes_.end()) return;
  for (const Advertised& known : bridge->second) {
    if (!learn::is_in(address, known.prefix.address, known.prefix.length)) continue;
    if (known.ends && *known.ends <= now_) continue;
    if (!trusts(watched, {watched.bridge, known.guest, known.needs_naming, known.sender}, known.router)) continue;
    const std::uint32_t seconds =
        known.ends ? static_cast<std::uint32_t>((*known.ends - now_ + kSecond - 1) / kSecond) : learn::kForever;
    return add(watched, learn::event::Formed{address, seconds, known.router.text()});
  }
}

bool Learner::asked_dhcp(Watched& watched, const Frame& frame) {
  if (frame.ether_type != learn::kEtherIpv4) return false;
  const auto datagram = learn::udp_over_ipv4(frame.packet);
  if (!datagram || datagram->source_port != learn::kDhcpClientPort || datagram->target_port != learn::kDhcpServerPort)
    return false;
  const auto message = learn::parse_dhcp(datagram->payload);
  if (!message || message->from_server || message->client != watched.port.mac || !learns(watched.port, "IP"))
    return true;
  using Kind = learn::DhcpMessage::Kind;
  switch (message->kind) {
    case Kind::Discover:
    case Kind::Request:
      remember(watched.dhcp, Watched::Question{message->transaction, message->client_id});
      break;
    case Kind::Release:
      add(watched, learn::event::Returned{message->ciaddr, 32});
      break;
    case Kind::Decline:
      if (message->requested) add(watched, learn::event::Returned{*message->requested, 32});
      break;
    case Kind::Offer:
    case Kind::Ack:
    case Kind::Nak:
    case Kind::Inform:
      break;
  }
  return true;
}

bool Learner::asked_dhcpv6(Watched& watched, const Frame& frame) {
  if (frame.ether_type != learn::kEtherIpv6) return false;
  const auto datagram = learn::udp_over_ipv6(frame.packet);
  if (!datagram || datagram->target_port != learn::kDhcpv6ServerPort) return false;
  const auto message = learn::parse_dhcpv6(datagram->payload);
  if (!message || message->client.empty() || !learns_ipv6(watched.port)) return true;
  using Kind = learn::Dhcpv6Message::Kind;
  switch (message->kind) {
    case Kind::Solicit:
    case Kind::Request:
    case Kind::Renew:
    case Kind::Rebind:
      remember(watched.dhcpv6, Watched::Question{message->transaction, message->client});
      break;
    case Kind::Release:
    case Kind::Decline:
      for (const auto& lease : message->leases) add(watched, learn::event::Returned{lease.address, lease.prefix});
      break;
    case Kind::Advertise:
    case Kind::Confirm:
    case Kind::Reply:
    case Kind::Reconfigure:
    case Kind::Information:
      break;
  }
  return true;
}

void Learner::from_server(const Origin& origin, const Frame& frame) {
  if (frame.ether_type == learn::kEtherIpv4) return answered_dhcp(origin, frame);
  if (frame.ether_type != learn::kEtherIpv6) return;
  answered_dhcpv6(origin, frame);
  advertised(origin, frame);
}

void Learner::answered_dhcp(const Origin& origin, const Frame& frame) {
  const auto datagram = learn::udp_over_ipv4(frame.packet);
  if (!datagram || datagram->source_port != learn::kDhcpServerPort || datagram->target_port != learn::kDhcpClientPort)
    return;
  const auto message = learn::parse_dhcp(datagram->payload);
  if (!message || !message->from_server || message->kind == learn::DhcpMessage::Kind::Offer) return;
  const auto [first, last] = by_mac_.equal_range(message->client);
  for (auto at = first; at != last; ++at) {
    Watched& watched = *at->second;
    if (watched.bridge != origin.bridge || !learns(watched.port, "IP")) continue;
    if (!trusts(watched, origin, datagram->source)) continue;
    std::vector<std::uint8_t> client = message->client_id;
    if (client.empty())
      for (const auto& question : watched.dhcp)
        if (question.transaction == message->transaction) client = question.client;
    if (message->kind == learn::DhcpMessage::Kind::Nak)
      add(watched, learn::event::Denied{hexadecimal(client)});
    else if (message->lease_seconds && *message->lease_seconds != 0)
      add(watched, learn::event::Leased{message->yiaddr, 32, *message->lease_seconds, datagram->source.text(),
                                        hexadecimal(client)});
  }
}

void Learner::answered_dhcpv6(const Origin& origin, const Frame& frame) {
  const auto datagram = learn::udp_over_ipv6(frame.packet);
  if (!datagram || datagram->source_port != learn::kDhcpv6ServerPort ||
      datagram->target_port != learn::kDhcpv6ClientPort)
    return;
  const auto message = learn::parse_dhcpv6(datagram->payload);
  if (!message || message->kind != learn::Dhcpv6Message::Kind::Reply || message->refused) return;
  for (auto& [interface, watched] : by_interface_) {
    if (watched->bridge != origin.bridge || !learns_ipv6(watched->port)) continue;
    // A reply says whose it is by the question: the transaction and the client's identifier, from this very port.
    const bool its = std::any_of(watched->dhcpv6.begin(), watched->dhcpv6.end(), [&](const auto& question) {
      return question.transaction == message->transaction && question.client == message->client;
    });
    if (!its || !trusts(*watched, origin, datagram->source)) continue;
    for (const auto& lease : message->leases)
      if (learns(watched->port, lease.prefix == 128 ? "IPV6" : "IPV6_PREFIX"))
        add(*watched, learn::event::Leased{lease.address, lease.prefix, lease.valid_seconds, datagram->source.text(),
                                           hexadecimal(message->client)});
  }
}

void Learner::advertised(const Origin& origin, const Frame& frame) {
  const auto message = learn::parse_advertisement(frame.packet);
  if (!message) return;
  // What guests without a name for it advertise is nobody's word: it must not take the place of a router's.
  const bool named = std::any_of(watched_.begin(), watched_.end(), [&](const auto& one) {
    return one.second.bridge == origin.bridge && learns(one.second.port, "IPV6") &&
           one.second.port.learning == Learning::Dhcp && trusts(one.second, origin, message->router);
  });
  if (!named) return;
  auto& known = prefixes_[origin.bridge];
  for (const auto& prefix : message->prefixes) {
    const auto ends = prefix.valid_seconds == learn::kForever
                          ? std::optional<Instant>{}
                          : std::optional<Instant>{now_ + kSecond * prefix.valid_seconds};
    std::erase_if(known, [&](const Advertised& other) {
      return (other.ends && *other.ends <= now_) ||
             (other.prefix.address == prefix.address && other.prefix.length == prefix.length &&
              other.router == message->router);
    });
    if (known.size() < kPrefixesOfBridge)
      known.push_back({prefix, message->router, origin.sender, ends, origin.needs_naming, origin.guest});
    for (auto& [interface, watched] : by_interface_) {
      if (watched->bridge != origin.bridge || watched->port.learning != Learning::Dhcp) continue;
      const bool has = std::any_of(watched->port.beliefs.begin(), watched->port.beliefs.end(), [&](const auto& belief) {
        const auto* address = std::get_if<Ipv6>(&belief.address);
        return belief.source == learn::Source::Ra && address != nullptr &&
               learn::is_in(*address, prefix.address, prefix.length);
      });
      if (has && trusts(*watched, origin, message->router))
        add(*watched, learn::event::Advertised{prefix.address, prefix.length, prefix.valid_seconds});
    }
  }
}

}  // namespace nwf::host
