// SPDX-License-Identifier: GPL-2.0-or-later
// What changes cost, each beside the floor measured in the same run. Root; its own network namespace.
//
//   nwf-bench [--json]
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string_view>

#include "engine/ruleset/diff.h"
#include "host/firewall.h"
#include "host/host.h"
#include "netlink/nftables/backend.h"
#include "tests/bench/clean_traffic.h"
#include "tests/bench/floor.h"
#include "tests/bench/report.h"
#include "tests/harness/network.h"
#include "tests/harness/scratch.h"

namespace nwf::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRepeats = 300, kEdits = 51;
constexpr std::size_t kStops[] = {1, 100, 1'000, 5'000, 20'000};
constexpr std::size_t kEditStops[] = {1, 100, 5'000};

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// A port's elements for clean-traffic, exactly as nwf writes them.
Result<PortElements> elements_for(host::Programs& programs, const Binding& b) {
  NWF_TRY(const auto placement, programs.place(b));
  const host::CompiledPtr& compiled = placement.program;
  return port_elements(compiled->lowered, compiled->program.sets, true, b.port, b.effective_variables());
}

Changes as_changes(const PortElements& elements, bool deleting) {
  Changes changes;
  for (const auto& entry : elements.entries) {
    if (deleting)
      changes.push_back({Family::Bridge, change::DeleteElements{entry.set, entry.elements}});
    else
      changes.push_back({Family::Bridge, change::AddElements{entry.set, entry.elements, false}});
  }
  return changes;
}

std::size_t rules_held(Backend& backend) {
  const auto held = backend.read();
  std::size_t rules = 0;
  if (held)
    for (const auto& [family, table] : held->ruleset.tables)
      for (const auto& [name, chain] : table.chains) rules += chain.rules.size();
  return rules;
}

Result<void> bind_rows(host::Firewall& firewall, host::Programs& programs, std::size_t ports, Report& report) {
  Floor floor;
  const Binding extra = clean_traffic_binding(900'000);
  NWF_TRY(const PortElements elements, elements_for(programs, extra));
  const Changes add = as_changes(elements, false), remove = as_changes(elements, true);
  std::vector<double> floor_add, floor_remove, bind, unbind;
  for (int i = 0; i < kRepeats; ++i) {
    floor_add.push_back(floor.send(add));
    floor_remove.push_back(floor.send(remove));
    if (floor_add.back() < 0 || floor_remove.back() < 0)
      return fail(ErrorKind::Kernel, "the floor's batch was refused");
  }
  // The floor wrote behind the firewall's back: let it look once before the clock runs.
  NWF_CHECK(firewall.transition({{std::nullopt, extra}}, {}, programs, programs));
  NWF_CHECK(firewall.transition({{extra, std::nullopt}}, {}, programs, programs));
  for (int i = 0; i < kRepeats; ++i) {
    const std::vector<host::PortChange> on{{std::nullopt, extra}}, off{{extra, std::nullopt}};
    auto start = Clock::now();
    NWF_CHECK(firewall.transition(on, {}, programs, programs));
    bind.push_back(microseconds_since(start));
    start = Clock::now();
    NWF_CHECK(firewall.transition(off, {}, programs, programs));
    unbind.push_back(microseconds_since(start));
  }
  report.rows.push_back(
      {"bind one more port", ports, median(floor_add), median(bind), *std::min_element(bind.begin(), bind.end())});
  report.rows.push_back(
      {"unbind it", ports, median(floor_remove), median(unbind), *std::min_element(unbind.begin(), unbind.end())});
  return {};
}

/// A port's address changed there and back, beside the floor of one element gone and one come.
Result<void> variable_rows(host::Firewall& firewall, host::Programs& programs, std::size_t ports, Report& report) {
  const Binding plain = clean_traffic_binding(900'001);
  Binding other = plain;
  other.variables["IP"] = {"192.0.2.77"};
  NWF_CHECK(firewall.transition({{std::nullopt, plain}}, {}, programs, programs));
  std::vector<double> times, floors;
  for (int i = 0; i < kRepeats; ++i) {
    const std::vector<host::PortChange> change{i % 2 == 0 ? host::PortChange{plain, other}
                                                          : host::PortChange{other, plain}};
    const auto start = Clock::now();
    NWF_CHECK(firewall.transition(change, {}, programs, programs));
    times.push_back(microseconds_since(start));
  }
  Floor floor;
  Changes to_other, to_plain;
  NWF_TRY(const PortElements plain_elements, elements_for(programs, plain));
  NWF_TRY(const PortElements other_elements, elements_for(programs, other));
  for (std::size_t i = 0; i < plain_elements.entries.size(); ++i) {
    const auto& was = plain_elements.entries[i];
    const auto& is = other_elements.entries[i];
    if (was.elements == is.elements) continue;
    to_other.push_back({Family::Bridge, change::DeleteElements{was.set, was.elements}});
    to_other.push_back({Family::Bridge, change::AddElements{is.set, is.elements, false}});
    to_plain.push_back({Family::Bridge, change::DeleteElements{is.set, is.elements}});
    to_plain.push_back({Family::Bridge, change::AddElements{was.set, was.elements, false}});
  }
  for (int i = 0; i < kRepeats; ++i) {
    floors.push_back(floor.send(i % 2 == 0 ? to_other : to_plain));
    if (floors.back() < 0) return fail(ErrorKind::Kernel, "the floor's batch was refused");
  }
  NWF_CHECK(firewall.transition({{plain, std::nullopt}}, {}, programs, programs));
  report.rows.push_back(
      {"change a variable", ports, median(floors), median(times), *std::min_element(times.begin(), times.end())});
  return {};
}

/// All ports bound to clean-traffic, which is edited there and back.
Result<void> edit_rows(host::Firewall& firewall, StockFilters& filters, const std::vector<Binding>& bound,
                       Report& report) {
  const StockFilters edited = filters.edited();
  std::vector<double> times, floors;
  host::CompiledPtr compiled;
  for (int i = 0; i < kEdits; ++i) {
    host::Programs plain(filters.lookup(), firewall.knowledge().capabilities, {});
    host::Programs changed(edited.lookup(), firewall.knowledge().capabilities, {});
    host::Programs& from = i % 2 == 0 ? plain : changed;
    host::Programs& to = i % 2 == 0 ? changed : plain;
    // The first looks at what others wrote meanwhile (the floor did), before the clock runs.
    const auto start = Clock::now();
    const host::Edit edit = firewall.edit({"clean-traffic"}, to);
    if (!edit.reshaped.empty()) return fail(ErrorKind::Kernel, "the edit looks at ports");
    NWF_CHECK(firewall.transition({}, edit.programs, from, to));
    if (i > 0) times.push_back(microseconds_since(start));
    NWF_TRY(compiled, to.find("clean-traffic", bound[0].effective_variables()));
  }
  // The floor: that program's chains flushed and filled again, and nothing else.
  Floor floor;
  Changes refill;
  for (const Chain& chain : compiled->lowered.chains) {
    refill.push_back({Family::Bridge, change::FlushChain{chain.name}});
    for (const Rule& rule : chain.rules) refill.push_back({Family::Bridge, change::AddRule{chain.name, rule}});
  }
  for (int i = 0; i < kEdits; ++i) {
    floors.push_back(floor.send(refill));
    if (floors.back() < 0) return fail(ErrorKind::Kernel, "the floor's batch was refused");
  }
  report.rows.push_back({"edit clean-traffic for all", bound.size(), median(floors), median(times),
                         *std::min_element(times.begin(), times.end())});
  return {};
}

double run_nwfctl(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  std::string program = NWF_NWFCTL;
  argv.push_back(program.data());
  std::vector<std::string> copy = arguments;
  for (std::string& argument : copy) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const auto start = Clock::now();
  const pid_t child = fork();
  if (child == 0) {
    (void)!freopen("/dev/null", "w", stdout);
    (void)!freopen("/dev/null", "w", stderr);
    execv(argv[0], argv.data());
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status == 0 ? microseconds_since(start) / 1000 : -1;
}

Result<void> cold_rows(const std::string& root, std::size_t ports, Report& report) {
  host::Options options;
  options.root = root;
  NWF_TRY(const auto service, host::open(options));
  const auto xml = [](std::size_t i) {
    const Binding b = clean_traffic_binding(i);
    return fmt::format(
        "<filterbinding><portdev name='{}'/><mac address='{}'/><filterref filter='clean-traffic'><parameter name='IP' "
        "value='{}'/>"
        "</filterref></filterbinding>",
        b.port.text(), b.mac.text(), b.variables.at("IP")[0]);
  };
  std::vector<host::Document> documents;
  for (std::size_t i = 0; i < ports; ++i) documents.push_back({fmt::format("{}.xml", i), xml(i)});
  const auto start = Clock::now();
  NWF_CHECK(service->apply(documents, {}));
  const double applied = microseconds_since(start);
  report.rows.push_back({"apply these bindings from nothing", ports, 0, applied, applied});
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) {
    const auto begin = Clock::now();
    NWF_TRY(const std::size_t changes, service->reconcile());
    times.push_back(microseconds_since(begin));
    if (changes != 0) return fail(ErrorKind::Kernel, "reconcile found something to do");
  }
  report.rows.push_back(
      {"reconcile, nothing to do", ports, 0, median(times), *std::min_element(times.begin(), times.end())});
  const std::string file = root + "/one-more.xml";
  std::ofstream(file) << xml(900'000);
  std::vector<double> create, remove;
  for (int i = 0; i < 20; ++i) {
    create.push_back(run_nwfctl({"--root", root, "binding", "create", file}));
    remove.push_back(run_nwfctl({"--root", root, "binding", "delete", "nwf900000"}));
    if (create.back() < 0 || remove.back() < 0) return fail(ErrorKind::Kernel, "nwfctl failed");
  }
  report.cold_ports = ports;
  report.cold_create_ms = median(create);
  report.cold_delete_ms = median(remove);
  return {};
}

std::size_t resident_kib() {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word)
    if (word == "VmRSS:") {
      std::size_t kib = 0;
      status >> kib;
      return kib;
    }
  return 0;
}

Result<Report> run() {
  NWF_TRY(const std::string root, test::make_scratch_directory());
  NWF_CHECK(test::enter_new_namespace());
  Report report;
  {
    NWF_TRY(const auto backend, netlink::open_nftables());
    NWF_TRY(const Capabilities capabilities, backend->capabilities());
    NWF_TRY(report.compile, compile_cost(capabilities));
    StockFilters filters;
    host::Programs programs(filters.lookup(), capabilities, {});
    host::Firewall firewall(*backend, std::nullopt);
    NWF_CHECK(firewall.reconcile({}, programs));
    std::vector<Binding> bound;
    for (const std::size_t stop : kStops) {
      std::vector<host::PortChange> changes;
      while (bound.size() < stop) {
        bound.push_back(clean_traffic_binding(bound.size()));
        changes.push_back({std::nullopt, bound.back()});
      }
      NWF_CHECK(firewall.transition(changes, {}, programs, programs));
      if (stop == 1) report.rules_at_one = rules_held(*backend);
      NWF_CHECK(bind_rows(firewall, programs, stop, report));
      NWF_CHECK(variable_rows(firewall, programs, stop, report));
      if (std::find(std::begin(kEditStops), std::end(kEditStops), stop) != std::end(kEditStops))
        NWF_CHECK(edit_rows(firewall, filters, bound, report));
    }
    report.rules_at_most = rules_held(*backend);
    report.most_ports = bound.size();
    report.resident_kib = resident_kib();
    NWF_CHECK(firewall.reconcile({}, programs));
  }
  NWF_CHECK(cold_rows(root, 5'000, report));
  return report;
}

}  // namespace
}  // namespace nwf::bench

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::string_view(argv[1]) == "--json";
  const auto report = nwf::bench::run();
  if (!report) {
    fmt::print(stderr, "nwf-bench: {}\n", nwf::describe_all(report.error()));
    return 1;
  }
  nwf::bench::print(*report, json);
  return 0;
}
