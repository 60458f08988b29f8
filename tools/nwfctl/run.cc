// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/run.h"

#include <fmt/format.h>

#include "tools/nwfctl/arguments.h"
#include "tools/nwfctl/exit_code.h"
#include "tools/nwfctl/json.h"
#include "tools/nwfctl/text.h"

namespace nwf::tools {
namespace {

bool use_color(Color color, bool is_terminal, const Terminal& terminal) {
  switch (color) {
    case Color::Always:
      return true;
    case Color::Never:
      return false;
    case Color::Auto:
      break;
  }
  // https://no-color.org: set to anything but the empty string.
  return is_terminal && terminal.environment("NO_COLOR").value_or("").empty();
}

// The streams are flushed here, so that a full disk or a closed pipe is not taken for success.
int finish(int code, Terminal& terminal) {
  terminal.out.flush();
  terminal.err.flush();
  if (terminal.out) return code;
  terminal.err << "error: cannot write the output\n" << std::flush;
  return code == kExitDone || code == kExitWouldChange ? kExitFailed : code;
}

int misused(const Misuse& misuse, Terminal& terminal) {
  if (misuse.json) {
    terminal.err << usage_to_json(misuse.message, misuse.remedy);
  } else {
    if (!misuse.message.empty()) {
      terminal.err << "error: " << misuse.message << (misuse.remedy.empty() ? "" : "; ") << misuse.remedy << "\n";
    }
    terminal.err << misuse.help;
  }
  return finish(kExitUsage, terminal);
}

int invoke(const Invocation& invocation, Terminal& terminal, const OpenService& open) {
  const Settings& settings = invocation.settings;
  const Style style{use_color(settings.color, terminal.out_is_terminal, terminal)};
  const Style talk_style{use_color(settings.color, terminal.err_is_terminal, terminal)};

  const auto print = [&](const Value& value) {
    if (settings.json) {
      terminal.out << to_json(value);
      return;
    }
    const Text text = to_text(value, style, talk_style);
    terminal.out << text.out << std::flush;
    terminal.err << text.talk;
  };
  terminal.show = [&](const Value& value) {
    print(value);
    terminal.out.flush();
    return static_cast<bool>(terminal.out);
  };
  const auto call = [&]() -> Outcome {
    auto service = open(settings.root);
    if (!service) return fail(std::move(service).error());
    if (!settings.backend.empty()) NWF_CHECK((*service)->backend(settings.backend));
    return invocation.command->run(**service, invocation.arguments, terminal);
  };
  const Outcome outcome = call();
  terminal.show = {};
  if (outcome.value) print(*outcome.value);
  if (!outcome.error) return finish(outcome.code, terminal);
  terminal.err << (settings.json ? to_json(*outcome.error) : to_text(*outcome.error, talk_style));
  return finish(exit_code(outcome.error->kind), terminal);
}

}  // namespace

int run(const std::vector<std::string>& words, Terminal& terminal, const OpenService& open) {
  const auto parsed = parse_arguments(words);
  if (const auto* information = std::get_if<Information>(&parsed)) {
    terminal.out << information->text;
    return finish(kExitDone, terminal);
  }
  if (const auto* misuse = std::get_if<Misuse>(&parsed)) return misused(*misuse, terminal);
  return invoke(std::get<Invocation>(parsed), terminal, open);
}

}  // namespace nwf::tools
