// SPDX-License-Identifier: GPL-2.0-or-later
// What a verb returns, as plain data. text.h and json.h print the same value; a verb never prints.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/error.h"
#include "host/import.h"
#include "host/service.h"

namespace nwf::tools {

struct DefinedFile {
  std::string file;
  host::Defined result;
};
/// filter define: the files that were defined, in the order given.
struct FiltersDefined {
  std::vector<DefinedFile> files;
};
struct FilterUndefined {
  host::FilterSummary filter;
};
struct FilterList {
  std::vector<host::FilterSummary> filters;
};
struct FilterEdited {
  std::string name;
  std::optional<host::Defined> result;  ///< none: the text came back as it was
};
struct FilterValid {
  std::string file;
  std::vector<std::string> warnings;
};
struct BindingCreated {
  std::string file;
  host::Bound result;
};
struct BindingDeleted {
  host::BindingSummary binding;
};
struct BindingList {
  std::vector<host::BindingSummary> bindings;
};
/// learned list.
struct LearnedList {
  std::vector<host::LearnedAddress> addresses;
};
/// learned forget: what was forgotten.
struct LearnedForgotten {
  std::string port;
  std::vector<host::LearnedAddress> addresses;
};
/// learned set: what the port has now.
struct LearnedGiven {
  std::string port;
  std::vector<host::LearnedAddress> addresses;
};
struct VariablesSet {
  host::Bound result;
};
struct NetworkDefined {
  std::string file;
  host::NetworkDefined result;
};
struct NetworkEdited {
  std::string name;
  std::optional<host::NetworkDefined> result;  ///< none: the text came back as it was
};
/// A network and what was done with it.
struct NetworkDone {
  std::string what;  ///< started, stopped, …
  host::NetworkSummary network;
  std::vector<std::string> warnings;
};
struct NetworkList {
  std::vector<host::NetworkSummary> networks;
};
struct LeaseList {
  std::vector<Lease> leases;
};
/// dumpxml of a filter, a binding or a network.
struct XmlText {
  std::string xml;
};
struct Exported {
  host::ExportedTables tables;
  bool ip = true, ip6 = true, ethernet = true;  ///< which of them are asked for
};
struct BackendInForce {
  std::string name;
  bool chosen = false;  ///< now, by this command
};
struct Reconciled {
  std::size_t changes = 0;
};

/// drops: what rules have dropped.
struct DropList {
  std::vector<host::PortDrops> drops;
};

/// top: what was counted, and what had been counted a while before.
struct Top {
  host::Figures now;
  host::Figures before;
  bool on_terminal = false;  ///< over what was printed last
};

using Value =
    std::variant<FiltersDefined, FilterUndefined, FilterList, FilterEdited, FilterValid, BindingCreated, BindingDeleted,
                 BindingList, DropList, LearnedList, LearnedForgotten, LearnedGiven, VariablesSet, XmlText, host::Event,
                 Top, host::PortRules, host::Applied, host::Planned, host::Status, Reconciled, NetworkDefined,
                 NetworkEdited, NetworkDone, NetworkList, host::NetworkSummary, LeaseList, host::Imported,
                 host::ImportUndone, BackendInForce, Exported>;

/// True when a plan is of anything at all.
bool changes_something(const host::Planned& planned);

/// A value, an error, or both: what was done before the error. Neither: everything was said already.
struct Outcome {
  std::optional<Value> value;
  std::optional<Error> error;
  int code = 0;  ///< what the program ends with when there is no error

  Outcome() = default;
  Outcome(Value done) : value(std::move(done)) {}                              // NOLINT: a verb says `return value;`
  Outcome(tl::unexpected<Error> failed) : error(std::move(failed.value())) {}  // NOLINT
};

}  // namespace nwf::tools
