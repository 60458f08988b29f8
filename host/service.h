// SPDX-License-Identifier: GPL-2.0-or-later
// Every operation an administrator has, as one interface: in process (host::open), and from afar (rpc/client.h).
//
// Results are plain values; the tools turn them into text or JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/backend.h"
#include "engine/error.h"
#include "engine/model/binding.h"
#include "engine/model/filter.h"
#include "host/events.h"
#include "host/figures.h"
#include "host/network_service.h"

namespace nwf::host {

struct FilterSummary {
  std::string name;
  Uuid uuid;
};

/// What a define did.
struct Defined {
  FilterSummary filter;
  bool replaced = false;              ///< a filter of this name was there before
  std::size_t ports = 0;              ///< how many bound ports' rules it changed
  std::vector<std::string> warnings;  ///< described errors that do not stop a define
};

struct BindingSummary {
  std::string port;
  std::string filter;
  bool waiting = false;  ///< no interface of this name now: its rules are in force from its first frame
};

/// An address that a port has learned, or that an administrator gave it in place of learning.
struct LearnedAddress {
  std::string port;
  std::string variable;                             ///< the filter's: IP, IPV6 or IPV6_PREFIX
  std::string address;                              ///< a delegated prefix as ADDRESS/LENGTH
  std::string source;                               ///< arp, ip, dhcp, nd, ra or manual
  std::string server;                               ///< address of the DHCP server or router; empty where there is none
  std::uint64_t age_seconds = 0;                    ///< since it is believed
  std::optional<std::uint64_t> lease_seconds = {};  ///< until it ends; none: it has no end
};

/// What a bind did.
struct Bound {
  BindingSummary binding;
  std::vector<std::string> warnings;
};

/// What binding a guest's ports did.
struct GuestBound {
  std::string guest;                    ///< its name
  std::vector<BindingSummary> bound;    ///< bound, or bound differently, in the order of the text
  std::vector<BindingSummary> unbound;  ///< ports that were the guest's and are not any more
  std::vector<std::string> warnings;
};

/// Where a guest is in its life when its ports are bound.
enum class GuestState {
  Starts,  ///< its ports are new: what is bound on them is of another life, and replaced
  Runs,    ///< what is bound on them for this guest stays, with all that was set or learned since; ports it no longer
           ///< has are unbound
};

/// One rule that guards a port, as the kernel has it.
struct PortRule {
  Layer layer;
  Direction direction;  ///< Out or In
  std::string chain;    ///< the kernel's chain
  std::string rule;     ///< in nft's words
  std::string origin;   ///< `FILTER rule N line L`
};

/// One set or map that holds values of a port.
struct PortValue {
  std::string set;
  std::vector<std::string> values;
};

struct PortRules {
  std::string port;
  std::string filter;
  std::string program;           ///< the shared program's name in the kernel
  std::vector<std::string> why;  ///< why the program is not the plain shared one; empty when it is
  std::vector<PortRule> rules;
  std::vector<PortValue> values;
};

struct ProgramSummary {
  std::string name;
  std::string filter;
  std::size_t rules = 0;
  std::size_t ports = 0;
};

struct Status {
  std::string root;
  std::size_t filters = 0;
  std::vector<BindingSummary> bindings;
  std::vector<ProgramSummary> programs;
  Capabilities capabilities;
  std::string backend = "nftables";      ///< what realises filters, and in which tables each layer is
  std::string connection_state;          ///< native, mark or none
  std::string reject;                    ///< native, mark or drop
  bool in_sync = true;                   ///< the kernel holds what the state says
  std::vector<std::string> differences;  ///< when it does not: what differs
};

/// A text that a user names, and the name: "-" for standard input.
struct Document {
  std::string file;
  std::string text;
};

enum class Deed { New, Changed, Same };

struct FilterDeed {
  FilterSummary filter;
  Deed deed = Deed::New;
};
struct BindingDeed {
  BindingSummary binding;
  Deed deed = Deed::New;
};

/// What goes with a change: what of it is not there is no mistake.
struct Removal {
  std::vector<std::string> ports;    ///< to be bound no longer
  std::vector<std::string> filters;  ///< to be defined no longer, by name
};

/// What apply() or change() did.
struct Applied {
  std::vector<FilterDeed> filters;    ///< in the order given
  std::vector<BindingDeed> bindings;  ///< in the order given
  std::size_t ports = 0;              ///< how many ports bound before got other rules
  std::vector<std::string> warnings;
  std::vector<BindingSummary> unbound = {};
  std::vector<FilterSummary> undefined = {};
};

/// What apply() or reconcile() would do.
struct Planned {
  std::vector<FilterDeed> filters;
  std::vector<BindingDeed> bindings;
  std::vector<std::string> changes;  ///< of the kernel's ruleset, in words
  std::vector<std::string> nft;      ///< the same as commands of nft
  std::vector<std::string> warnings;
};

/// Rules as text for the programs that restore the legacy tables; empty where there are none of a family.
struct ExportedTables {
  std::string ip;        ///< for `iptables-restore --noflush`
  std::string ip6;       ///< for `ip6tables-restore --noflush`
  std::string ethernet;  ///< for `ebtables-restore --noflush`
};

/// Told while long work goes on: what is being done, and how far it is.
using Progress = std::function<void(std::string_view doing, std::size_t done, std::size_t all)>;

class Service {
 public:
  virtual ~Service() = default;

  /// `text` is a <filter>; `file` names it in messages ("-" for standard input).
  virtual Result<Defined> filter_define(const std::string& text, const std::string& file) = 0;
  /// Everything that is wrong, at once; the warnings when nothing is.
  virtual Result<std::vector<std::string>> filter_validate(const std::string& text, const std::string& file) = 0;
  /// NAME is a name or a UUID, here and below.
  virtual Result<FilterSummary> filter_undefine(const std::string& name) = 0;
  virtual Result<std::string> filter_dumpxml(const std::string& name) = 0;
  virtual Result<FilterSummary> filter_lookup(const std::string& name) = 0;
  virtual Result<std::vector<FilterSummary>> filter_list() = 0;

  /// `text` is a <filterbinding> or a guest's <interface>.
  virtual Result<Bound> binding_create(const std::string& text, const std::string& file) = 0;
  virtual Result<BindingSummary> binding_delete(const std::string& port) = 0;
  virtual Result<std::string> binding_dumpxml(const std::string& port) = 0;
  virtual Result<BindingSummary> binding_lookup(const std::string& port) = 0;
  virtual Result<std::vector<BindingSummary>> binding_list() = 0;
  /// Replaces the named variables' values; the port's other variables stay.
  virtual Result<Bound> binding_set(const std::string& port, const Variables& values) = 0;
  virtual Result<PortRules> binding_rules(const std::string& port) = 0;

  /// What rules have dropped, of one port or of all when `port` is empty; sorted by port, layer, direction and rule.
  /// The kernel counts; rules that a filter no longer has are left out. Errors: NotFound when the port is not bound.
  virtual Result<std::vector<PortDrops>> drops([[maybe_unused]] const std::string& port) {
    return fail(ErrorKind::Unsupported, "this service counts no drops");
  }

  /// What was learned, of one port or of all when `port` is empty; sorted by port, variable and address.
  virtual Result<std::vector<LearnedAddress>> learned_list(const std::string& port) = 0;
  /// Forgets one address of a port, or all when `address` is empty; the addresses forgotten. A port without any waits
  /// for one again. Errors: NotFound when the port is not bound, or has not learned the address.
  virtual Result<std::vector<LearnedAddress>> learned_forget(const std::string& port, const std::string& address) = 0;
  /// Gives a port that learns these addresses, in place of what it learned of their kinds; what it has now.
  /// Errors: Refused for a port whose filter needs no address that is not given.
  virtual Result<std::vector<LearnedAddress>> learned_set(const std::string& port,
                                                          const std::vector<std::string>& addresses) = 0;

  /// Binds the ports of a guest as its <domain> says (or the <domstatus> that libvirt keeps of it), in one transaction:
  /// each interface with a <filterref> and a <target dev>.
  virtual Result<GuestBound> guest_bind(const std::string& text, const std::string& file, GuestState state) = 0;
  /// Unbinds the ports of a guest, NAME being its UUID or name: all of them or, given a MAC address, the one that has
  /// it and only when its interface is gone. None at all is no error.
  virtual Result<std::vector<BindingSummary>> guest_unbind(const std::string& name,
                                                           const std::optional<Mac>& unplugged) = 0;
  /// All of these filters and bindings, new or in place of what has their names, as one change: all at one instant, in
  /// the kernel and in the state, or nothing. Each is a <filter>, a <filterbinding> or a guest's <interface>.
  virtual Result<Applied> apply(const std::vector<Document>& documents, const Progress& progress) = 0;
  /// apply() that takes something away at the same instant: no port is open, and none is guarded by both or by
  /// neither, meanwhile. Errors: Refused for a filter that something which stays would still use.
  virtual Result<Applied> change([[maybe_unused]] const std::vector<Document>& documents,
                                 [[maybe_unused]] const Removal& removal) {
    return fail(ErrorKind::Unsupported, "this service cannot take away and define as one change");
  }
  /// What apply() of these would change, or with none of them, reconcile(). Changes nothing.
  virtual Result<Planned> plan(const std::vector<Document>& documents) = 0;

  virtual Result<Status> status() = 0;
  /// Brings another backend into force and keeps that choice, no port being unguarded meanwhile; with an empty name
  /// nothing changes. Says which is in force. Errors: Invalid for a name that is none; Unsupported by this kernel.
  virtual Result<std::string> backend([[maybe_unused]] const std::string& chosen) {
    return fail(ErrorKind::Unsupported, "this service has no choice of backends");
  }
  /// What iptables-legacy would hold of one port, of the ports of one filter or of one network by its name, or of all
  /// when `what` is empty; `classic`: each port's rules in chains of its own. Nothing is asked of the kernel. A filter
  /// that no port is bound to is exported for a port of that name, `PORT`, when it needs no variables.
  virtual Result<ExportedTables> export_iptables([[maybe_unused]] const std::string& what,
                                                 [[maybe_unused]] bool classic) {
    return fail(ErrorKind::Unsupported, "this service does not export");
  }
  /// Makes the kernel hold what the state says; the number of changes sent.
  virtual Result<std::size_t> reconcile() = 0;

  /// What a running daemon has counted. Errors: Unsupported in process, where nothing runs that could count.
  virtual Result<Figures> figures() = 0;
  /// Hands over each event as it happens, until `on_event` returns false. Errors: Unsupported in process.
  virtual Result<void> watch(const std::function<bool(const Event&)>& on_event) = 0;

  /// Virtual networks; it lives as long as the service. Errors: Unsupported where there are none.
  virtual Result<NetworkService*> networks() {
    return fail(ErrorKind::Unsupported, "there are no virtual networks here");
  }
};

}  // namespace nwf::host
