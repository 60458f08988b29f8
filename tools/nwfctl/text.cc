// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <utility>

#include "tools/nwfctl/table.h"

namespace nwf::tools {
namespace {

constexpr std::string_view kRed = "31";
constexpr std::string_view kYellow = "33";
constexpr std::string_view kGreen = "32";

std::string paint(std::string_view text, std::string_view code, Style style) {
  return style.color ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

std::string bold(std::string_view text, Style style) { return paint(text, "1", style); }

/// Two units at most: 45s, 1m 30s, 2h 5m, 3d 4h.
std::string duration(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour;
  if (seconds < kMinute) return fmt::format("{}s", seconds);
  if (seconds < kHour) return fmt::format("{}m {}s", seconds / kMinute, seconds % kMinute);
  if (seconds < kDay) return fmt::format("{}h {}m", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{}d {}h", seconds / kDay, seconds % kDay / kHour);
}

class Printer {
 public:
  Printer(Style style, Style talk_style) : style_(style), talk_style_(talk_style) {}

  void operator()(const FiltersDefined& v) {
    for (const DefinedFile& done : v.files) {
      say("Network filter {} defined from {}", done.result.filter.name, done.file);
      defined(done.result);
    }
  }
  void operator()(const FilterUndefined& v) { say("Network filter {} undefined", v.filter.name); }
  void operator()(const FilterList& v) {
    auto filters = v.filters;
    std::ranges::sort(filters, {}, &host::FilterSummary::name);
    Table table({"UUID", "Name"});
    for (const auto& filter : filters) table.add({filter.uuid.text(), filter.name});
    print(table);
  }
  void operator()(const FilterEdited& v) {
    if (!v.result) return say("Network filter {} XML configuration not changed.", v.name);
    say("Network filter {} XML configuration edited.", v.name);
    defined(*v.result);
  }
  void operator()(const FilterValid& v) {
    say("{} is valid", v.file);
    warn(v.warnings);
  }
  void operator()(const BindingCreated& v) {
    say("Network filter binding on {} created from {}", v.result.binding.port, v.file);
    bound(v.result);
  }
  void operator()(const BindingDeleted& v) { say("Network filter binding on {} deleted", v.binding.port); }
  void operator()(const BindingList& v) {
    Table table({"Port Dev", "Filter"});
    for (const auto& binding : sorted(v.bindings)) table.add({binding.port, binding.filter});
    print(table);
  }
  void operator()(const DropList& v) {
    Table table({"Port Dev", "Layer", "Direction", "Packets", "Bytes", "Rule"});
    for (const host::PortDrops& drop : v.drops)
      table.add({drop.port, drop.layer == Layer::Ethernet ? "ethernet" : "inet",
                 drop.direction == Direction::Out ? "out" : "in", fmt::format("{}", drop.packets),
                 fmt::format("{}", drop.bytes), drop.rule});
    print(table);
  }
  void operator()(const LearnedList& v) {
    Table table({"Port Dev", "Variable", "Address", "Source", "Server", "Age", "Lease ends"});
    for (const auto& a : v.addresses)
      table.add({a.port, a.variable, a.address, a.source, a.server, duration(a.age_seconds),
                 a.lease_seconds ? "in " + duration(*a.lease_seconds) : "never"});
    print(table);
  }
  void operator()(const LearnedForgotten& v) {
    for (const auto& a : v.addresses) say("Port {} has forgotten {}", v.port, a.address);
    if (v.addresses.empty()) say("Port {} had learned nothing", v.port);
  }
  void operator()(const LearnedGiven& v) {
    for (const auto& a : v.addresses) say("Port {} has {}", v.port, a.address);
  }
  void operator()(const VariablesSet& v) {
    say("Network filter binding on {} updated", v.result.binding.port);
    bound(v.result);
  }
  void operator()(const NetworkDefined& v) {
    say("Network {} defined from {}", v.result.network.name, v.file);
    changed(v.result);
  }
  void operator()(const NetworkEdited& v) {
    if (!v.result) return say("Network {} XML configuration not changed.", v.name);
    say("Network {} XML configuration edited.", v.name);
    changed(*v.result);
  }
  void operator()(const NetworkDone& v) {
    say("Network {} {}", v.network.name, v.what);
    warn(v.warnings);
    if (!v.network.degraded.empty()) warn({v.network.degraded});
  }
  void operator()(const NetworkList& v) {
    Table table({"Name", "State", "Autostart", "Persistent"});
    for (const auto& network : v.networks)
      table.add({network.name, std::string(state_of(network)), network.autostart ? "yes" : "no",
                 network.persistent ? "yes" : "no"});
    print(table);
  }
  void operator()(const host::NetworkSummary& v) {
    say("Name:           {}", v.name);
    say("UUID:           {}", v.uuid.text());
    say("Active:         {}", v.active ? "yes" : "no");
    say("Persistent:     {}", v.persistent ? "yes" : "no");
    say("Autostart:      {}", v.autostart ? "yes" : "no");
    say("Forward:        {}", forward_mode_name(v.mode));
    if (!v.bridge.empty()) say("Bridge:         {}", v.bridge);
    if (!v.degraded.empty()) say("Degraded:       {}", v.degraded);
  }
  void operator()(const LeaseList& v) {
    Table table({"Expiry Time", "MAC address", "Protocol", "IP address", "Hostname", "Client ID or DUID"});
    const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : printable(text); };
    for (const Lease& lease : v.leases)
      table.add({time_of(lease.expires), lease.mac ? lease.mac->text() : "-", lease.ip.is_ipv6() ? "ipv6" : "ipv4",
                 fmt::format("{}/{}", lease.ip.text(), lease.prefix), or_dash(lease.host_name),
                 or_dash(lease.client_id)});
    print(table);
  }
  void operator()(const XmlText& v) {
    text_.out += v.xml;
    if (!v.xml.ends_with('\n')) text_.out += '\n';
  }
  void operator()(const Exported& v) {
    const bool several = (v.ip && v.ip6) || (v.ip && v.ethernet) || (v.ip6 && v.ethernet);
    const auto part = [&](bool asked, std::string_view program, const std::string& text) {
      if (!asked || text.empty()) return;
      if (several) say("# {} --noflush", program);
      text_.out += text;
    };
    part(v.ip, "iptables-restore", v.tables.ip);
    part(v.ip6, "ip6tables-restore", v.tables.ip6);
    part(v.ethernet, "ebtables-restore", v.tables.ethernet);
  }
  void operator()(const BackendInForce& v) { say("{}{}", v.chosen ? "In force: " : "", v.name); }
  void operator()(const Reconciled& v) {
    if (v.changes == 0) return say("The kernel already holds what the state says");
    say("The kernel now holds what the state says: {} {} sent", v.changes, v.changes == 1 ? "change" : "changes");
  }

  void operator()(const host::Event& v) {
    // Local time: it is read beside other logs of this machine.
    const std::time_t seconds = static_cast<std::time_t>(v.time_us / 1'000'000);
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char clock[16];
    const std::size_t size = std::strftime(clock, sizeof clock, "%H:%M:%S", &parts);
    const bool bad = v.kind == host::EventKind::Refused || v.kind == host::EventKind::Healed;
    say("{}.{:06}  {}  {}", std::string_view(clock, size), v.time_us % 1'000'000,
        paint(fmt::format("{:<13}", host::event_name(v.kind)), bad ? kYellow : kGreen, style_), printable(v.text));
  }
  void operator()(const Top& v) {
    const double seconds = std::max(1e-3, static_cast<double>(v.now.uptime_us - v.before.uptime_us) / 1e6);
    const auto rate = [&](std::uint64_t now, std::uint64_t before) {
      return now < before ? 0.0 : static_cast<double>(now - before) / seconds;
    };
    const auto count = [](const host::Figures& figures, const char* kind) {
      const auto found = figures.events.find(kind);
      return found == figures.events.end() ? std::uint64_t{0} : found->second;
    };
    if (v.on_terminal) text_.out += "\033[H\033[J";
    say("nwfd {}, up {} s, {:.1f} MiB, {} clients; tables {}", v.now.version, v.now.uptime_us / 1'000'000,
        static_cast<double>(v.now.resident_bytes) / (1 << 20), v.now.clients, v.now.tables);
    const host::Latency& t = v.now.transactions;
    const auto within = [&](double share) {
      const auto us = t.quantile_us(share);
      return us ? fmt::format("within {} µs", *us) : fmt::format("in more than {} µs", host::kLatencyClasses.back());
    };
    say("transactions: {} ({:.1f}/s), half {}, 99 % {}; {} refused by the kernel", t.count,
        rate(t.count, v.before.transactions.count), within(0.5), within(0.99), v.now.transactions_refused);
    say("healed: {}, refused: {}, learned: {}, expired: {}", count(v.now, "healed"), count(v.now, "refused"),
        count(v.now, "learned"), count(v.now, "expired"));
    say("");
    std::map<std::string, std::uint64_t> dropped, dropped_earlier;
    for (const host::PortDrops& drop : v.now.drops) dropped[drop.port] += drop.packets;
    for (const host::PortDrops& drop : v.before.drops) dropped_earlier[drop.port] += drop.packets;
    std::map<std::string, const host::PortFigures*> earlier;
    for (const auto& port : v.before.ports) earlier.emplace(port.port, &port);
    auto ports = v.now.ports;
    std::ranges::sort(ports, {}, &host::PortFigures::port);
    Table table({"Port Dev", "Filter", "Bridge", "Sent/s", "kbit/s", "Received/s", "kbit/s", "Dropped/s"});
    for (const host::PortFigures& port : ports) {
      const auto before = earlier.find(port.port);
      const host::PortFigures& then = before == earlier.end() ? port : *before->second;
      if (!port.there) {
        table.add({port.port, port.filter, "waiting", "", "", "", "", ""});
        continue;
      }
      table.add({port.port, port.filter, port.bridge.empty() ? "-" : port.bridge,
                 fmt::format("{:.0f}", rate(port.frames_out, then.frames_out)),
                 fmt::format("{:.1f}", rate(port.bytes_out, then.bytes_out) * 8 / 1000),
                 fmt::format("{:.0f}", rate(port.frames_in, then.frames_in)),
                 fmt::format("{:.1f}", rate(port.bytes_in, then.bytes_in) * 8 / 1000),
                 fmt::format("{:.0f}", rate(dropped[port.port], dropped_earlier[port.port]))});
    }
    print(table);
  }

  void operator()(const host::PortRules& v) {
    say("{}: filter {}, program {}\n", bold(v.port, style_), v.filter, v.program);
    for (const Layer layer : {Layer::Ethernet, Layer::Inet}) {
      for (const Direction direction : {Direction::Out, Direction::In}) rules_of(v, layer, direction);
    }
    heading("Values");
    Table values({"Set", "Values"});
    for (const auto& value : v.values) values.add({value.set, fmt::format("{}", fmt::join(value.values, ", "))});
    print(values);
    for (const std::string& reason : v.why) say("why: {}", reason);
  }

  void operator()(const host::Applied& v) {
    say("Filters:   {}", counted(v.filters));
    say("Bindings:  {}", counted(v.bindings));
    if (v.ports > 0)
      say("{} that {} bound before got other rules", v.ports == 1 ? "1 port" : fmt::format("{} ports", v.ports),
          v.ports == 1 ? "was" : "were");
    warn(v.warnings);
  }

  void operator()(const host::Planned& v) {
    warn(v.warnings);
    if (!changes_something(v)) return say("Nothing would change");
    for (const auto& f : v.filters)
      if (f.deed != host::Deed::Same) say("filter {}: {}", f.filter.name, word(f.deed));
    for (const auto& b : v.bindings)
      if (b.deed != host::Deed::Same) say("port {}: {} binding to {}", b.binding.port, word(b.deed), b.binding.filter);
    if (v.changes.empty()) return say("The kernel's ruleset stays as it is");
    heading("In the kernel");
    for (const std::string& change : v.changes) say("  {}", printable(change));
    heading("As commands of nft");
    for (const std::string& command : v.nft) say("  {}", printable(command));
  }

  void operator()(const host::Imported& v) {
    warn(v.warnings);
    if (!v.done && !v.changes_something() && v.chains.empty()) say("Nothing would change");
    const auto objects = [&](std::string_view what, const std::vector<host::ImportedObject>& all) {
      std::size_t same = 0;
      for (const auto& object : all) {
        if (object.deed == host::Deed::Same && object.note.empty()) {
          ++same;
          continue;
        }
        std::string line = fmt::format("{} {}", what, object.name);
        if (!object.filter.empty()) line += fmt::format(": filter {}", object.filter);
        if (!object.guest.empty()) line += fmt::format(", guest {}", printable(object.guest));
        say("{}: {}", line, object.kept ? "nwf's own is kept" : word(object.deed));
        if (!object.note.empty()) say("    {}", printable(object.note));
      }
      if (same > 0)
        say("{} {}{} as libvirt has {}", same, what, same == 1 ? " is" : "s are", same == 1 ? "it" : "them");
    };
    objects("filter", v.filters);
    const auto uuids = std::ranges::count_if(v.filters, [](const auto& f) { return !f.libvirt_uuid.empty(); });
    if (uuids > 0) say("{} of the filters {} another UUID here than in libvirt", uuids, uuids == 1 ? "has" : "have");
    objects("port", v.bindings);
    for (const std::string& what : v.not_imported) say("not imported: {}", printable(what));
    if (!v.changes.empty()) {
      heading("In the kernel");
      for (const std::string& change : v.changes) say("  {}", printable(change));
    }
    if (!v.chains.empty() && !v.chains_failed) {
      heading(!v.remove_chains ? "libvirt's chains of these ports, which stay without --remove-chains"
              : v.done         ? "libvirt's chains of these ports are gone"
                               : "libvirt's chains of these ports, which would go");
      for (const std::string& chain : v.chains) say("  {}", printable(chain));
    }
    for (const std::string& kept : v.chains_kept) say("{}", printable(kept));
    if (v.done) {
      say("nwf guards {} of libvirt's; `nwfctl import --undo` goes back",
          v.bindings.size() == 1 ? "1 port" : fmt::format("{} ports", v.bindings.size()));
    } else if (v.changes_something()) {
      say("This is a plan: nothing is changed. `--yes` carries it out.");
    }
  }

  void operator()(const host::ImportUndone& v) {
    warn(v.warnings);
    const auto would = [&](std::string_view done, std::string_view planned) { return v.done ? done : planned; };
    if (!v.chains.empty()) {
      heading(would("libvirt's chains are back", "libvirt's chains that would come back"));
      for (const std::string& chain : v.chains) say("  {}", printable(chain));
    }
    for (const auto& port : v.bindings_removed) say("port {}: {}", port, would("unbound", "would be unbound"));
    for (const auto& port : v.bindings_restored)
      say("port {}: {}", port, would("bound as before", "would be bound as before"));
    for (const auto& filter : v.filters_removed)
      say("filter {}: {}", filter.name, would("undefined", "would be undefined"));
    for (const auto& filter : v.filters_restored)
      say("filter {}: {}", filter, would("as before", "would be as before"));
    for (const std::string& left : v.left) say("{}", printable(left));
    if (v.done) say("The import is taken back");
  }

  void operator()(const host::Status& v) {
    say("Root:              {}", v.root.empty() ? "/" : v.root);
    say("In sync:           {}", v.in_sync ? paint("yes", kGreen, style_) : paint("no", kRed, style_));
    say("Filters:           {}", v.filters);
    say("Bindings:          {}", v.bindings.size());
    say("Backend:           {}", v.backend);
    say("Connection state:  {}", v.connection_state);
    say("Reject:            {}", v.reject);
    say("\n{}", bold("This kernel", style_));
    const Capabilities& c = v.capabilities;
    for (const auto& [what, probe] : {std::pair{"bridge conntrack:", c.bridge_conntrack},
                                      {"bridge reject:", c.bridge_reject},
                                      {"br_netfilter IPv4:", c.bridge_netfilter4},
                                      {"br_netfilter IPv6:", c.bridge_netfilter6},
                                      {"interface kind:", c.interface_kind}}) {
      say("  {:<19}{}", what, answer(probe));
    }
    text_.out += '\n';
    Table bindings({"Port Dev", "Filter", "State"});
    for (const auto& b : sorted(v.bindings)) bindings.add({b.port, b.filter, b.waiting ? "waiting" : "active"});
    if (!v.bindings.empty()) print(bindings);
    auto all = v.programs;
    std::ranges::sort(all, {}, &host::ProgramSummary::name);
    Table programs({"Program", "Filter", "Rules", "Ports"});
    for (const auto& p : all) programs.add({p.name, p.filter, fmt::to_string(p.rules), fmt::to_string(p.ports)});
    if (!all.empty()) print(programs);
    if (!v.in_sync) {
      heading("Differences");
      for (const std::string& difference : v.differences) say("  {}", printable(difference));
      say("\nRun `nwfctl reconcile` to mend them.");
    }
  }

  Text take() && { return std::move(text_); }

 private:
  template <class... Args>
  void say(fmt::format_string<Args...> format, Args&&... args) {
    text_.out += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }
  void heading(std::string_view text) { text_.out += bold(text, style_) + "\n"; }
  void print(const Table& table) { text_.out += table.text(style_.color); }

  void warn(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
      text_.talk += paint("warning:", kYellow, talk_style_) + " " + warning + "\n";
    }
  }
  void defined(const host::Defined& v) {
    warn(v.warnings);
    if (v.ports > 0) text_.talk += fmt::format("changed on {} {}\n", v.ports, v.ports == 1 ? "port" : "ports");
  }
  void bound(const host::Bound& v) {
    warn(v.warnings);
    if (!v.binding.waiting) return;
    text_.talk += fmt::format("note: there is no interface {} now; its rules are in force from its first frame\n",
                              v.binding.port);
  }

  static std::string_view word(host::Deed deed) {
    switch (deed) {
      case host::Deed::New:
        return "new";
      case host::Deed::Changed:
        return "changed";
      case host::Deed::Same:
        return "unchanged";
    }
    return "unchanged";
  }

  template <class Deeds>
  static std::string counted(const Deeds& deeds) {
    std::string text;
    for (const host::Deed kind : {host::Deed::New, host::Deed::Changed, host::Deed::Same}) {
      const auto count = std::ranges::count_if(deeds, [&](const auto& deed) { return deed.deed == kind; });
      if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, word(kind));
    }
    return text.empty() ? "none" : text;
  }

  void rules_of(const host::PortRules& v, Layer layer, Direction direction) {
    Table table({"Chain", "Rule", "Origin"});
    bool any = false;
    for (const auto& rule : v.rules) {
      if (rule.layer != layer || rule.direction != direction) continue;
      table.add({rule.chain, rule.rule, rule.origin});
      any = true;
    }
    if (!any) return;
    heading(fmt::format("{} layer, {}", layer == Layer::Ethernet ? "Ethernet" : "Inet",
                        direction == Direction::Out ? "out (from the guest)" : "in (to the guest)"));
    print(table);
  }

  static std::string_view answer(Probe probe) {
    switch (probe) {
      case Probe::No:
        return "no";
      case Probe::Yes:
        return "yes";
      case Probe::Unknown:
        return "unknown";
    }
    return "unknown";
  }

  void changed(const host::NetworkDefined& v) {
    warn(v.warnings);
    if (v.network.active)
      text_.talk +=
          fmt::format("note: it is up as it was; `nwfctl net restart {}` brings it to this\n", v.network.name);
  }
  static std::string_view state_of(const host::NetworkSummary& network) {
    return !network.active ? "inactive" : network.degraded.empty() ? "active" : "degraded";
  }
  static std::string time_of(std::uint64_t seconds) {
    if (seconds == 0) return "never";
    const auto moment = static_cast<std::time_t>(seconds);
    std::tm parts{};
    localtime_r(&moment, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return text.data();
  }

  static std::vector<host::BindingSummary> sorted(std::vector<host::BindingSummary> bindings) {
    std::ranges::sort(bindings, {}, &host::BindingSummary::port);
    return bindings;
  }

  Style style_;
  Style talk_style_;
  Text text_;
};

}  // namespace

Text to_text(const Value& value, Style style, Style talk_style) {
  Printer printer(style, talk_style);
  std::visit(printer, value);
  return std::move(printer).take();
}

std::string to_text(const Error& error, Style style) {
  std::string out = paint("error:", kRed, style) + " " + describe(error) + "\n";
  for (const Error& further : error.more) out += to_text(further, style);
  return out;
}

}  // namespace nwf::tools
