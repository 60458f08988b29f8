// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/rulesets.h"

#include <fmt/format.h>

#include <cstdio>

#include "host/firewall.h"
#include "netlink/nftables/backend.h"
#include "tests/bench/clean_traffic.h"

namespace nwf::bench {
namespace {

Result<void> nft(const std::string& text) {
  FILE* pipe = popen("nft -f -", "w");
  if (pipe == nullptr) return fail(ErrorKind::Kernel, "cannot start nft");
  fwrite(text.data(), 1, text.size(), pipe);
  if (pclose(pipe) != 0) return fail(ErrorKind::Kernel, "nft refused a ruleset");
  return {};
}

/// One ruleset through nwf itself.
class Ours {
 public:
  static Result<std::shared_ptr<Ours>> make(LowerOptions options) {
    NWF_TRY(auto backend, netlink::open_nftables());
    NWF_TRY(const Capabilities capabilities, backend->capabilities());
    return std::make_shared<Ours>(std::move(backend), capabilities, options);
  }
  Ours(std::unique_ptr<Backend> backend, const Capabilities& capabilities, LowerOptions options)
      : backend_(std::move(backend)),
        programs_(filters_.lookup(), capabilities, options),
        firewall_(*backend_, std::nullopt) {}

  Result<void> bind(std::size_t ports) {
    std::vector<Binding> bindings;
    for (std::size_t i = 0; i < ports; ++i) bindings.push_back(clean_traffic_binding(i));
    NWF_TRY(const auto done, firewall_.reconcile(bindings, programs_));
    if (!done.closed.empty()) return fail(done.closed[0].why);
    return {};
  }

 private:
  std::unique_ptr<Backend> backend_;
  StockFilters filters_;
  host::Programs programs_;
  host::Firewall firewall_;
};

Result<Subject> our_subject(std::string what, std::size_t ports, LowerOptions options) {
  NWF_TRY(const auto ours, Ours::make(options));
  return Subject{std::move(what), ports, [ours, ports] { return ours->bind(ports); }, [ours] { return ours->bind(0); }};
}

}  // namespace

Subject nft_subject(std::string what, std::size_t ports, std::string text) {
  return {std::move(what), ports, [text = std::move(text)] { return nft(text); }, [] { return nft("flush ruleset"); }};
}

namespace {

/// What differs between the rulesets written by hand.
struct ByHand {
  std::string_view port_in = "iifname", port_out = "oifname", port_type = "ifname";
  std::string_view size;  ///< of the sets: with one, the kernel takes a table that does not grow
  bool lookup_first = false;
};

std::string elements(std::size_t ports, bool by_number, bool with_values) {
  std::string text;
  for (std::size_t i = 0; i < ports; ++i) {
    const Binding b = clean_traffic_binding(i);
    if (!text.empty()) text += ", ";
    // Only the one port is there; the others have numbers that nobody else has.
    text += by_number && i > 0 ? fmt::format("{}", 1'000'000 + i) : fmt::format("\"{}\"", b.port.text());
    if (with_values) text += fmt::format(" . {} . {}", b.mac.text(), b.variables.at("IP")[0]);
  }
  return text;
}

/// clean-traffic's common path and no more, as short as it can be said.
std::string clean_traffic_by_hand(std::size_t ports, const ByHand& how) {
  const bool by_number = how.port_type == "iface_index";
  const std::string lookup = fmt::format("ether type ip {} . ether saddr . ip saddr @values accept", how.port_in);
  return fmt::format(
      "table bridge t {{\n"
      "set ports {{ type {}; {} elements = {{ {} }} }}\n"
      "set values {{ type {} . ether_addr . ipv4_addr; {} elements = {{ {} }} }}\n"
      "chain out {{ {}; ether type arp accept; drop; }}\n"
      "chain in {{ ether type ip accept; ether type arp accept; drop; }}\n"
      "chain pre {{ type filter hook prerouting priority -300; {} {} @ports goto out; }}\n"
      "chain post {{ type filter hook postrouting priority 300; {} @ports goto in; }}\n"
      "}}\n",
      how.port_type, how.size, elements(ports, by_number, false), how.port_type, how.size,
      elements(ports, by_number, true), lookup, how.lookup_first ? lookup + ";" : "", how.port_in, how.port_out);
}

std::string dispatch_alone(std::size_t ports) {
  return fmt::format(
      "table bridge t {{\n"
      "set ports {{ type ifname; elements = {{ {} }} }}\n"
      "chain pre {{ type filter hook prerouting priority -300; iifname @ports accept; }}\n"
      "chain post {{ type filter hook postrouting priority 300; oifname @ports accept; }}\n"
      "}}\n",
      elements(ports, false, false));
}

constexpr std::string_view kEmptyChains =
    "table bridge t {\n"
    "chain pre { type filter hook prerouting priority -300; }\n"
    "chain post { type filter hook postrouting priority 300; }\n"
    "}\n";

/// Hooks of the port itself: no other port's frames meet them, and no port has to be looked up.
std::string port_bound(std::size_t ports) {
  return fmt::format(
      "table netdev t {{\n"
      "set values {{ type ifname . ether_addr . ipv4_addr; elements = {{ {} }} }}\n"
      "chain out {{ type filter hook ingress device {} priority 0; "
      "ether type ip iifname . ether saddr . ip saddr @values accept; ether type arp accept; drop; }}\n"
      "chain in {{ type filter hook egress device {} priority 0; ether type ip accept; ether type arp accept; drop; "
      "}}\n"
      "}}\n",
      elements(ports, false, true), kPort, kPort);
}

/// All passes but one.
struct Without {
  std::string_view name;
  bool Optimisations::*pass;
};
constexpr Without kPasses[] = {
    {"fast_accept", &Optimisations::fast_accept},     {"by_ethertype", &Optimisations::by_ethertype},
    {"implied_tests", &Optimisations::implied_tests}, {"merge_values", &Optimisations::merge_values},
    {"join_members", &Optimisations::join_members},   {"empty_chains", &Optimisations::empty_chains},
};

}  // namespace

Result<std::vector<Subject>> all_subjects(bool steps) {
  constexpr std::size_t kMost = 5'000;
  std::vector<Subject> all;
  for (const std::size_t ports : {std::size_t{1}, std::size_t{100}, std::size_t{1'000}, kMost}) {
    NWF_TRY(auto ours, our_subject("nwf, clean-traffic", ports, {}));
    all.push_back(std::move(ours));
  }
  if (!steps) return all;
  LowerOptions options;
  options.optimise = Optimisations::none();
  NWF_TRY(auto plain, our_subject("nwf, without any pass", kMost, options));
  all.push_back(std::move(plain));
  for (const Without& without : kPasses) {
    options.optimise = {};
    options.optimise.*without.pass = false;
    NWF_TRY(auto ours, our_subject(fmt::format("nwf, without {}", without.name), kMost, options));
    all.push_back(std::move(ours));
  }
  all.push_back(nft_subject("by hand: two base chains, empty", 0, std::string(kEmptyChains)));
  all.push_back(nft_subject("by hand: and a set of port names", kMost, dispatch_alone(kMost)));
  all.push_back(nft_subject("by hand: and one lookup of name, MAC and IP", kMost, clean_traffic_by_hand(kMost, {})));
  all.push_back(nft_subject("  with sets of a given size", kMost,
                            clean_traffic_by_hand(kMost, {"iifname", "oifname", "ifname", "size 8192;", false})));
  all.push_back(nft_subject("  with interface numbers for names", kMost,
                            clean_traffic_by_hand(kMost, {"iif", "oif", "iface_index", "", false})));
  all.push_back(nft_subject("  with both", kMost,
                            clean_traffic_by_hand(kMost, {"iif", "oif", "iface_index", "size 8192;", false})));
  all.push_back(nft_subject("  with the lookup before the set of ports", kMost,
                            clean_traffic_by_hand(kMost, {"iifname", "oifname", "ifname", "", true})));
  all.push_back(nft_subject("by hand: hooks of the port itself (netdev)", kMost, port_bound(kMost)));
  return all;
}

}  // namespace nwf::bench
