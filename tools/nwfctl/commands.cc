// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "tools/nwfctl/documents.h"
#include "tools/nwfctl/edit.h"
#include "tools/nwfctl/exit_code.h"
#include "tools/nwfctl/import_command.h"
#include "tools/nwfctl/input.h"
#include "tools/nwfctl/net_commands.h"
#include "tools/nwfctl/progress_line.h"

namespace nwf::tools {
namespace {

using host::Service;

// The value made from a result, or its error.
template <class T, class Make>
Outcome outcome(Result<T> result, Make make) {
  if (!result) return fail(std::move(result).error());
  return Value(make(*std::move(result)));
}

Outcome filter_define(Service& service, const Arguments& arguments, Terminal& terminal) {
  FiltersDefined done;
  const auto define = [&](const std::string& file) -> Result<void> {
    NWF_TRY(const std::string text, read_input(file, terminal.in));
    NWF_TRY(host::Defined result, service.filter_define(text, file));
    done.files.push_back({file, std::move(result)});
    return {};
  };
  for (const std::string& file : arguments.files) {
    if (auto defined = define(file); !defined) {
      Outcome stopped = fail(std::move(defined).error());
      if (!done.files.empty()) stopped.value = std::move(done);
      return stopped;
    }
  }
  return Value(std::move(done));
}

Outcome filter_undefine(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.filter_undefine(arguments.name),
                 [](host::FilterSummary filter) { return FilterUndefined{std::move(filter)}; });
}

Outcome filter_dumpxml(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.filter_dumpxml(arguments.name), [](std::string xml) { return XmlText{std::move(xml)}; });
}

Outcome filter_list(Service& service, const Arguments&, Terminal&) {
  return outcome(service.filter_list(), [](auto filters) { return FilterList{std::move(filters)}; });
}

Outcome filter_edit(Service& service, const Arguments& arguments, Terminal& terminal) {
  return outcome(edit_filter(service, arguments.name, terminal), [](FilterEdited edited) { return edited; });
}

Outcome filter_validate(Service& service, const Arguments& arguments, Terminal& terminal) {
  const auto validate = [&]() -> Result<std::vector<std::string>> {
    NWF_TRY(const std::string text, read_input(arguments.name, terminal.in));
    return service.filter_validate(text, arguments.name);
  };
  return outcome(validate(), [&](auto warnings) { return FilterValid{arguments.name, std::move(warnings)}; });
}

Outcome binding_create(Service& service, const Arguments& arguments, Terminal& terminal) {
  const auto create = [&]() -> Result<host::Bound> {
    NWF_TRY(const std::string text, read_input(arguments.name, terminal.in));
    return service.binding_create(text, arguments.name);
  };
  return outcome(create(), [&](host::Bound bound) { return BindingCreated{arguments.name, std::move(bound)}; });
}

Outcome binding_delete(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.binding_delete(arguments.name),
                 [](host::BindingSummary binding) { return BindingDeleted{std::move(binding)}; });
}

Outcome binding_dumpxml(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.binding_dumpxml(arguments.name), [](std::string xml) { return XmlText{std::move(xml)}; });
}

Outcome binding_list(Service& service, const Arguments&, Terminal&) {
  return outcome(service.binding_list(), [](auto bindings) { return BindingList{std::move(bindings)}; });
}

Outcome binding_set(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.binding_set(arguments.name, arguments.variables),
                 [](host::Bound bound) { return VariablesSet{std::move(bound)}; });
}

Outcome binding_rules(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.binding_rules(arguments.name), [](host::PortRules rules) { return rules; });
}

Outcome apply(Service& service, const Arguments& arguments, Terminal& terminal) {
  ProgressLine line(terminal);
  const host::Progress progress = [&](std::string_view doing, std::size_t done, std::size_t all) {
    line.show(doing, done, all);
  };
  const auto apply = [&]() -> Result<host::Applied> {
    NWF_TRY(const auto documents, read_documents({arguments.name}, terminal.in, progress));
    return service.apply(documents, progress);
  };
  return outcome(apply(), [](host::Applied applied) { return applied; });
}

Outcome plan(Service& service, const Arguments& arguments, Terminal& terminal) {
  const auto plan = [&]() -> Result<host::Planned> {
    NWF_TRY(const auto documents, read_documents(arguments.files, terminal.in, [](auto, auto, auto) {}));
    return service.plan(documents);
  };
  auto planned = plan();
  const bool something = planned && changes_something(*planned);
  Outcome done = outcome(std::move(planned), [](host::Planned value) { return value; });
  if (something) done.code = kExitWouldChange;
  return done;
}

Outcome drops(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.drops(arguments.name), [](auto list) { return DropList{std::move(list)}; });
}

Outcome learned_list(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.learned_list(arguments.name), [](auto list) { return LearnedList{std::move(list)}; });
}

Outcome learned_forget(Service& service, const Arguments& arguments, Terminal&) {
  const std::string address = arguments.addresses.empty() ? "" : arguments.addresses.front();
  return outcome(service.learned_forget(arguments.name, address), [&](auto list) {
    return LearnedForgotten{arguments.name, std::move(list)};
  });
}

Outcome learned_set(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.learned_set(arguments.name, arguments.addresses), [&](auto list) {
    return LearnedGiven{arguments.name, std::move(list)};
  });
}

Outcome status(Service& service, const Arguments&, Terminal&) {
  return outcome(service.status(), [](host::Status all) { return all; });
}

Outcome backend(Service& service, const Arguments& arguments, Terminal&) {
  const bool chosen = !arguments.name.empty();
  return outcome(service.backend(arguments.name), [&](std::string name) {
    return BackendInForce{std::move(name), chosen};
  });
}

Outcome export_rules(Service& service, const Arguments& arguments, Terminal&) {
  return outcome(service.export_iptables(arguments.name, arguments.has("--classic")), [&](host::ExportedTables tables) {
    const bool some = arguments.has("--ipv4") || arguments.has("--ipv6") || arguments.has("--ethernet");
    return Exported{std::move(tables), !some || arguments.has("--ipv4"), !some || arguments.has("--ipv6"),
                    !some || arguments.has("--ethernet")};
  });
}

Outcome reconcile(Service& service, const Arguments&, Terminal&) {
  return outcome(service.reconcile(), [](std::size_t changes) { return Reconciled{changes}; });
}

Outcome monitor(Service& service, const Arguments&, Terminal& terminal) {
  auto watched = service.watch([&](const host::Event& event) { return terminal.show(event); });
  if (!watched) return fail(std::move(watched).error());
  return {};
}

Outcome top(Service& service, const Arguments& arguments, Terminal& terminal) {
  const bool endless = arguments.times == 0 && terminal.out_is_terminal;
  const unsigned times = arguments.times == 0 ? 1 : arguments.times;
  auto before = service.figures();
  if (!before) return fail(std::move(before).error());
  for (unsigned i = 0; endless || i < times; ++i) {
    std::this_thread::sleep_for(std::chrono::duration<double>(arguments.interval_seconds));
    auto now = service.figures();
    if (!now) return fail(std::move(now).error());
    if (!terminal.show(Top{*now, *before, terminal.out_is_terminal})) break;
    before = std::move(now);
  }
  return {};
}

constexpr Command kCommands[] = {
    {"filter", "define", "nwfilter-define", Takes::Files, "Define or change filters", filter_define},
    {"filter", "undefine", "nwfilter-undefine", Takes::Filter, "Remove a filter that nothing uses", filter_undefine},
    {"filter", "dumpxml", "nwfilter-dumpxml", Takes::Filter, "Print a filter's XML", filter_dumpxml},
    {"filter", "list", "nwfilter-list", Takes::Nothing, "List the filters", filter_list},
    {"filter", "edit", "nwfilter-edit", Takes::Filter, "Change a filter with $VISUAL or $EDITOR", filter_edit},
    {"filter", "validate", "", Takes::File, "Check a filter's XML, change nothing", filter_validate},
    {"binding", "create", "nwfilter-binding-create", Takes::File, "Make a filter active on a port", binding_create},
    {"binding", "delete", "nwfilter-binding-delete", Takes::Port, "Take the filter off a port", binding_delete},
    {"binding", "dumpxml", "nwfilter-binding-dumpxml", Takes::Port, "Print a binding's XML", binding_dumpxml},
    {"binding", "list", "nwfilter-binding-list", Takes::Nothing, "List the bindings", binding_list},
    {"binding", "set", "", Takes::PortAndValues, "Change variables of a port", binding_set},
    {"binding", "rules", "", Takes::Port, "Show the rules and values that guard a port", binding_rules},
    {"net", "define", "net-define", Takes::File, "Define or change a virtual network", net_define},
    {"net", "undefine", "net-undefine", Takes::Network, "Remove a network's definition", net_undefine},
    {"net", "start", "net-start", Takes::Network, "Bring a network up", net_start},
    {"net", "stop", "net-destroy", Takes::Network, "Take a network down", net_stop},
    {"net", "restart", "", Takes::Network, "Bring a network that is up to its definition", net_restart},
    {"net", "update", "net-update", Takes::NetworkUpdate, "Change a part of a network, while it is up", net_update},
    {"net", "autostart", "net-autostart", Takes::Network, "Start a network at boot", net_autostart, "--disable",
     "do not start it at boot"},
    {"net", "dumpxml", "net-dumpxml", Takes::Network, "Print a network's XML", net_dumpxml, "--inactive",
     "as it is defined, also when it is up"},
    {"net", "edit", "net-edit", Takes::Network, "Change a network with $VISUAL or $EDITOR", net_edit},
    {"net", "list", "net-list", Takes::Nothing, "List the networks", net_list, "--all",
     "taken for virsh's sake: all are listed"},
    {"net", "info", "net-info", Takes::Network, "Show what a network is and does", net_info},
    {"net", "leases", "net-dhcp-leases", Takes::Network, "List the addresses that guests were given", net_leases},
    {"learned", "list", "", Takes::MaybePort, "List the addresses that ports have learned", learned_list},
    {"learned", "forget", "", Takes::PortAndAddress, "Forget learned addresses of a port", learned_forget},
    {"learned", "set", "", Takes::PortAndAddresses, "Give addresses to a port that learns", learned_set},
    {"", "apply", "", Takes::Directory, "Define and bind all that a directory holds, as one change", apply},
    {"", "plan", "", Takes::MaybeFiles, "Show what files, or reconcile, would change", plan},
    {"", "import", "", Takes::Import, "Take over what libvirt has, or go back", import},
    {"", "status", "", Takes::Nothing, "Show what is in force and whether the kernel agrees", status},
    {"", "monitor", "", Takes::Nothing, "Print what happens, as it happens", monitor},
    {"", "drops", "", Takes::MaybePort, "List what rules have dropped, by port and rule", drops},
    {"", "top", "", Takes::Pace, "Show ports and nwfd at work", top},
    {"", "backend", "", Takes::MaybeBackend, "Show or choose which of the kernel's firewalls is used", backend},
    {"", "export", "", Takes::Export, "Print rules as another firewall's text", export_rules},
    {"", "reconcile", "", Takes::Nothing, "Make the kernel hold what the state says", reconcile},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

bool Arguments::has(std::string_view flag) const { return std::find(flags.begin(), flags.end(), flag) != flags.end(); }

Result<void> add_assignment(Variables& variables, const std::string& assignment) {
  constexpr std::string_view kRemedy = "write NAME=VALUE, or NAME=V1,V2 for a list";
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorKind::Invalid, fmt::format("'{}': {}", assignment, why), std::string(kRemedy));
  };
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos) return wrong("there is no '='");
  if (equals == 0) return wrong("there is no name before the '='");
  std::vector<std::string> values;
  for (std::size_t begin = equals + 1; begin <= assignment.size();) {
    const std::size_t end = std::min(assignment.find(',', begin), assignment.size());
    if (end == begin) return wrong("a value is empty");
    values.push_back(assignment.substr(begin, end - begin));
    begin = end + 1;
  }
  auto& all = variables[assignment.substr(0, equals)];
  all.insert(all.end(), values.begin(), values.end());
  return {};
}

}  // namespace nwf::tools
