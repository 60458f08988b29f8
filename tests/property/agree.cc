// SPDX-License-Identifier: GPL-2.0-or-later
// Random filters on a real bridge, random packets through them: the kernel and the simulator must agree on each. So
// must the simulator with the program as it was before any pass over it (engine/program/optimise): a pass changes no
// verdict. Every other tree comes by edits under a port that is bound already; after each change the kernel must hold
// what computing it all anew gives.
//
//   nwf-property [--packets N] [--minutes N] [--seed N] [--passes all|none|random]
//   nwf-property --backend NAME --trees N [--seed N]     changes alone, by another backend; no packets
//
// Without --passes, one tree goes with all passes, the next with none, the next with some. With NWFD in the environment
// a daemon binds them, with all passes. The same seed gives the same filters and packets. A disagreement is shrunk
// before it is shown. Root; a namespace of its own.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

#include "engine/program/optimise/optimise.h"
#include "engine/ruleset/diff.h"
#include "engine/simulate/backend.h"
#include "host/firewall.h"
#include "host/host.h"
#include "netlink/nftables/backend.h"
#include "tests/harness/network.h"
#include "tests/harness/scratch.h"
#include "tests/netns/running_daemon.h"
#include "tests/property/random_filter.h"
#include "tests/property/random_packet.h"
#include "tests/property/shrink.h"
#include "xml/write.h"

namespace nwf::test {
namespace {

constexpr const char* kGuest = "vnet0";
constexpr const char* kLan = "lan0";
constexpr const char* kOther = "vnet1";  ///< nothing comes from it: its rules are beside the guest's
constexpr std::size_t kPacketsOfATree = 60;

struct Disagreement {
  std::size_t packet;
  bool kernel_passes;
  simulate::Judgement simulated;
  bool before_passes = false;  ///< it was the program before the passes that was simulated
};

std::size_t expressions(const Ruleset& ruleset) {
  std::size_t all = 0;
  for (const auto& [family, table] : ruleset.tables)
    for (const auto& [name, chain] : table.chains)
      for (const Rule& rule : chain.rules) all += rule.expressions.size();
  return all;
}

/// A bridge with two ports, one of them guarded by the kernel, beside a simulator with the same ruleset.
class Wire {
 public:
  static Result<Wire> lay(const host::Options& options) {
    NWF_CHECK(enter_new_namespace());
    NWF_CHECK(make_bridge("br0"));
    NWF_CHECK(forget_addresses("br0"));
    NWF_TRY(Tap guest, Tap::open(kGuest));
    NWF_TRY(Tap lan, Tap::open(kLan));
    NWF_CHECK(add_port("br0", kGuest));
    NWF_CHECK(add_port("br0", kLan));
    NWF_TRY(auto backend, netlink::open_nftables());
    Wire wire(std::move(guest), std::move(lan), options, std::move(backend));
    if (const char* program = std::getenv("NWFD")) {
      NWF_TRY(wire.daemon_, RunningDaemon::start(program, options.root));
    }
    return wire;
  }

  /// Without a filter everything arrives.
  Result<void> check_unfiltered(Dice& dice) {
    for (std::uint32_t i = 0; i < 300; ++i) {
      const RandomPacket packet = random_packet(dice, i);
      NWF_TRY(const bool came, passes(packet, true));
      if (!came) return fail(ErrorKind::Kernel, "lost without any filter: " + packet.text);
    }
    return forget_connections();
  }

  /// The first packet on which the two differ. Errors: Unsupported and the like when the tree cannot be bound.
  Result<std::optional<Disagreement>> run(const Case& c) {
    NWF_TRY(const auto service, open_service(c));
    auto found = judge(c, *service);
    bound = found && !*found && c.stays_bound;
    if (!bound)
      for (const char* port : {kGuest, kOther}) (void)service->binding_delete(port);
    return found;
  }

  std::size_t passed = 0, stopped = 0;
  std::size_t changed = 0;  ///< trees whose rules the passes made shorter or longer
  bool bound = false;
  std::vector<std::string> out_of_sync;  ///< what the kernel should have held after the last change, and did not

 private:
  Wire(Tap guest, Tap lan, host::Options options, std::unique_ptr<Backend> backend)
      : guest_(std::move(guest)), lan_(std::move(lan)), options_(std::move(options)), backend_(std::move(backend)) {}

  Result<std::optional<Disagreement>> judge(const Case& c, host::Service& service) {
    for (auto filter = c.tree.filters.rbegin(); filter != c.tree.filters.rend(); ++filter)
      NWF_CHECK(service.filter_define(xml::write_filter(*filter), filter->name));
    Binding binding{{}, *PortName::parse(kGuest), *Mac::parse(pool::kMacs[0]), c.tree.filters[0].name, c.tree.variables,
                    {}};
    Binding other{
        {}, *PortName::parse(kOther), *Mac::parse(pool::kMacs[1]), c.tree.filters.back().name, c.tree.variables, {}};
    NWF_CHECK(service.apply({{"binding", xml::write_binding(binding)}, {"other", xml::write_binding(other)}}, {}));
    NWF_TRY(const host::Status status, service.status());
    out_of_sync = status.differences;
    if (options_.backend) return std::nullopt;
    NWF_TRY(const Held held, backend_->read());
    NWF_TRY(const Capabilities capabilities, backend_->capabilities());
    simulate::SimulatedKernel simulator(capabilities);
    NWF_CHECK(simulator.apply(diff({}, held.ruleset), std::nullopt));
    simulate::SimulatedKernel before_passes(capabilities);
    NWF_TRY(const host::Wanted plain, without_passes(c, {binding, other}, capabilities));
    NWF_CHECK(before_passes.apply(diff({}, plain.ruleset), std::nullopt));
    // A flow that stops nothing may ask for more than this kernel has, and go without: nothing to compare with then.
    const bool comparable = plain.closed.empty();
    if (comparable && expressions(held.ruleset) != expressions(plain.ruleset)) ++changed;
    NWF_CHECK(forget_connections());
    std::optional<Disagreement> found;
    for (std::size_t i = 0; i < c.packets.size() && !found; ++i) {
      const RandomPacket& packet = c.packets[i];
      auto simulated = simulator.judge(
          {packet.frame, packet.from_guest ? kGuest : kLan, packet.from_guest ? kLan : kGuest, false, false});
      NWF_TRY(const bool came, passes(packet, simulated.outcome == simulate::Outcome::Pass));
      ++(came ? passed : stopped);
      auto simulated_plain = before_passes.judge(
          {packet.frame, packet.from_guest ? kGuest : kLan, packet.from_guest ? kLan : kGuest, false, false});
      if (came != (simulated.outcome == simulate::Outcome::Pass))
        found = Disagreement{i, came, std::move(simulated)};
      else if (comparable && came != (simulated_plain.outcome == simulate::Outcome::Pass))
        found = Disagreement{i, came, std::move(simulated_plain), true};
    }
    return found;
  }

  Result<std::unique_ptr<host::Service>> open_service(const Case& c) const {
    if (daemon_ != nullptr) return daemon_->connect();
    host::Options options = options_;
    options.optimise = c.passes;
    return host::open(options);
  }

  static Result<host::Wanted> without_passes(const Case& c, const std::vector<Binding>& bindings,
                                             const Capabilities& capabilities) {
    const FilterLookup lookup = [&](const std::string& name) -> Result<std::shared_ptr<const Filter>> {
      for (const Filter& filter : c.tree.filters)
        if (filter.name == name) return std::make_shared<const Filter>(filter);
      return nullptr;
    };
    LowerOptions options;
    options.optimise = Optimisations::none();
    host::Programs programs(lookup, capabilities, options);
    return host::wanted_ruleset(bindings, programs, {});
  }

  /// Sending mostly ends after the other side has the frame. A queue that another processor is just emptying hands over
  /// late, though: what is `expected` is waited for.
  Result<bool> passes(const RandomPacket& packet, bool expected) {
    Tap& from = packet.from_guest ? guest_ : lan_;
    Tap& to = packet.from_guest ? lan_ : guest_;
    from.drain();
    to.drain();
    NWF_CHECK(from.send(packet.frame));
    return arrives(to, packet.tag, expected ? frame_patience() : std::chrono::milliseconds(0));
  }

  Tap guest_, lan_;
  host::Options options_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<RunningDaemon> daemon_;
};

Optimisations some_passes(Dice& dice) {
  Optimisations some;
  for (bool* pass : {&some.fast_accept, &some.by_ethertype, &some.implied_tests, &some.merge_values, &some.join_members,
                     &some.empty_chains})
    *pass = dice.chance(50);
  return some;
}

std::string text_of(const Optimisations& passes) {
  std::string text;
  const auto add = [&](bool on, std::string_view name) {
    if (on) text += fmt::format(" {}", name);
  };
  add(passes.fast_accept, "fast_accept");
  add(passes.by_ethertype, "by_ethertype");
  add(passes.implied_tests, "implied_tests");
  add(passes.merge_values, "merge_values");
  add(passes.join_members, "join_members");
  add(passes.empty_chains, "empty_chains");
  return text.empty() ? " none" : text;
}

void show(const Case& c, const Disagreement& d) {
  for (const Filter& filter : c.tree.filters) fmt::print("{}", xml::write_filter(filter));
  for (const auto& [name, values] : c.tree.variables) fmt::print("${} = {}\n", name, fmt::join(values, ", "));
  for (const RandomPacket& packet : c.packets) fmt::print("{}\n  {:02x}\n", packet.text, fmt::join(packet.frame, ""));
  fmt::print("passes:{}\n", text_of(c.passes));
  fmt::print("the kernel {} the last of them, the simulator {} it{}:\n", d.kernel_passes ? "passes" : "stops",
             d.simulated.outcome == simulate::Outcome::Pass ? "passes" : "stops",
             d.before_passes ? ", by the program before the passes" : "");
  for (const simulate::Decision& decision : d.simulated.decisions)
    fmt::print("  {}: {} in {}\n", decision.base_chain, decision.origin.empty() ? "nobody decides" : decision.origin,
               decision.chain);
}

struct Arguments {
  std::size_t packets = 20'000;
  std::size_t minutes = 0;
  std::size_t trees = 0;
  std::string backend;
  std::uint64_t seed = 1;
  std::string passes;
};

Optimisations passes_of(const Arguments& arguments, std::size_t tree, Dice& dice) {
  if (std::getenv("NWFD") != nullptr) return {};
  if (arguments.passes == "all" || (arguments.passes.empty() && tree % 3 == 0)) return {};
  if (arguments.passes == "none" || (arguments.passes.empty() && tree % 3 == 1)) return Optimisations::none();
  return some_passes(dice);
}

int run(const Arguments& arguments) {
  const auto root = make_scratch_directory();
  if (!root) {
    fmt::print("skipped: needs root: {}\n", describe(root.error()));
    return 77;
  }
  host::Options options;
  options.root = *root;
  if (!arguments.backend.empty()) {
    const auto backend = host::parse_backend(arguments.backend);
    if (!backend) {
      fmt::print("{}\n", describe(backend.error()));
      return 1;
    }
    options.backend = *backend;
  }
  auto wire = Wire::lay(options);
  Dice dice(arguments.seed);
  if (wire)
    if (const auto checked = wire->check_unfiltered(dice); !checked) wire = fail(checked.error());
  if (!wire) {
    fmt::print("{}\n", describe_all(wire.error()));
    return 1;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(arguments.minutes);
  std::uint32_t number = 1000;
  std::size_t trees = 0, refused = 0;
  const auto more = [&] {
    // Where the backend can do nothing, every tree is refused.
    if (arguments.trees > 0) return trees < arguments.trees && refused < 10 * arguments.trees;
    return arguments.minutes > 0 ? std::chrono::steady_clock::now() < end
                                 : wire->passed + wire->stopped < arguments.packets;
  };
  Optimisations passes;
  std::map<std::string, std::size_t> reasons;
  while (more()) {
    // What a bound port was compiled with stays.
    if (!wire->bound) passes = passes_of(arguments, trees + refused, dice);
    Case c{random_tree(dice), {}, passes, dice.chance(50)};
    while (c.packets.size() < kPacketsOfATree) {
      c.packets.push_back(random_packet(dice, number++));
      const auto reply = reply_to(c.packets.back(), number);
      if (reply && dice.chance(50)) {
        c.packets.push_back(*reply);
        ++number;
      }
    }
    const auto found = wire->run(c);
    if (!wire->out_of_sync.empty()) {
      fmt::print("seed {}, tree {}: the kernel does not hold what the state says: {}\n", arguments.seed,
                 trees + refused, fmt::join(wire->out_of_sync, "; "));
      return 1;
    }
    if (!found) {
      ++refused;
      ++reasons[found.error().message];
      continue;
    }
    ++trees;
    if (!*found) continue;
    c.packets.resize((*found)->packet + 1);
    fmt::print("seed {}, tree {}: a disagreement on {}\nshrinking…\n", arguments.seed, trees + refused,
               c.packets.back().text);
    std::optional<Disagreement> last = **found;
    const Case small = shrink(c, [&](const Case& next) {
      auto again = wire->run(next);
      if (!again || !*again || (*again)->packet + 1 != next.packets.size()) return false;
      last = **again;
      return true;
    });
    show(small, *last);
    return 1;
  }
  for (const auto& [reason, times] : reasons) fmt::print("{:6} × {}\n", times, reason);
  fmt::print(
      "seed {}: {} trees ({} refused, {} changed by passes), {} packets, {} passed and {} stopped: agreed on all\n",
      arguments.seed, trees, refused, wire->changed, wire->passed + wire->stopped, wire->passed, wire->stopped);
  if (arguments.trees > 0) return trees < arguments.trees ? 1 : 0;
  // A test of filters that stop nothing, or everything, says nothing.
  return wire->passed * 10 > wire->stopped && wire->stopped * 10 > wire->passed ? 0 : 1;
}

}  // namespace
}  // namespace nwf::test

int main(int argc, char** argv) {
  nwf::test::Arguments arguments;
  for (int i = 1; i + 1 < argc; i += 2) {
    const auto value = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--packets") == 0) arguments.packets = value;
    if (std::strcmp(argv[i], "--minutes") == 0) arguments.minutes = value;
    if (std::strcmp(argv[i], "--trees") == 0) arguments.trees = value;
    if (std::strcmp(argv[i], "--backend") == 0) arguments.backend = argv[i + 1];
    if (std::strcmp(argv[i], "--seed") == 0) arguments.seed = value;
    if (std::strcmp(argv[i], "--passes") == 0) arguments.passes = argv[i + 1];
  }
  return nwf::test::run(arguments);
}
