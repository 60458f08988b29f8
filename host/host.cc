// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "engine/legacy/network_tables.h"
#include "engine/print/iptables.h"
#include "engine/print/nft_changes.h"
#include "engine/ruleset/diff.h"
#include "host/backend_choice.h"
#include "host/bindings.h"
#include "host/definitions.h"
#include "host/firewall.h"
#include "host/identity.h"
#include "host/knowledge.h"
#include "host/leases.h"
#include "host/legacy_layer.h"
#include "host/library.h"
#include "host/networks.h"
#include "host/open_with.h"
#include "host/port_rules.h"
#include "legacy/kernel.h"
#include "netlink/links.h"
#include "netlink/nftables/backend.h"
#include "store/store.h"
#include "xml/binding.h"
#include "xml/domain.h"
#include "xml/filter.h"
#include "xml/interface.h"
#include "xml/write.h"

namespace nwf::host {
namespace {

using store::Shelf;

std::vector<std::string> texts(const std::vector<Error>& errors) {
  std::vector<std::string> lines;
  lines.reserve(errors.size());
  for (const Error& error : errors) lines.push_back(describe(error));
  return lines;
}

std::set<std::string> names_of(const std::vector<std::shared_ptr<const Filter>>& filters) {
  std::set<std::string> names;
  for (const auto& filter : filters) names.insert(filter->name);
  return names;
}

class Host final : public LearningHost {
 public:
  Host(const Options& options, std::unique_ptr<Backend> backend)
      : options_(options),
        store_(store::open_directory(options.root)),
        bindings_(*store_),
        library_(*store_),
        leases_(*store_, options.clock ? options.clock : read_clocks),
        networks_(*store_, options.root, options.zones),
        backend_(std::move(backend)),
        legacy_kernel_(legacy::open_kernel()),
        legacy_(*store_, *legacy_kernel_) {}

  Result<Defined> filter_define(const std::string& text, const std::string& file) override;
  Result<std::vector<std::string>> filter_validate(const std::string& text, const std::string& file) override;
  Result<FilterSummary> filter_undefine(const std::string& name) override;
  Result<std::string> filter_dumpxml(const std::string& name) override;
  Result<FilterSummary> filter_lookup(const std::string& name) override;
  Result<std::vector<FilterSummary>> filter_list() override;
  Result<Bound> binding_create(const std::string& text, const std::string& file) override;
  Result<BindingSummary> binding_delete(const std::string& port) override;
  Result<std::string> binding_dumpxml(const std::string& port) override;
  Result<BindingSummary> binding_lookup(const std::string& port) override;
  Result<std::vector<BindingSummary>> binding_list() override;
  Result<Bound> binding_set(const std::string& port, const Variables& values) override;
  Result<PortRules> binding_rules(const std::string& port) override;
  Result<std::vector<PortDrops>> drops(const std::string& port) override;
  Result<std::vector<LearnedAddress>> learned_list(const std::string& port) override;
  Result<std::vector<LearnedAddress>> learned_forget(const std::string& port, const std::string& address) override;
  Result<std::vector<LearnedAddress>> learned_set(const std::string& port,
                                                  const std::vector<std::string>& addresses) override;
  Result<std::vector<GuestPort>> guest_ports() override;
  Result<std::optional<GuestPort>> guest_port(const std::string& port) override;
  Result<std::vector<Believed>> believe(const std::vector<PortEvent>& events) override;
  Result<void> settle() override;
  Result<GuestBound> guest_bind(const std::string& text, const std::string& file, GuestState state) override;
  Result<std::vector<BindingSummary>> guest_unbind(const std::string& name,
                                                   const std::optional<Mac>& unplugged) override;
  Result<Applied> apply(const std::vector<Document>& documents, const Progress& progress) override {
    return change_all(documents, {}, progress);
  }
  Result<Applied> change(const std::vector<Document>& documents, const Removal& removal) override {
    return change_all(documents, removal, nullptr);
  }
  Result<Planned> plan(const std::vector<Document>& documents) override;
  Result<Status> status() override;
  Result<std::size_t> reconcile() override;
  Result<Figures> figures() override { return nothing_runs(); }
  Result<void> watch(const std::function<bool(const Event&)>&) override { return nothing_runs(); }
  Result<NetworkService*> networks() override { return &networks_; }
  Result<std::string> backend(const std::string& chosen) override;
  Result<ExportedTables> export_iptables(const std::string& what, bool classic) override;

 private:
  static tl::unexpected<Error> nothing_runs() {
    return fail(ErrorKind::Unsupported, "nwfd is not running here", "start nwfd: nwfd(8)");
  }
  using Filters = std::vector<std::shared_ptr<const Filter>>;
  /// A change of the firewall: ports, and programs whose ports stay as they are.
  struct Change {
    std::vector<PortChange> ports;
    Edit edit;
  };
  /// Filters as they will be, with their UUIDs.
  struct NewFilters {
    Filters changed;  ///< those that are not as they are already, as they will be kept
    Filters given;    ///< the same as the user wrote them
    std::vector<FilterDeed> deeds;
    std::vector<Error> warnings;
  };

  /// The lock; what is in memory of the kernel is gone when somebody died with it.
  Result<std::unique_ptr<store::Lock>> lock();
  /// The lock, the stock filters, and nothing remembered that another process may have changed.
  Result<std::unique_ptr<store::Lock>> begin();
  /// begin() and open_firewall(); what is in memory is used again when nobody can have changed anything meanwhile.
  Result<std::unique_ptr<store::Lock>> resume();
  Result<void> open_backend();
  /// The firewall, with what an earlier process knew of the kernel.
  Result<void> open_firewall();
  Result<void> save_knowledge();
  /// save_knowledge() when there is time: until then others have no hint, rather than one that is wrong.
  Result<void> put_off_saving();
  /// What was put off, unless it is worth nothing any more. The lock is held.
  Result<void> save_what_was_put_off();
  /// The kernel as the state says, but for these ports: as if they were not bound.
  Result<std::size_t> reconcile_all(const std::set<std::string>& unbound = {});
  /// What nf_tables judges: everything, or what the legacy tables leave to it.
  LowerOptions lower_options() const { return lower_options(legacy_.in_force()); }
  LowerOptions lower_options(bool legacy) const {
    return {options_.mark, options_.filter_host_traffic, options_.optimise, !legacy || !legacy_.layout().ethernet,
            !legacy};
  }
  /// The backend that was chosen, brought into force when another one is. Every port is guarded meanwhile: what comes
  /// judges before what goes is taken away.
  Result<void> use_chosen_backend();
  Result<void> change_to_legacy(bool classic);
  Result<void> change_to_nftables();
  std::string backend_in_force() const;
  /// The ports that are exported; nothing for a name that is only a network's.
  Result<std::vector<Binding>> exported_ports(const std::string& what, const std::vector<Binding>& bindings,
                                              bool is_network);

  /// Makes and carries out a change. When the kernel turns out not to hold what it should, it is reconciled first and
  /// the change made from there.
  Result<std::vector<Error>> carry_out(const std::function<Result<Change>()>& make, Programs& after);
  /// The kernel as the state says, when it turned out to be otherwise.
  Result<void> reconcile_kernel();
  /// Both kinds of tables as these bindings want them: how many changes that took.
  Result<std::size_t> reconcile_tables(const std::vector<Binding>& bindings);
  /// What a change is in the legacy tables.
  Result<LegacyLayer::Step> legacy_step(const Change& change, Programs& after);
  Result<Applied> change_all(const std::vector<Document>& documents, const Removal& removal, const Progress& progress);
  /// What filters of these names and these bindings change, and that some ports are bound no longer, the kernel being
  /// known. `after` has the filters.
  Result<Change> change_of(const std::set<std::string>& names, const std::vector<Binding>& bindings,
                           const std::vector<Binding>& unbound, Programs& after);
  /// Those of the removal's filters that are there, when nothing that stays uses them.
  Result<std::vector<FilterSummary>> unused_filters(const Removal& removal, const Definitions& definitions);
  /// Why ports whose guests may not do all they should yet wait.
  std::vector<std::string> waiting(Programs& programs, const std::vector<Binding>& bindings);
  std::size_t ports_changed(const Change& change) const;
  /// Those of the bindings that are not as they are already, and what each is.
  Result<std::vector<Binding>> new_bindings(std::vector<Binding>& given, std::vector<BindingDeed>& deeds);
  Result<NewFilters> new_filters(const std::vector<std::shared_ptr<Filter>>& filters);
  /// An error in a filter as it will be kept, told where the user wrote it.
  static Error at_given_place(Error error, const NewFilters& filters);
  Result<bool> any_port_bound();

  Result<std::optional<Binding>> read_binding(const std::string& port);
  Result<std::vector<Binding>> read_bindings();
  Result<std::vector<Binding>> bindings_of(const std::function<bool(const Owner&)>& is_owner);
  Result<Binding> require_binding(const std::string& port);
  BindingSummary summary(const Binding& binding) const;
  Result<Bound> rebind(std::optional<Binding> before, Binding after);
  /// All these ports at one instant, in the kernel and then in the store. Returns warnings.
  Result<std::vector<std::string>> change_ports(std::vector<PortChange> changes);
  Result<GuestPort> guest_port_of(const Binding& binding);
  /// What to do about one port's events, given what is believed; nothing to do leaves `changed` false.
  Result<Believed> consider(const Binding& binding, learn::Beliefs beliefs,
                            const std::vector<const learn::Event*>& events);
  /// Brings what is believed of these ports into force and into the store.
  Result<void> enforce(const std::vector<std::pair<Binding, Believed*>>& ports);
  Result<void> expire_all(std::vector<Binding>& bindings);
  Result<void> check_identity(const Filter& filter);

  Options options_;
  std::unique_ptr<store::Store> store_;
  Bindings bindings_;
  Library library_;
  Leases leases_;
  Networks networks_;
  std::optional<std::string> filters_revision_;  ///< of the filters that programs_ was made from
  std::unique_ptr<Backend> backend_;
  std::optional<Firewall> firewall_;
  std::optional<Programs> programs_;
  bool saving_put_off_ = false;  ///< what is known of the kernel is in firewall_ alone
  std::unique_ptr<legacy::Kernel> legacy_kernel_;
  LegacyLayer legacy_;
};

Result<std::unique_ptr<store::Lock>> Host::lock() {
  NWF_TRY(auto lock, take_lock(*store_));
  if (lock->after_crash()) {
    firewall_.reset();
    saving_put_off_ = false;
  }
  return lock;
}

Result<std::unique_ptr<store::Lock>> Host::begin() {
  NWF_TRY(auto lock, this->lock());
  NWF_CHECK(library_.seed());
  library_.forget_all();
  programs_.reset();
  return lock;
}

Result<void> Host::open_backend() {
  if (backend_ != nullptr) return {};
  NWF_TRY(backend_, netlink::open_nftables());
  return {};
}

Result<void> Host::open_firewall() {
  NWF_CHECK(open_backend());
  NWF_CHECK(save_what_was_put_off());
  NWF_TRY(const auto text, store_->get(Shelf::State, kKnowledgeDocument));
  std::optional<Knowledge> knowledge;
  if (text) knowledge = knowledge_from_text(*text);
  NWF_CHECK(legacy_.recall());
  const LowerOptions lower = lower_options();
  if (knowledge && (knowledge->place != this_place() || knowledge->host_traffic != options_.filter_host_traffic ||
                    knowledge->ethernet != lower.ethernet || knowledge->inet != lower.inet))
    knowledge.reset();
  Capabilities capabilities;
  if (knowledge) {
    capabilities = knowledge->capabilities;
  } else {
    NWF_TRY(capabilities, backend_->capabilities());
  }
  programs_.emplace(library_.lookup(), capabilities, lower_options(), options_.learning);
  firewall_.emplace(*backend_, std::move(knowledge));
  return use_chosen_backend();
}

Result<void> Host::use_chosen_backend() {
  BackendChoice chosen;
  if (options_.backend) {
    chosen = *options_.backend;
  } else {
    NWF_TRY(chosen, read_backend(*store_));
  }
  if (chosen.legacy && options_.filter_host_traffic)
    return fail(ErrorKind::Unsupported, "the iptables-legacy backend does not judge what the host sends to guests",
                "leave that option out, or use the nftables backend");
  if (chosen.legacy && legacy_.in_force() && legacy_.classic() == chosen.classic) return {};
  if (chosen.legacy) return change_to_legacy(chosen.classic);
  if (legacy_.has_rules()) return change_to_nftables();
  return {};
}

Result<void> Host::change_to_legacy(bool classic) {
  NWF_TRY(const auto bindings, read_bindings());
  NWF_CHECK(legacy_.begin(classic));
  Programs after(library_.lookup(), programs_->capabilities(), lower_options(true), options_.learning);
  // A port that is guarded now, and could not be then, is nobody's to close.
  if (firewall_->knows_kernel())
    for (const Binding& binding : bindings)
      if (!firewall_->knowledge().closed.contains(binding.port.text()))
        if (auto placed = after.place(binding); !placed) return fail(std::move(placed).error().at(binding.source));
  NWF_CHECK(legacy_.reconcile(bindings, after));
  NWF_CHECK(legacy_.enforce());
  programs_.emplace(std::move(after));
  backend_->let_packets_leave();
  NWF_CHECK(firewall_->reconcile(bindings, *programs_));
  return save_knowledge();
}

Result<void> Host::change_to_nftables() {
  if (!firewall_->knows_kernel()) NWF_CHECK(reconcile_kernel());
  Programs after(library_.lookup(), programs_->capabilities(), lower_options(false), options_.learning);
  // To nf_tables it is an edit of all filters, made like any other: packets on their way do not know its rules yet.
  std::set<std::string> all;
  for (const auto& [name, program] : firewall_->knowledge().programs)
    all.insert(program.filters.begin(), program.filters.end());
  NWF_TRY(const auto bindings, read_bindings());
  NWF_TRY(const Change change, change_of(all, bindings, {}, after));
  const auto done = firewall_->transition(change.ports, change.edit.programs, *programs_, after);
  if (!done && firewall_->knows_kernel()) return fail(done.error());
  programs_.emplace(std::move(after));
  if (!done) NWF_CHECK(firewall_->reconcile(bindings, *programs_));
  NWF_CHECK(save_knowledge());
  backend_->let_packets_leave();
  return legacy_.leave();
}

Result<std::string> Host::backend(const std::string& chosen) {
  NWF_TRY(const auto lock, begin());
  if (chosen.empty()) {
    NWF_CHECK(legacy_.recall());
    return backend_in_force();
  }
  NWF_TRY(const BackendChoice choice, parse_backend(chosen));
  if (options_.backend && *options_.backend != choice)
    return fail(ErrorKind::Refused, fmt::format("this host was started with the backend {}", options_.backend->text()),
                "start nwfd without --backend, or with another one");
  if (choice.legacy) {  // a network that is up and that only nf_tables does
    NWF_TRY(const auto up, networks_.up());
    NWF_CHECK(legacy::network_tables(up, choice.classic, true));
  }
  NWF_TRY(const BackendChoice before, read_backend(*store_));
  NWF_CHECK(write_backend(*store_, choice));
  if (auto opened = open_firewall(); !opened) {
    // What could not be brought into force is not chosen, and nothing stays of it.
    NWF_CHECK(write_backend(*store_, before));
    if (auto back = open_firewall(); !back && back.error().kind != opened.error().kind)
      return fail(std::move(back).error().in("on the way back"));
    return fail(std::move(opened).error());
  }
  // It was in force, and whoever brought it there may have been killed before the other was taken away.
  if (!firewall_->knows_kernel()) {
    NWF_CHECK(reconcile_kernel());
    NWF_CHECK(save_knowledge());
  }
  if (options_.networks) NWF_CHECK(networks_.reconcile());
  return backend_in_force();
}

Result<ExportedTables> Host::export_iptables(const std::string& what, bool classic) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const auto bindings, read_bindings());
  Capabilities any;  // the text may be for another host
  any.bridge_netfilter4 = any.bridge_netfilter6 = Probe::Yes;
  LowerOptions options = lower_options(false);
  options.ethernet = options.inet = false;
  Programs programs(library_.lookup(), any, options, options_.learning);
  NWF_TRY(const std::vector<Network> networks, networks_.named(what));
  NWF_TRY(legacy::Tables tables, legacy::network_tables(networks, classic, true));
  NWF_TRY(const auto exported, exported_ports(what, bindings, !networks.empty()));
  for (const Binding& binding : exported) {
    auto placement = programs.place(binding);
    if (!placement) return fail(std::move(placement).error().in("port " + binding.port.text()));
    NWF_TRY(const auto port,
            legacy::port_tables(*placement->program->plain, binding.port, placement->variables, {classic, true}));
    legacy::add(port, tables);
  }
  ExportedTables out;
  NWF_TRY(out.ip, print::iptables(tables, legacy::Family::Ip4));
  NWF_TRY(out.ip6, print::iptables(tables, legacy::Family::Ip6));
  NWF_TRY(out.ethernet, print::iptables(tables, legacy::Family::Ethernet));
  return out;
}

Result<std::vector<Binding>> Host::exported_ports(const std::string& what, const std::vector<Binding>& bindings,
                                                  bool is_network) {
  if (what.empty()) return bindings;
  std::vector<Binding> some;
  for (const Binding& binding : bindings)
    if (binding.port.text() == what || binding.filter == what) some.push_back(binding);
  if (!some.empty() || is_network) return some;
  NWF_TRY(const auto filter, library_.find(what));
  if (filter == nullptr)
    return fail(ErrorKind::NotFound, fmt::format("there is no filter, bound port or network '{}'", what),
                "see `nwfctl binding list`, `nwfctl filter list` and `nwfctl net list`");
  some.push_back({{}, *PortName::parse("PORT"), Mac{}, what, {}, {}});
  return some;
}

std::string Host::backend_in_force() const {
  if (!legacy_.in_force()) return BackendChoice{}.text();
  const std::string name = BackendChoice{true, legacy_.classic()}.text();
  return legacy_.layout().ethernet ? name : name + ", the ethernet layer in nf_tables (this kernel has no ebtables)";
}

Result<void> Host::save_knowledge() {
  saving_put_off_ = false;
  const auto prepared = store_->prepare(Shelf::State, kKnowledgeDocument, to_text(firewall_->knowledge()));
  if (prepared && (*prepared)->commit()) return {};
  // The change itself is done, and this is only a hint. None is as good, where an old one would be wrong.
  return store_->remove(Shelf::State, kKnowledgeDocument);
}

Result<void> Host::put_off_saving() {
  if (saving_put_off_) return {};
  NWF_CHECK(store_->remove(Shelf::State, kKnowledgeDocument));
  saving_put_off_ = true;
  return {};
}

Result<void> Host::save_what_was_put_off() {
  if (!std::exchange(saving_put_off_, false) || !firewall_ || !firewall_->knows_kernel()) return {};
  // Whoever wrote rules meanwhile, with a hint of its own or without, made ours worth nothing.
  NWF_TRY(const auto others, store_->get(Shelf::State, kKnowledgeDocument));
  NWF_TRY(const auto generation, backend_->generation());
  if (others || generation != firewall_->knowledge().generation) return {};
  return save_knowledge();
}

Result<void> Host::settle() {
  if (!saving_put_off_) return {};
  NWF_TRY(const auto lock, this->lock());
  return save_what_was_put_off();
}

Result<std::unique_ptr<store::Lock>> Host::resume() {
  NWF_TRY(auto lock, this->lock());
  const auto revision = store_->revision(Shelf::Filters);
  if (firewall_ && programs_ && firewall_->knows_kernel() && revision && revision == filters_revision_) {
    NWF_TRY(const auto generation, backend_->generation());
    if (generation == firewall_->knowledge().generation) return lock;
  }
  NWF_CHECK(library_.seed());
  library_.forget_all();
  NWF_CHECK(open_firewall());
  filters_revision_ = revision;
  return lock;
}

Result<std::size_t> Host::reconcile_all(const std::set<std::string>& unbound) {
  if (options_.own_tables) NWF_CHECK(backend_->own());
  NWF_TRY(const Capabilities capabilities, backend_->capabilities());
  programs_.emplace(library_.lookup(), capabilities, lower_options(), options_.learning);
  NWF_TRY(auto bindings, read_bindings());
  NWF_CHECK(expire_all(bindings));
  std::erase_if(bindings, [&](const Binding& binding) { return unbound.contains(binding.port.text()); });
  NWF_TRY(const std::size_t changes, reconcile_tables(bindings));
  NWF_CHECK(save_knowledge());
  return changes;
}

Result<std::vector<Error>> Host::carry_out(const std::function<Result<Change>()>& make, Programs& after) {
  for (bool again = false;; again = true) {
    if (!firewall_->knows_kernel()) NWF_CHECK(reconcile_kernel());
    NWF_TRY(const Change change, make());
    LegacyLayer::Step step;
    const auto let_packets_leave = [&] { backend_->let_packets_leave(); };
    if (legacy_.in_force()) {
      NWF_TRY(step, legacy_step(change, after));
      NWF_CHECK(legacy_.begin_step(step, let_packets_leave));
    }
    auto done = firewall_->transition(change.ports, change.edit.programs, *programs_, after);
    if (done && legacy_.in_force()) {
      if (auto finished = legacy_.finish_step(step, let_packets_leave); !finished) {
        // The state is still as it was: back to it.
        NWF_CHECK(reconcile_kernel());
        return fail(std::move(finished).error());
      }
    }
    if (done) return done;
    if (legacy_.in_force()) NWF_CHECK(legacy_.undo(step));
    if (firewall_->knows_kernel() || again) return done;
  }
}

Result<void> Host::reconcile_kernel() {
  NWF_TRY(const auto bindings, read_bindings());
  NWF_CHECK(reconcile_tables(bindings));
  return {};
}

Result<std::size_t> Host::reconcile_tables(const std::vector<Binding>& bindings) {
  std::size_t legacy_changes = 0;
  if (legacy_.in_force()) {
    NWF_TRY(legacy_changes, legacy_.reconcile(bindings, *programs_));
  }
  NWF_TRY(const auto reconciled, firewall_->reconcile(bindings, *programs_));
  return reconciled.changes + legacy_changes;
}

Result<LegacyLayer::Step> Host::legacy_step(const Change& change, Programs& after) {
  if (&after == &*programs_) return legacy_.step(change.ports, *programs_, after);
  // Filters change: nobody knows here which ports have them in their trees, and those that do not stay as they are.
  std::vector<PortChange> ports = change.ports;
  std::set<std::string> listed;
  for (const PortChange& port : ports) listed.insert((port.before ? port.before : port.after)->port.text());
  NWF_TRY(auto bindings, read_bindings());
  for (Binding& binding : bindings)
    if (!listed.contains(binding.port.text())) ports.push_back({binding, binding});
  return legacy_.step(ports, *programs_, after);
}

Result<Host::Change> Host::change_of(const std::set<std::string>& names, const std::vector<Binding>& bindings,
                                     const std::vector<Binding>& unbound, Programs& after) {
  std::set<std::string> listed;
  Change change;
  change.edit = firewall_->edit(names, after);
  for (const Binding& binding : unbound) {
    change.ports.push_back({binding, std::nullopt});
    listed.insert(binding.port.text());
  }
  for (const Binding& binding : bindings) {
    NWF_TRY(auto before, read_binding(binding.port.text()));
    Binding with_learned = binding;
    NWF_CHECK(leases_.fill(with_learned));
    change.ports.push_back({std::move(before), std::move(with_learned)});
    listed.insert(binding.port.text());
  }
  const auto look_at = [&](const Binding& binding) {
    if (listed.insert(binding.port.text()).second) change.ports.push_back({binding, binding});
  };
  if (!change.edit.reshaped.empty()) {
    NWF_TRY(const auto all, read_bindings());
    for (const Binding& binding : all) {
      const auto placement = programs_->place(binding);
      if (placement && change.edit.reshaped.contains(placement->program->lowered.name)) look_at(binding);
    }
  }
  for (const std::string& port : firewall_->knowledge().closed) {
    NWF_TRY(const auto binding, read_binding(port));
    if (binding && !names.empty()) look_at(*binding);
  }
  return change;
}

std::size_t Host::ports_changed(const Change& change) const {
  std::size_t ports = change.ports.size();
  for (const auto& [name, compiled] : change.edit.programs) ports += firewall_->knowledge().programs.at(name).ports;
  return ports;
}

Result<bool> Host::any_port_bound() {
  NWF_TRY(const auto ports, store_->list(Shelf::Bindings));
  return !ports.empty();
}

Result<std::optional<Binding>> Host::read_binding(const std::string& port) {
  NWF_TRY(auto binding, bindings_.find(port));
  if (binding) NWF_CHECK(leases_.fill(*binding));
  return binding;
}

Result<std::vector<Binding>> Host::read_bindings() {
  NWF_TRY(auto bindings, bindings_.all());
  for (Binding& binding : bindings) NWF_CHECK(leases_.fill(binding));
  return bindings;
}

Result<std::vector<Binding>> Host::bindings_of(const std::function<bool(const Owner&)>& is_owner) {
  NWF_TRY(auto bindings, bindings_.of(is_owner));
  for (Binding& binding : bindings) NWF_CHECK(leases_.fill(binding));
  return bindings;
}

Result<Binding> Host::require_binding(const std::string& port) {
  if (PortName::parse(port)) {
    NWF_TRY(auto binding, read_binding(port));
    if (binding) return std::move(*binding);
  }
  return fail(ErrorKind::NotFound, fmt::format("port '{}' is not bound", port), "see `nwfctl binding list`");
}

BindingSummary Host::summary(const Binding& binding) const {
  return {binding.port.text(), binding.filter, !netlink::link_exists(binding.port)};
}

Result<void> Host::check_identity(const Filter& filter) {
  NWF_TRY(const auto same_name, library_.find(filter.name));
  if (same_name != nullptr && filter.uuid && same_name->uuid && *filter.uuid != *same_name->uuid)
    return fail({ErrorKind::Refused,
                 fmt::format("filter '{}' is defined already, with UUID {}", filter.name, same_name->uuid->text()),
                 filter.source,
                 "leave <uuid> out, or use that one",
                 {}});
  if (filter.uuid && same_name == nullptr) {
    NWF_TRY(const std::string other, library_.name_of(*filter.uuid));
    if (!other.empty())
      return fail({ErrorKind::Refused,
                   fmt::format("UUID {} is filter '{}' already", filter.uuid->text(), other),
                   filter.source,
                   "leave <uuid> out to get a new one",
                   {}});
  }
  return {};
}

Error Host::at_given_place(Error error, const NewFilters& filters) {
  const auto place = [](const FilterEntry& entry) {
    return std::visit([](const auto& of) { return of.source; }, entry);
  };
  for (std::size_t f = 0; f < filters.changed.size(); ++f) {
    const Filter &kept = *filters.changed[f], &given = *filters.given[f];
    if (kept.source.file != error.where.file) continue;
    const int line = error.where.line;
    error.where = given.source;
    for (std::size_t i = 0; i < kept.entries.size(); ++i)
      if (place(kept.entries[i]).line <= line) error.where = place(given.entries[i]);
    break;
  }
  return error;
}

Result<Host::NewFilters> Host::new_filters(const std::vector<std::shared_ptr<Filter>>& filters) {
  NewFilters result;
  std::map<Uuid, std::string> given;
  for (const auto& filter : filters) {
    NWF_CHECK(check_identity(*filter));
    NWF_TRY(const auto old, library_.find(filter->name));
    if (!filter->uuid) filter->uuid = old != nullptr && old->uuid ? old->uuid : std::optional<Uuid>(random_uuid());
    if (const auto [other, fresh] = given.emplace(*filter->uuid, filter->name); !fresh)
      return fail({ErrorKind::Refused,
                   fmt::format("UUID {} is given to filter '{}' too", filter->uuid->text(), other->second),
                   filter->source,
                   "leave one <uuid> out to get a new one",
                   {}});
    const std::string text = xml::write_filter(*filter);
    const bool same = old != nullptr && xml::write_filter(*old) == text;
    result.deeds.push_back({{filter->name, *filter->uuid},
                            old == nullptr ? Deed::New
                            : same         ? Deed::Same
                                           : Deed::Changed});
    if (same) continue;
    // Rules in the kernel name their lines, which are those of the document that is kept, not of the text given.
    NWF_TRY(auto kept, xml::read_filter(text, store_->path(Shelf::Filters, filter->name)));
    result.changed.push_back(std::make_shared<const Filter>(std::move(kept.value)));
    result.given.push_back(filter);
  }
  const FilterLookup lookup = library_.lookup_with(result.changed);
  for (const auto& filter : result.changed) {
    const auto flat = flatten(filter, lookup);
    if (flat) continue;
    Error error = at_given_place(flat.error(), result);
    // As in libvirt, a reference to what will be defined later is fine until somebody binds it.
    if (error.kind != ErrorKind::NotFound) return fail(std::move(error));
    result.warnings.push_back(std::move(error));
  }
  return result;
}

Result<Defined> Host::filter_define(const std::string& text, const std::string& file) {
  NWF_TRY(auto parsed, xml::read_filter(text, file));
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const NewFilters filters, new_filters({std::make_shared<Filter>(std::move(parsed.value))}));
  Defined result;
  result.filter = filters.deeds[0].filter;
  result.replaced = filters.deeds[0].deed != Deed::New;
  result.warnings = texts(parsed.warnings);
  for (const std::string& warning : texts(filters.warnings)) result.warnings.push_back(warning);
  if (filters.changed.empty()) return result;

  const Filter& filter = *filters.changed[0];
  NWF_TRY(const auto prepared, store_->prepare(Shelf::Filters, filter.name, xml::write_filter(filter)));
  // A filter may be defined without privilege as long as no port is bound: then there is no firewall to change.
  NWF_TRY(const bool bound, any_port_bound());
  if (bound) {
    NWF_CHECK(open_firewall());
    Programs after(library_.lookup_with(filters.changed), programs_->capabilities(), lower_options(),
                   options_.learning);
    const auto make = [&]() -> Result<Change> {
      NWF_TRY(auto change, change_of(names_of(filters.changed), {}, {}, after));
      result.ports = ports_changed(change);
      return change;
    };
    auto done = carry_out(make, after);
    if (!done) return fail(at_given_place(std::move(done).error(), filters));
    for (Error& warning : *done) result.warnings.push_back(nwf::describe(at_given_place(std::move(warning), filters)));
  }
  NWF_CHECK(prepared->commit());
  library_.forget(filter.name);
  if (bound) NWF_CHECK(save_knowledge());
  return result;
}

Result<std::vector<std::string>> Host::filter_validate(const std::string& text, const std::string& file) {
  NWF_TRY(auto parsed, xml::read_filter(text, file));
  std::vector<std::string> warnings = texts(parsed.warnings);
  const auto filter = std::make_shared<const Filter>(std::move(parsed.value));
  if (const auto flat = flatten(filter, library_.lookup_with({filter})); !flat) {
    if (flat.error().kind != ErrorKind::NotFound) return fail(flat.error());
    warnings.push_back(describe(flat.error()));
  }
  return warnings;
}

Result<FilterSummary> Host::filter_undefine(const std::string& name) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const auto filter, library_.resolve(name));
  NWF_TRY(const auto referrers, library_.referrers(filter->name));
  if (!referrers.empty())
    return fail(ErrorKind::Refused,
                fmt::format("filter '{}' is in use: {} refer{} to it", filter->name, fmt::join(referrers, ", "),
                            referrers.size() == 1 ? "s" : ""),
                "remove those references first");
  NWF_TRY(const auto bindings, read_bindings());
  for (const Binding& binding : bindings)
    if (binding.filter == filter->name)
      return fail(ErrorKind::Refused,
                  fmt::format("filter '{}' is in use: port {} is bound to it", filter->name, binding.port.text()),
                  fmt::format("`nwfctl binding delete {}` first", binding.port.text()));
  NWF_TRY(const auto giver, networks_.giver_of({filter->name}));
  if (giver)
    return fail(ErrorKind::Refused,
                fmt::format("filter '{}' is in use: network '{}' gives it to its ports", giver->first, giver->second),
                "name another one there, or remove its <filterref>, first");
  NWF_CHECK(store_->remove(Shelf::Filters, filter->name));
  library_.forget(filter->name);
  return FilterSummary{filter->name, filter->uuid.value_or(Uuid{})};
}

Result<std::string> Host::filter_dumpxml(const std::string& name) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const auto filter, library_.resolve(name));
  return xml::write_filter(*filter);
}

Result<FilterSummary> Host::filter_lookup(const std::string& name) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const auto filter, library_.resolve(name));
  return FilterSummary{filter->name, filter->uuid.value_or(Uuid{})};
}

Result<std::vector<FilterSummary>> Host::filter_list() {
  NWF_TRY(const auto lock, begin());
  return library_.list();
}

Result<Bound> Host::rebind(std::optional<Binding> before, Binding after) {
  NWF_CHECK(open_firewall());
  NWF_CHECK(leases_.fill(after));
  NWF_TRY(const auto prepared, store_->prepare(Shelf::Bindings, after.port.text(), xml::write_binding(after)));
  Bound result;
  result.binding = summary(after);
  const auto make = [&]() -> Result<Change> { return Change{{{before, after}}, {}}; };
  auto applied = carry_out(make, *programs_);
  if (!applied) {
    Error error = std::move(applied).error();
    // The binding is what is wrong here; that the filter it names is missing is no different.
    if (error.kind == ErrorKind::NotFound) error.kind = ErrorKind::Invalid;
    return fail(std::move(error).at(after.source));
  }
  result.warnings = texts(*applied);
  if (const auto placement = programs_->place(after); placement && placement->waits)
    result.warnings.push_back(
        fmt::format("port {} waits until nwfd has learned ${}: its guest may ask for an address only",
                    after.port.text(), fmt::join(placement->learns, ", $")));
  NWF_CHECK(prepared->commit());
  NWF_CHECK(save_knowledge());
  return result;
}

Result<Bound> Host::binding_create(const std::string& text, const std::string& file) {
  NWF_TRY(auto parsed, xml::read_binding_or_interface(text, file));
  NWF_TRY(const auto lock, begin());
  const Binding& binding = parsed.value;
  NWF_TRY(const auto text_there, store_->get(Shelf::Bindings, binding.port.text()));
  if (text_there)
    return fail({ErrorKind::Refused,
                 fmt::format("port {} is bound already", binding.port.text()),
                 binding.source,
                 fmt::format("`nwfctl binding delete {}` first", binding.port.text()),
                 {}});
  NWF_TRY(auto bound, rebind(std::nullopt, binding));
  const auto warnings = texts(parsed.warnings);
  bound.warnings.insert(bound.warnings.begin(), warnings.begin(), warnings.end());
  return bound;
}

Result<BindingSummary> Host::binding_delete(const std::string& port) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const Binding binding, require_binding(port));
  NWF_CHECK(open_firewall());
  const BindingSummary deleted = summary(binding);
  const auto make = [&]() -> Result<Change> { return Change{{{binding, std::nullopt}}, {}}; };
  const auto applied = carry_out(make, *programs_);
  // Its program cannot be made any more, or the kernel lost some of it, so what the port has is not known: compare
  // everything instead.
  if (!applied) NWF_CHECK(reconcile_all({port}));
  NWF_CHECK(leases_.remove(binding.port));
  NWF_CHECK(store_->remove(Shelf::Bindings, port));
  NWF_CHECK(save_knowledge());
  return deleted;
}

Result<std::string> Host::binding_dumpxml(const std::string& port) {
  NWF_TRY(Binding binding, require_binding(port));
  // As libvirt shows it: with the variable that every port has.
  binding.variables = binding.effective_variables();
  return xml::write_binding(binding);
}

Result<BindingSummary> Host::binding_lookup(const std::string& port) {
  NWF_TRY(const Binding binding, require_binding(port));
  return summary(binding);
}

Result<std::vector<BindingSummary>> Host::binding_list() {
  NWF_TRY(const auto bindings, bindings_.all());
  std::vector<BindingSummary> list;
  list.reserve(bindings.size());
  for (const Binding& binding : bindings) list.push_back(summary(binding));
  return list;
}

Result<Bound> Host::binding_set(const std::string& port, const Variables& values) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const Binding before, require_binding(port));
  Binding after = before;
  for (const auto& [name, list] : values) {
    if (name == "MAC")
      return fail(ErrorKind::Invalid, "$MAC is the binding's own address", "bind the port anew to change it");
    after.variables[name] = list;
  }
  return rebind(before, after);
}

Result<std::vector<std::string>> Host::change_ports(std::vector<PortChange> changes) {
  if (changes.empty()) return std::vector<std::string>{};
  NWF_CHECK(open_firewall());
  std::vector<store::ShelvedDocument> files;
  for (PortChange& change : changes) {
    if (!change.after) continue;
    NWF_CHECK(leases_.fill(*change.after));
    const Binding& after = *change.after;
    // Compiled once more, and from memory, below: here it is known which port a failure is about.
    if (auto program = programs_->place(after); !program) {
      Error error = std::move(program).error();
      if (error.kind == ErrorKind::NotFound) error.kind = ErrorKind::Invalid;
      return fail(std::move(error).in("port " + after.port.text()).at(after.source));
    }
    files.push_back({Shelf::Bindings, after.port.text(), xml::write_binding(after)});
  }
  const bool only_unbinds = files.empty();
  NWF_TRY(const auto prepared, store_->prepare_all(files));
  auto applied = carry_out([&]() -> Result<Change> { return Change{changes, {}}; }, *programs_);
  if (!applied && !only_unbinds) return fail(std::move(applied).error());
  std::set<std::string> unbound;
  for (const PortChange& change : changes)
    if (!change.after) unbound.insert(change.before->port.text());
  // As for one port: compare everything instead.
  if (!applied) NWF_CHECK(reconcile_all(unbound));
  NWF_CHECK(prepared->commit());
  for (const std::string& port : unbound) {
    NWF_CHECK(leases_.remove(*PortName::parse(port)));
    NWF_CHECK(store_->remove(Shelf::Bindings, port));
  }
  NWF_CHECK(save_knowledge());
  return applied ? texts(*applied) : std::vector<std::string>{};
}

Result<GuestBound> Host::guest_bind(const std::string& text, const std::string& file, GuestState state) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const std::vector<Network> networks, networks_.up());
  NWF_TRY(auto parsed, xml::read_domain(text, file, filters_of(networks)));
  const xml::Domain& domain = parsed.value;
  GuestBound result{domain.guest.name, {}, {}, texts(parsed.warnings)};
  std::vector<PortChange> changes;
  const auto unbind = [&](const Binding& binding) {
    result.unbound.push_back(summary(binding));
    changes.push_back({binding, std::nullopt});
  };
  for (const Binding& after : domain.bindings) {
    NWF_TRY(auto before, read_binding(after.port.text()));
    const bool same_guest =
        before && before->owner.uuid == after.owner.uuid && before->mac == after.mac && before->filter == after.filter;
    if (same_guest && state == GuestState::Runs) continue;
    if (before && xml::write_binding(*before) == xml::write_binding(after)) continue;
    result.bound.push_back(summary(after));
    changes.push_back({std::move(before), after});
  }
  for (const PortName& port : domain.open) {
    // What an administrator bound by hand has no owner, and stays.
    NWF_TRY(const auto before, read_binding(port.text()));
    if (before && before->owner.uuid && (state == GuestState::Starts || before->owner.uuid != domain.guest.uuid))
      unbind(*before);
  }
  if (state == GuestState::Runs) {
    NWF_TRY(const auto its, bindings_of([&](const Owner& owner) { return owner.uuid == domain.guest.uuid; }));
    for (const Binding& binding : its) {
      const bool has = std::any_of(domain.bindings.begin(), domain.bindings.end(),
                                   [&](const Binding& now) { return now.port == binding.port; });
      if (!has) unbind(binding);
    }
  }
  NWF_TRY(const auto warnings, change_ports(changes));
  result.warnings.insert(result.warnings.end(), warnings.begin(), warnings.end());
  return result;
}

Result<std::vector<BindingSummary>> Host::guest_unbind(const std::string& name, const std::optional<Mac>& unplugged) {
  NWF_TRY(const auto lock, begin());
  const auto uuid = Uuid::parse(name);
  NWF_TRY(const auto its,
          bindings_of([&](const Owner& owner) { return uuid ? owner.uuid == uuid : owner.name == name; }));
  std::vector<BindingSummary> result;
  std::vector<PortChange> changes;
  for (const Binding& binding : its) {
    BindingSummary told = summary(binding);
    if (unplugged && (binding.mac != *unplugged || !told.waiting)) continue;
    result.push_back(std::move(told));
    changes.push_back({binding, std::nullopt});
  }
  NWF_CHECK(change_ports(changes));
  return result;
}

Result<std::vector<PortDrops>> Host::drops(const std::string& port) {
  NWF_TRY(const auto lock, resume());
  if (!port.empty()) NWF_CHECK(require_binding(port));
  NWF_TRY(const auto counted, backend_->drops());
  std::map<std::string, std::vector<const CountedDrops*>> by_port;
  for (const CountedDrops& one : counted)
    if (port.empty() || one.port == port) by_port[one.port].push_back(&one);
  std::vector<PortDrops> list;
  for (const auto& [name, its] : by_port) {
    NWF_TRY(const auto binding, read_binding(name));
    if (!binding) continue;  // of a guest of before: the kernel keeps the count for a day
    const auto placement = programs_->place(*binding);
    if (!placement) continue;
    for (const CountedDrops* one : its) {
      const auto rule = placement->program->lowered.drops.find(one->number);
      if (rule == placement->program->lowered.drops.end()) continue;
      const auto& [flow, origin] = rule->second;
      list.push_back({name, binding->filter, flow_layer(flow), flow_direction(flow), origin, one->packets, one->bytes});
    }
  }
  const auto key = [](const PortDrops& one) { return std::tie(one.port, one.layer, one.direction, one.rule); };
  std::sort(list.begin(), list.end(), [&](const PortDrops& a, const PortDrops& b) { return key(a) < key(b); });
  return list;
}

Result<PortRules> Host::binding_rules(const std::string& port) {
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const Binding binding, require_binding(port));
  NWF_CHECK(open_firewall());
  NWF_TRY(const Placement placement, programs_->place(binding));
  NWF_TRY(const Held held, backend_->read());
  PortRules rules = port_rules(binding, *placement.program, held.ruleset);
  if (legacy_.in_force()) add_legacy_rules(legacy_.wanted({binding}, *programs_), rules);
  return rules;
}

Result<std::vector<FilterSummary>> Host::unused_filters(const Removal& removal, const Definitions& definitions) {
  const auto both = [](std::string_view what, const std::string& name) {
    return fail(ErrorKind::Invalid, fmt::format("{} '{}' is given and taken away in one change", what, name),
                "leave one of the two out");
  };
  for (const auto& filter : definitions.filters)
    if (std::ranges::find(removal.filters, filter->name) != removal.filters.end()) return both("filter", filter->name);
  for (const Binding& binding : definitions.bindings)
    if (std::ranges::find(removal.ports, binding.port.text()) != removal.ports.end())
      return both("port", binding.port.text());
  std::vector<FilterSummary> gone;
  std::set<std::string> going;
  for (const std::string& name : removal.filters) {
    NWF_TRY(const auto filter, library_.find(name));
    if (filter == nullptr) continue;
    gone.push_back({name, filter->uuid.value_or(Uuid{})});
    going.insert(name);
  }
  if (gone.empty()) return gone;
  const auto in_use = [](const std::string& name, const std::string& by) {
    return fail(ErrorKind::Refused, fmt::format("filter '{}' is in use: {}", name, by), "remove that first");
  };
  const auto refers = [&](const Filter& filter) -> const std::string* {
    for (const FilterEntry& entry : filter.entries)
      if (const auto* reference = std::get_if<FilterRef>(&entry); reference && going.contains(reference->filter))
        return &reference->filter;
    return nullptr;
  };
  std::set<std::string> given;
  for (const auto& filter : definitions.filters) {
    given.insert(filter->name);
    if (const auto* name = refers(*filter)) return in_use(*name, fmt::format("{} refers to it", filter->name));
  }
  NWF_TRY(const auto all, library_.list());
  for (const FilterSummary& other : all) {
    if (going.contains(other.name) || given.contains(other.name)) continue;
    NWF_TRY(const auto filter, library_.find(other.name));
    if (filter == nullptr) continue;
    if (const auto* name = refers(*filter)) return in_use(*name, fmt::format("{} refers to it", other.name));
  }
  std::set<std::string> looked_at(removal.ports.begin(), removal.ports.end());
  for (const Binding& binding : definitions.bindings) {
    looked_at.insert(binding.port.text());
    if (going.contains(binding.filter))
      return in_use(binding.filter, fmt::format("port {} is bound to it", binding.port.text()));
  }
  NWF_TRY(const auto bindings, read_bindings());
  for (const Binding& binding : bindings)
    if (!looked_at.contains(binding.port.text()) && going.contains(binding.filter))
      return in_use(binding.filter, fmt::format("port {} is bound to it", binding.port.text()));
  NWF_TRY(const auto giver, networks_.giver_of(going));
  if (giver) return in_use(giver->first, fmt::format("network '{}' gives it to its ports", giver->second));
  return gone;
}

std::vector<std::string> Host::waiting(Programs& programs, const std::vector<Binding>& bindings) {
  std::vector<std::string> warnings;
  for (Binding binding : bindings) {
    if (!leases_.fill(binding)) continue;
    if (const auto placement = programs.place(binding); placement && placement->waits)
      warnings.push_back(fmt::format("port {} waits until nwfd has learned ${}: its guest may ask for an address only",
                                     binding.port.text(), fmt::join(placement->learns, ", $")));
  }
  return warnings;
}

Result<Applied> Host::change_all(const std::vector<Document>& documents, const Removal& removal,
                                 const Progress& progress) {
  const auto doing = [&](std::string_view what) {
    if (progress) progress(what, 0, documents.size());
  };
  doing("reading");
  NWF_TRY(Definitions definitions, read_definitions(documents));
  NWF_TRY(const auto lock, begin());
  Applied result;
  NWF_TRY(result.undefined, unused_filters(removal, definitions));
  std::vector<Binding> unbound;
  for (const std::string& port : removal.ports) {
    if (!PortName::parse(port)) continue;
    NWF_TRY(auto binding, read_binding(port));
    if (!binding) continue;
    result.unbound.push_back(summary(*binding));
    unbound.push_back(std::move(*binding));
  }
  NWF_TRY(const NewFilters filters, new_filters(definitions.filters));
  result.filters = filters.deeds;
  result.warnings = texts(definitions.warnings);
  for (const std::string& warning : texts(filters.warnings)) result.warnings.push_back(warning);

  std::vector<store::ShelvedDocument> files;
  for (const auto& filter : filters.changed)
    files.push_back({Shelf::Filters, filter->name, xml::write_filter(*filter)});
  NWF_TRY(auto bindings, new_bindings(definitions.bindings, result.bindings));
  for (const Binding& binding : bindings)
    files.push_back({Shelf::Bindings, binding.port.text(), xml::write_binding(binding)});
  if (files.empty() && unbound.empty() && result.undefined.empty()) return result;
  doing("writing");
  NWF_TRY(const auto prepared, store_->prepare_all(files));
  doing("compiling");
  NWF_TRY(const bool ports_are_bound, any_port_bound());
  const bool bound = ports_are_bound || !bindings.empty();
  if (bound) {
    NWF_CHECK(open_firewall());
    Programs after(library_.lookup_with(filters.changed), programs_->capabilities(), lower_options(),
                   options_.learning);
    const auto make = [&]() -> Result<Change> {
      NWF_TRY(auto change, change_of(names_of(filters.changed), bindings, unbound, after));
      result.ports = ports_changed(change) - bindings.size() - unbound.size();
      return change;
    };
    auto done = carry_out(make, after);
    if (!done) {
      Error error = at_given_place(std::move(done).error(), filters);
      // What was given is wrong; that something it names is missing is no different.
      if (error.kind == ErrorKind::NotFound) error.kind = ErrorKind::Invalid;
      return fail(std::move(error));
    }
    for (Error& warning : *done) result.warnings.push_back(nwf::describe(at_given_place(std::move(warning), filters)));
    for (std::string& warning : waiting(after, bindings)) result.warnings.push_back(std::move(warning));
  }
  doing("keeping");
  NWF_CHECK(prepared->commit());
  // A crash from here on leaves what goes in the state, and the next look at the kernel brings it back there.
  for (const Binding& binding : unbound) {
    NWF_CHECK(leases_.remove(binding.port));
    NWF_CHECK(store_->remove(Shelf::Bindings, binding.port.text()));
  }
  for (const FilterSummary& filter : result.undefined) NWF_CHECK(store_->remove(Shelf::Filters, filter.name));
  library_.forget_all();
  if (bound) NWF_CHECK(save_knowledge());
  return result;
}

Result<std::vector<Binding>> Host::new_bindings(std::vector<Binding>& given, std::vector<BindingDeed>& deeds) {
  std::vector<Binding> changed;
  for (Binding& binding : given) {
    NWF_TRY(const auto old, store_->get(Shelf::Bindings, binding.port.text()));
    const bool same = old && *old == xml::write_binding(binding);
    deeds.push_back({summary(binding), !old ? Deed::New : same ? Deed::Same : Deed::Changed});
    if (!same) changed.push_back(std::move(binding));
  }
  return changed;
}

Result<Planned> Host::plan(const std::vector<Document>& documents) {
  NWF_TRY(Definitions definitions, read_definitions(documents));
  NWF_TRY(const auto lock, begin());
  NWF_TRY(const NewFilters filters, new_filters(definitions.filters));
  Planned planned;
  planned.filters = filters.deeds;
  planned.warnings = texts(definitions.warnings);
  for (const std::string& warning : texts(filters.warnings)) planned.warnings.push_back(warning);
  NWF_TRY(const auto changed, new_bindings(definitions.bindings, planned.bindings));
  NWF_TRY(auto bindings, read_bindings());
  std::map<std::string, const Binding*> by_port;
  for (const Binding& binding : changed) by_port.emplace(binding.port.text(), &binding);
  for (Binding& binding : bindings)
    if (const auto found = by_port.find(binding.port.text()); found != by_port.end()) {
      const Variables learned = std::move(binding.learned);
      binding = *found->second;
      binding.learned = learned;
      by_port.erase(found);
    }
  for (const auto& [port, binding] : by_port) bindings.push_back(*binding);
  if (bindings.empty() && !std::filesystem::exists(store_->path(Shelf::State, kKnowledgeDocument))) return planned;

  NWF_CHECK(open_backend());
  NWF_CHECK(legacy_.recall());
  NWF_TRY(const Capabilities capabilities, backend_->capabilities());
  Programs after(library_.lookup_with(filters.changed), capabilities, lower_options(), options_.learning);
  Firewall firewall(*backend_, std::nullopt);
  NWF_TRY(const auto drift, firewall.drift(bindings, after));
  for (const ClosedPort& closed : drift.wanted.closed) {
    // What apply() would refuse; a port that is closed already is no new mistake.
    const auto mine = std::find_if(changed.begin(), changed.end(),
                                   [&](const Binding& binding) { return binding.port.text() == closed.port; });
    Error why = closed.why;
    if (mine != changed.end()) return fail(std::move(why).at(mine->source));
    planned.warnings.push_back(fmt::format("port {} is closed: {}", closed.port, nwf::describe(why)));
  }
  for (const std::string& warning : texts(drift.wanted.warnings)) planned.warnings.push_back(warning);
  for (std::string& warning : waiting(after, changed)) planned.warnings.push_back(std::move(warning));
  planned.changes = nwf::describe(drift.changes);
  if (legacy_.in_force()) {
    NWF_TRY(const auto more, legacy_.differences(bindings, after));
    planned.changes.insert(planned.changes.end(), more.begin(), more.end());
  }
  planned.nft = print::nft(drift.changes);
  return planned;
}

namespace learned {

LearnedAddress describe(const PortName& port, const learn::Belief& belief, const Clocks& now) {
  constexpr std::int64_t kSecond = 1000;
  LearnedAddress address;
  address.port = port.text();
  const bool four = std::holds_alternative<Ipv4>(belief.address);
  address.variable = four ? "IP" : belief.is_prefix() ? "IPV6_PREFIX" : "IPV6";
  address.address = learn::address_text(belief.address);
  if (belief.is_prefix()) address.address += fmt::format("/{}", belief.prefix);
  address.source = learn::source_name(belief.source);
  address.server = belief.server;
  address.age_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (now.boot - belief.since) / kSecond));
  if (belief.ends)
    address.lease_seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (*belief.ends - now.boot) / kSecond));
  return address;
}

std::vector<LearnedAddress> describe(const PortName& port, const learn::Beliefs& beliefs, const Clocks& now) {
  std::vector<LearnedAddress> list;
  for (const learn::Belief& belief : beliefs) list.push_back(describe(port, belief, now));
  std::sort(list.begin(), list.end(), [](const LearnedAddress& a, const LearnedAddress& b) {
    return std::tie(a.variable, a.address) < std::tie(b.variable, b.address);
  });
  return list;
}

Result<learn::Address> parse_address(const std::string& text) {
  if (const auto four = Ipv4::parse(text)) return learn::Address{*four};
  if (const auto six = Ipv6::parse(text)) return learn::Address{*six};
  return fail(ErrorKind::Invalid, fmt::format("'{}' is no IP address", text), "give an IPv4 or IPv6 address");
}

}  // namespace learned

Result<std::vector<LearnedAddress>> Host::learned_list(const std::string& port) {
  std::set<std::string> ports;
  if (port.empty()) {
    NWF_TRY(ports, leases_.ports());
  } else {
    NWF_CHECK(require_binding(port));
    ports.insert(port);
  }
  std::vector<LearnedAddress> list;
  for (const std::string& name : ports) {
    NWF_TRY(const auto binding, read_binding(name));
    if (!binding) continue;
    NWF_TRY(const auto beliefs, leases_.read(binding->port, binding->mac));
    for (LearnedAddress& address : learned::describe(binding->port, beliefs, leases_.now()))
      list.push_back(std::move(address));
  }
  return list;
}

Result<std::vector<LearnedAddress>> Host::learned_forget(const std::string& port, const std::string& address) {
  NWF_TRY(const Binding binding, require_binding(port));
  learn::event::Forgotten forgotten;
  if (!address.empty()) {
    NWF_TRY(forgotten.address, learned::parse_address(address));
  }
  NWF_TRY(const auto done, believe({{port, forgotten}}));
  if (done.empty() || (!done[0].changed && !address.empty()))
    return fail(ErrorKind::NotFound, fmt::format("port {} has not learned {}", port, address),
                fmt::format("see `nwfctl learned list {}`", port));
  if (done[0].error) return fail(*done[0].error);
  learn::Beliefs gone = done[0].before;
  std::erase_if(gone, [&](const learn::Belief& belief) {
    return std::find(done[0].after.begin(), done[0].after.end(), belief) != done[0].after.end();
  });
  return learned::describe(binding.port, gone, leases_.now());
}

Result<std::vector<LearnedAddress>> Host::learned_set(const std::string& port,
                                                      const std::vector<std::string>& addresses) {
  NWF_TRY(const Binding binding, require_binding(port));
  learn::event::Given given;
  for (const std::string& text : addresses) {
    NWF_TRY(const auto address, learned::parse_address(text));
    given.addresses.push_back(address);
  }
  {
    NWF_TRY(const auto lock, resume());
    NWF_TRY(const Placement placement, programs_->place(binding));
    for (const learn::Address& address : given.addresses)
      if (const std::string variable = std::holds_alternative<Ipv4>(address) ? "IP" : "IPV6";
          !placement.learns.contains(variable))
        return fail(ErrorKind::Refused, fmt::format("port {} does not learn ${}", port, variable),
                    fmt::format("`nwfctl binding set {} {}=…` gives it what its filter needs", port, variable));
  }
  NWF_TRY(const auto done, believe({{port, given}}));
  if (done.empty()) return fail(ErrorKind::NotFound, fmt::format("port '{}' is not bound", port));
  if (done[0].error) return fail(*done[0].error);
  return learned::describe(binding.port, done[0].after, leases_.now());
}

Result<std::vector<GuestPort>> Host::guest_ports() {
  NWF_TRY(const auto lock, resume());
  NWF_TRY(const auto bindings, read_bindings());
  std::vector<GuestPort> ports;
  ports.reserve(bindings.size());
  for (const Binding& binding : bindings) {
    NWF_TRY(auto port, guest_port_of(binding));
    ports.push_back(std::move(port));
  }
  return ports;
}

Result<std::optional<GuestPort>> Host::guest_port(const std::string& port) {
  NWF_TRY(const auto lock, resume());
  NWF_TRY(const auto binding, read_binding(port));
  if (!binding) return std::optional<GuestPort>{};
  NWF_TRY(auto guest, guest_port_of(*binding));
  return std::optional<GuestPort>{std::move(guest)};
}

Result<GuestPort> Host::guest_port_of(const Binding& binding) {
  GuestPort guest{binding.port.text(), binding.mac, {}};
  const auto placement = programs_->place(binding);
  if (!placement || placement->learns.empty()) return guest;
  NWF_TRY(const Learning learning, learning_of(binding.variables, options_.learning));
  LearningPort port{binding.port.text(), binding.mac, learning, placement->learns, {}, {}};
  if (const auto servers = binding.variables.find(std::string(kServerVariable)); servers != binding.variables.end())
    port.servers = servers->second;
  NWF_TRY(port.beliefs, leases_.read(binding.port, binding.mac));
  guest.learning = std::move(port);
  return guest;
}

Result<Believed> Host::consider(const Binding& binding, learn::Beliefs beliefs,
                                const std::vector<const learn::Event*>& events) {
  Believed believed;
  believed.port = binding.port.text();
  NWF_TRY(const Learning learning, learning_of(binding.variables, options_.learning));
  believed.before = std::move(beliefs);
  believed.after = believed.before;
  for (const learn::Event* event : events)
    if (learn::believe(believed.after, *event, learning, leases_.now().boot)) believed.changed = true;
  return believed;
}

Result<void> Host::enforce(const std::vector<std::pair<Binding, Believed*>>& ports) {
  std::vector<PortChange> changes;
  std::vector<std::unique_ptr<store::Prepared>> prepared;
  for (const auto& [binding, believed] : ports) {
    NWF_TRY(auto file, leases_.prepare(binding, believed->after));
    prepared.push_back(std::move(file));
    Binding after = binding;
    after.learned = learn::values_of(believed->after);
    if (after.learned != binding.learned) changes.push_back({binding, std::move(after)});
  }
  if (!changes.empty()) NWF_CHECK(carry_out([&]() -> Result<Change> { return Change{changes, {}}; }, *programs_));
  for (const auto& file : prepared) NWF_CHECK(file->commit());
  if (!changes.empty()) NWF_CHECK(put_off_saving());
  return {};
}

Result<std::vector<Believed>> Host::believe(const std::vector<PortEvent>& events) {
  NWF_TRY(const auto lock, resume());
  std::map<std::string, std::vector<const learn::Event*>> by_port;
  for (const PortEvent& event : events) by_port[event.port].push_back(&event.event);
  std::vector<Believed> result;
  result.reserve(by_port.size());
  std::vector<std::pair<Binding, Believed*>> changed;
  for (const auto& [port, its] : by_port) {
    NWF_TRY(auto binding, bindings_.find(port));
    if (!binding) continue;
    NWF_TRY(auto beliefs, leases_.read(binding->port, binding->mac));
    binding->learned = learn::values_of(beliefs);
    NWF_TRY(auto believed, consider(*binding, std::move(beliefs), its));
    result.push_back(std::move(believed));
    if (result.back().changed) changed.emplace_back(std::move(*binding), &result.back());
  }
  if (changed.empty()) return result;
  auto done = enforce(changed);
  if (done) return result;
  // One port may be what is wrong: each for itself, so that it alone keeps what it had.
  for (auto& one : changed) {
    auto alone = changed.size() == 1 ? std::move(done) : enforce({one});
    if (alone) continue;
    one.second->changed = false;
    one.second->after = one.second->before;
    one.second->error = std::move(alone).error();
  }
  return result;
}

Result<void> Host::expire_all(std::vector<Binding>& bindings) {
  const learn::Event elapsed = learn::event::Elapsed{};
  for (Binding& binding : bindings) {
    if (binding.learned.empty()) continue;
    NWF_TRY(auto beliefs, leases_.read(binding.port, binding.mac));
    auto believed = consider(binding, std::move(beliefs), {&elapsed});
    if (!believed || !believed->changed) continue;
    NWF_TRY(const auto prepared, leases_.prepare(binding, believed->after));
    NWF_CHECK(prepared->commit());
    binding.learned = learn::values_of(believed->after);
  }
  return {};
}

Result<Status> Host::status() {
  NWF_TRY(const auto lock, begin());
  Status status;
  status.root = options_.root;
  NWF_TRY(const auto filters, store_->list(Shelf::Filters));
  status.filters = filters.size();
  NWF_TRY(const auto bindings, read_bindings());
  for (const Binding& binding : bindings) status.bindings.push_back(summary(binding));
  NWF_CHECK(open_backend());
  NWF_CHECK(legacy_.recall());
  status.backend = backend_in_force();
  NWF_TRY(status.capabilities, backend_->capabilities());
  programs_.emplace(library_.lookup(), status.capabilities, lower_options(), options_.learning);
  NWF_TRY(const Held held, backend_->read());
  NWF_TRY(const Wanted wanted, wanted_ruleset(bindings, *programs_, held.ruleset));
  for (const auto& [name, program] : wanted.programs) {
    ProgramSummary summary{name, program.filter, 0, program.ports};
    for (const auto& [chain, seal] : program.chains)
      summary.rules += wanted.ruleset.tables.at(Family::Bridge).chains.at(chain).rules.size();
    status.programs.push_back(std::move(summary));
  }
  const Capabilities& c = status.capabilities;
  status.connection_state = c.bridge_conntrack == Probe::Yes    ? "native"
                            : c.bridge_netfilter4 == Probe::Yes ? "mark"
                                                                : "none";
  status.reject = c.bridge_reject == Probe::Yes ? "native" : c.bridge_netfilter4 == Probe::Yes ? "mark" : "drop";
  status.differences = nwf::describe(diff(held.ruleset, wanted.ruleset));
  if (legacy_.in_force()) {
    NWF_TRY(const auto more, legacy_.differences(bindings, *programs_));
    status.differences.insert(status.differences.end(), more.begin(), more.end());
  }
  for (const ClosedPort& closed : wanted.closed)
    status.differences.push_back(fmt::format("port {} is closed: {}", closed.port, nwf::describe(closed.why)));
  if (options_.networks) {
    NWF_TRY(const auto networks, networks_.net_differences());
    status.differences.insert(status.differences.end(), networks.begin(), networks.end());
  }
  status.in_sync = status.differences.empty();
  return status;
}

Result<std::size_t> Host::reconcile() {
  NWF_TRY(const auto lock, begin());
  NWF_CHECK(open_firewall());
  NWF_TRY(const std::size_t changes, reconcile_all());
  if (!options_.networks) return changes;
  NWF_TRY(const std::size_t networks, networks_.reconcile());
  return changes + networks;
}

}  // namespace

Result<std::unique_ptr<Service>> open(const Options& options) { return std::make_unique<Host>(options, nullptr); }

Result<std::unique_ptr<LearningHost>> open_learning(const Options& options) {
  return std::make_unique<Host>(options, nullptr);
}

std::unique_ptr<LearningHost> open_with(const Options& options, std::unique_ptr<Backend> backend) {
  return std::make_unique<Host>(options, std::move(backend));
}

}  // namespace nwf::host
