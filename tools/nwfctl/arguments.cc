// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tools/nwfctl/suggest.h"

namespace nwf::tools {
namespace {

// Options that take the next word, so that this word is no noun, no verb and no call for help.
constexpr std::string_view kOptionsWithValue[] = {
    "--root",  "--color",   "--file",         "--nwfilter",     "--binding", "--directory", "--interval",
    "--count", "--network", "--parent-index", "--libvirt-root", "--backend", "--format"};

// The words, taken apart as far as a command can be recognised.
struct Scan {
  std::vector<std::size_t> plain;  // places of the words that are neither options nor their values
  bool help = false;
  bool version = false;
  bool json = false;
};

Scan scan(const std::vector<std::string>& words) {
  Scan found;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") {
      for (++i; i < words.size(); ++i) found.plain.push_back(i);
    } else if (std::ranges::find(kOptionsWithValue, word) != std::end(kOptionsWithValue)) {
      ++i;
    } else if (word == "help" || word == "--help" || word == "-h") {
      found.help = true;
    } else if (word == "--version") {
      found.version = true;
    } else if (word == "--json") {
      found.json = true;
    } else if (word == "-" || !word.starts_with('-')) {
      found.plain.push_back(i);
    }
  }
  return found;
}

void add_settings(CLI::App& app, Settings& settings) {
  app.add_option("--root", settings.root);
  app.add_option("--backend", settings.backend);
  app.add_flag("--json", settings.json);
  const auto choose = [&settings](const std::string& when) {
    settings.color = when == "always" ? Color::Always : when == "never" ? Color::Never : Color::Auto;
  };
  app.add_option_function<std::string>("--color", choose)->check(CLI::IsMember({"auto", "always", "never"}));
}

// The object a command works on, by what it takes.
struct Shape {
  Takes takes;
  std::string_view usage;   // after the command
  std::string_view name;    // of the positional argument; empty: none
  std::string_view option;  // the same, spelled as an option
  std::string_view meaning;
  bool validate;  // virsh's --validate is taken, and needs nothing: every text is checked whole
};

const Shape& shape_of(Takes takes) {
  static constexpr Shape kShapes[] = {
      {Takes::Nothing, "", "", "", "", false},
      {Takes::Pace, " [--interval SECONDS] [--count N]", "", "", "", false},
      {Takes::Files, " FILE…", "FILE", "--file", "XML files; - is standard input", true},
      {Takes::MaybeFiles, " [FILE…]", "FILE", "--file", "XML files, or directories of them; - is standard input",
       false},
      {Takes::Directory, " DIR", "DIR", "--directory", "a directory with XML files", false},
      {Takes::File, " FILE", "FILE", "--file", "an XML file; - is standard input", true},
      {Takes::Filter, " NAME", "NAME", "--nwfilter", "a filter's name or UUID", false},
      {Takes::Port, " PORT", "PORT", "--binding", "the port's interface name", false},
      {Takes::Network, " NAME", "NAME", "--network", "a network's name or UUID", false},
      {Takes::NetworkUpdate, " NAME COMMAND SECTION XML", "NAME", "--network", "a network's name or UUID", false},
      {Takes::PortAndValues, " PORT NAME=VALUE…", "PORT", "--binding", "the port's interface name", false},
      {Takes::MaybePort, " [PORT]", "PORT", "--binding", "the port's interface name; all ports without it", false},
      {Takes::PortAndAddress, " PORT [ADDRESS]", "PORT", "--binding", "the port's interface name", false},
      {Takes::Import, " libvirt|--undo", "SOURCE", "--source", "whose filters, bindings and guests: libvirt", false},
      {Takes::MaybeBackend, " [NAME]", "NAME", "--name", "nftables, iptables-legacy or iptables-legacy-classic", false},
      {Takes::Export, " --format iptables [WHAT]", "WHAT", "--what",
       "a filter, a bound port or a network; all without it", false},
      {Takes::PortAndAddresses, " PORT ADDRESS…", "PORT", "--binding", "the port's interface name", false},
  };
  return *std::ranges::find(kShapes, takes, &Shape::takes);
}

constexpr const char* kExportFlags[] = {"--ipv4", "--ipv6", "--ethernet", "--classic"};
constexpr const char* kImportFlags[] = {"--yes", "--keep", "--remove-chains", "--undo", "--dry-run"};

void add_arguments(CLI::App& app, const Command& command, Arguments& into) {
  const Shape& shape = shape_of(command.takes);
  const std::string spellings = fmt::format("{},{}", shape.name, shape.option);
  if (!command.flag.empty())
    app.add_flag_callback(std::string(command.flag), [&into, &command] { into.flags.emplace_back(command.flag); });
  if (command.takes == Takes::Nothing) return;
  if (command.takes == Takes::Pace) {
    app.add_option("--interval", into.interval_seconds)->check(CLI::Range(0.01, 86400.0));
    app.add_option("--count", into.times);
    return;
  }
  if (command.takes == Takes::Files || command.takes == Takes::MaybeFiles) {
    app.add_option(spellings, into.files);
  } else {
    app.add_option(spellings, into.name);
  }
  if (command.takes == Takes::PortAndValues) app.add_option("NAME=VALUE", into.assignments);
  if (command.takes == Takes::NetworkUpdate) {
    app.add_option("COMMAND-SECTION-XML", into.assignments);
    app.add_option("--parent-index", into.parent);
    for (const char* flag : {"--live", "--config", "--current"})
      app.add_flag_callback(flag, [&into, flag] { into.flags.emplace_back(flag); });
  }
  if (command.takes == Takes::Export) {
    app.add_option("--format", into.format)->check(CLI::IsMember({"iptables"}))->required();
    for (const char* flag : kExportFlags) app.add_flag_callback(flag, [&into, flag] { into.flags.emplace_back(flag); });
  }
  if (command.takes == Takes::Import) {
    app.add_option("--libvirt-root", into.libvirt_root);
    for (const char* flag : kImportFlags) app.add_flag_callback(flag, [&into, flag] { into.flags.emplace_back(flag); });
  }
  if (command.takes == Takes::PortAndAddresses) app.add_option("ADDRESS", into.addresses);
  if (command.takes == Takes::PortAndAddress) app.add_option("ADDRESS", into.addresses)->expected(0, 1);
  if (shape.validate) app.add_flag("--validate");
}

// What the parser does not know: which arguments must be there, in our words.
std::string missing_argument(const Command& command, const Arguments& arguments) {
  if (command.takes == Takes::Nothing || command.takes == Takes::MaybeFiles || command.takes == Takes::Pace ||
      command.takes == Takes::MaybePort || command.takes == Takes::MaybeBackend || command.takes == Takes::Export)
    return "";
  if (command.takes == Takes::Import && arguments.has("--undo")) return "";
  const bool files = command.takes == Takes::Files;
  if (files ? arguments.files.empty() : arguments.name.empty()) return std::string(shape_of(command.takes).name);
  if (command.takes == Takes::PortAndValues && arguments.assignments.empty()) return "NAME=VALUE";
  if (command.takes == Takes::NetworkUpdate && arguments.assignments.size() != 3) return "NAME COMMAND SECTION XML";
  if (command.takes == Takes::PortAndAddresses && arguments.addresses.empty()) return "ADDRESS";
  return "";
}

// Words of import that do not go together.
std::string wrong_import(const Arguments& arguments) {
  const bool undo = arguments.has("--undo");
  if (!undo && arguments.name != "libvirt")
    return fmt::format("cannot import from '{}': only from libvirt", arguments.name);
  if (undo && !arguments.name.empty() && arguments.name != "libvirt")
    return fmt::format("nothing is imported from '{}'", arguments.name);
  for (const char* flag : {"--keep", "--remove-chains"})
    if (undo && arguments.has(flag)) return fmt::format("{} does not go with --undo", flag);
  if (arguments.has("--yes") && arguments.has("--dry-run")) return "--yes does not go with --dry-run";
  return "";
}

std::string usage_line(const Command& command) {
  return fmt::format("{}{}{}{}", command.noun, command.noun.empty() ? "" : " ", command.verb,
                     shape_of(command.takes).usage);
}

// All commands, or those of one noun.
std::string overview(std::string_view noun) {
  std::string text = fmt::format("Usage: nwfctl [--root DIR] [--json] [--color auto|always|never] {} …\n\n",
                                 noun.empty() ? "NOUN VERB" : fmt::format("{} VERB", noun));
  std::string aliases;
  for (const Command& command : commands()) {
    if (!noun.empty() && command.noun != noun) continue;
    const std::string line = usage_line(command);
    text += fmt::format("  {:<34}{}\n", line, command.summary);
    if (!command.virsh.empty()) aliases += fmt::format("  {:<26}= {}\n", command.virsh, line);
  }
  if (!aliases.empty()) text += "\nNames of virsh:\n" + aliases;
  if (noun.empty()) {
    text +=
        "\n`nwfctl NOUN VERB --help` tells more. Exit: 0 done, 1 failed, 2 wrong usage, 3 no such\n"
        "object, 4 refused.\n";
  }
  return text;
}

std::string help_of(const Command& command, std::string_view called) {
  const Shape& shape = shape_of(command.takes);
  std::string text = fmt::format("Usage: nwfctl {}{}\n\n{}.\n\n", called, shape.usage, command.summary);
  const auto row = [&](std::string_view left, std::string_view right) {
    text += fmt::format("  {:<20}{}\n", left, right);
  };
  if (!shape.name.empty()) {
    row(shape.name, shape.meaning);
    if (command.takes == Takes::PortAndValues) {
      row("NAME=VALUE", "new values; NAME=V1,V2 or NAME= given again makes a list");
    }
    if (command.takes == Takes::NetworkUpdate) {
      row("COMMAND", "add, add-first, add-last, delete or modify");
      row("SECTION", "ip-dhcp-host, ip-dhcp-range, dns-host, dns-txt, dns-srv, forward-interface,");
      row("", "portgroup or port-forward");
      row("XML", "the element: a file, - for standard input, or the text itself");
      row("--live, --config", "only the network that is up, only its definition; without, both");
      row("--parent-index N", "which <ip>, when the address does not say");
    }
    if (command.takes != Takes::Import)
      row(fmt::format("{} {}", shape.option, shape.name), "the same, as virsh also spells it");
    if (shape.validate) row("--validate", "taken for virsh's sake: every text is checked whole");
    text += "\n";
  }
  if (command.takes == Takes::Pace) {
    row("--interval SECONDS", "between two looks; 1 when not given");
    row("--count N", "look N times; without it once, or on a terminal until interrupted");
    text += "\n";
  }
  if (command.takes == Takes::Import) {
    row("--yes", "do it; without it, only the plan is shown");
    row("--keep", "where both have something of one name, nwf's own stays");
    row("--remove-chains", "then take libvirt's own chains out of the kernel");
    row("--libvirt-root DIR", "libvirt's files are below this directory");
    row("--undo", "take back what is still as it was imported, and put the chains back");
    row("--dry-run", "of --undo: show what would be done");
    text += "\n";
  }
  if (command.takes == Takes::Export) {
    row("--format iptables", "for iptables-restore, ip6tables-restore and ebtables-restore, each with --noflush");
    row("--ipv4, --ipv6", "only the text for this one of them");
    row("--ethernet", "only the text for ebtables-restore");
    row("--classic", "each port's rules in chains of its own, as libvirt has them");
    text += "\n";
  }
  if (!command.flag.empty()) row(command.flag, command.flag_meaning);
  row("--root DIR", "work on the state below this directory instead of the host's");
  row("--backend NAME", "first bring this backend into force: nftables, iptables-legacy");
  row("--json", "print JSON");
  row("--color WHEN", "colour the output: auto, always or never");
  return text;
}

// The nouns, top verbs and names of virsh.
std::vector<std::string_view> first_words() {
  std::vector<std::string_view> words;
  for (const Command& command : commands()) {
    const std::string_view word = command.noun.empty() ? command.verb : command.noun;
    if (std::ranges::find(words, word) == words.end()) words.push_back(word);
    if (!command.virsh.empty()) words.push_back(command.virsh);
  }
  return words;
}

bool is_noun(std::string_view word) {
  return std::ranges::any_of(commands(), [&](const Command& c) { return !c.noun.empty() && c.noun == word; });
}

const Command* find_command(std::string_view first, std::string_view second) {
  for (const Command& command : commands()) {
    if (command.noun.empty() ? command.verb == first : command.noun == first && command.verb == second) return &command;
    if (!command.virsh.empty() && command.virsh == first) return &command;
  }
  return nullptr;
}

Misuse unknown(std::string_view what, std::string_view word, const std::vector<std::string_view>& known, bool json) {
  const std::string_view near = nearest(word, known);
  Misuse misuse{json, fmt::format("there is no {} '{}'", what, word), {}, {}};
  misuse.remedy =
      near.empty() ? fmt::format("one of: {}", fmt::join(known, ", ")) : fmt::format("did you mean '{}'?", near);
  return misuse;
}

Misuse unknown_verb(std::string_view noun, std::string_view verb, bool json) {
  std::vector<std::string_view> verbs;
  for (const Command& command : commands()) {
    if (command.noun == noun) verbs.push_back(command.verb);
  }
  return unknown(fmt::format("verb of {}", noun), verb, verbs, json);
}

}  // namespace

std::variant<Invocation, Information, Misuse> parse_arguments(const std::vector<std::string>& words) {
  const Scan found = scan(words);
  if (found.version) return Information{"nwfctl " NWF_VERSION "\n"};
  if (found.plain.empty()) {
    if (found.help) return Information{overview("")};
    return Misuse{found.json, found.json ? "no command is given" : "", {}, overview("")};
  }
  const std::string& first = words[found.plain[0]];
  const std::string second = found.plain.size() > 1 ? words[found.plain[1]] : "";
  const Command* command = find_command(first, second);
  if (command == nullptr && !is_noun(first)) return unknown("command", first, first_words(), found.json);
  if (command == nullptr && second.empty()) {
    if (found.help) return Information{overview(first)};
    return Misuse{found.json, fmt::format("{} needs a verb", first), {}, overview(first)};
  }
  if (command == nullptr) return unknown_verb(first, second, found.json);

  const bool two_words = !command->noun.empty() && first == command->noun;
  const std::string called = two_words ? first + " " + second : first;
  if (found.help) return Information{help_of(*command, called)};

  // The parser takes the words in reverse, without those that named the command.
  std::vector<std::string> rest;
  for (std::size_t i = words.size(); i-- > 0;) {
    if (i == found.plain[0] || (two_words && i == found.plain[1])) continue;
    rest.push_back(words[i]);
  }
  Invocation invocation;
  invocation.command = command;
  const std::string remedy = fmt::format("see `nwfctl {} --help`", called);
  try {
    CLI::App app;
    add_settings(app, invocation.settings);
    add_arguments(app, *command, invocation.arguments);
    app.parse(std::move(rest));
  } catch (const CLI::Error& error) {
    return Misuse{found.json, error.what(), remedy, {}};
  }
  Arguments& arguments = invocation.arguments;
  if (const std::string name = missing_argument(*command, arguments); !name.empty()) {
    return Misuse{found.json, name + " is required", remedy, {}};
  }
  arguments.root = invocation.settings.root;
  if (command->takes == Takes::Import) {
    if (const std::string wrong = wrong_import(arguments); !wrong.empty()) return Misuse{found.json, wrong, remedy, {}};
  }
  if (std::ranges::count(arguments.files, "-") > 1) {
    return Misuse{found.json, "standard input can be read only once", remedy, {}};
  }
  if (command->takes != Takes::PortAndValues) return invocation;
  for (const std::string& assignment : arguments.assignments) {
    auto added = add_assignment(arguments.variables, assignment);
    if (!added) return Misuse{found.json, added.error().message, added.error().remedy, {}};
  }
  return invocation;
}

}  // namespace nwf::tools
