// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/import_command.h"

#include "host/import.h"
#include "tools/nwfctl/exit_code.h"

namespace nwf::tools {

Outcome import(host::Service& service, const Arguments& arguments, Terminal&) {
  host::ImportOptions options;
  options.root = arguments.root;
  options.libvirt_root = arguments.libvirt_root;
  options.keep = arguments.has("--keep");
  options.remove_chains = arguments.has("--remove-chains");
  if (arguments.has("--undo")) {
    options.carry_out = !arguments.has("--dry-run");
    auto undone = host::undo_import(service, options);
    if (!undone) return fail(std::move(undone).error());
    Outcome outcome = Value(*std::move(undone));
    if (!options.carry_out) outcome.code = kExitWouldChange;
    return outcome;
  }
  options.carry_out = arguments.has("--yes");
  auto imported = host::import_libvirt(service, options);
  if (!imported) return fail(std::move(imported).error());
  const bool something = imported->changes_something();
  std::optional<Error> failed = imported->chains_failed;
  Outcome outcome = Value(*std::move(imported));
  outcome.error = std::move(failed);
  if (!options.carry_out && something) outcome.code = kExitWouldChange;
  return outcome;
}

}  // namespace nwf::tools
