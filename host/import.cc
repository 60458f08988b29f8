// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "host/import_record.h"
#include "host/knowledge.h"
#include "host/libvirt_chains.h"
#include "host/libvirt_files.h"
#include "store/store.h"
#include "xml/filter.h"
#include "xml/write.h"

namespace nwf::host {
namespace {

using store::Shelf;

constexpr const char* kRecord = "libvirt";
constexpr int kAttempts = 8;

/// A filter's text as all filters that say the same have it, whatever their UUIDs.
std::string without_uuid(Filter filter) {
  filter.uuid.reset();
  return xml::write_filter(filter);
}
std::string without_uuid(const std::string& text, const std::string& file) {
  auto parsed = xml::read_filter(text, file);
  return parsed ? without_uuid(std::move(parsed->value)) : text;
}

/// The record's place in a store.
class Records {
 public:
  explicit Records(store::Store& store) : store_(store) {}

  Result<ImportRecord> read() const {
    NWF_TRY(const auto text, store_.get(Shelf::Imported, kRecord));
    if (!text) return ImportRecord{};
    return import_record_from_text(*text, path());
  }
  std::string path() const { return store_.path(Shelf::Imported, kRecord); }

  /// Takes the lock, which brings to its end what a process that died had decided upon: until then some files are of
  /// before its change and some of after.
  Result<void> finish_what_was_begun() const {
    NWF_TRY(const auto lock, take_lock(store_));
    return {};
  }

  /// Changes what is written there, by one process at a time; an empty record is no document.
  template <class Change>
  Result<void> change(Change how) {
    NWF_TRY(const auto lock, take_lock(store_));
    NWF_TRY(ImportRecord record, read());
    how(record);
    if (record.empty()) return store_.remove(Shelf::Imported, kRecord);
    return store_.put(Shelf::Imported, kRecord, to_text(record));
  }

 private:
  store::Store& store_;
};

/// A binary that is not nft's writes here, and nowhere else: linux/net/ipv4/netfilter/ip_tables.c.
bool legacy_filter_table(const char* names) {
  std::ifstream stream(names);
  std::string name;
  while (stream >> name)
    if (name == "filter") return true;
  return false;
}

std::vector<std::string> chain_names(const std::vector<netlink::ForeignPiece>& pieces) {
  std::vector<std::string> names;
  for (const auto& piece : pieces)
    if (piece.whole) names.push_back(fmt::format("{} {}", table_name(piece.family, piece.table), piece.chain.name));
  return names;
}

class Import {
 public:
  Import(Service& service, const ImportOptions& options)
      : service_(service), options_(options), store_(store::open_directory(options.root)), records_(*store_) {}

  Result<Imported> run() {
    NWF_TRY(const LibvirtFiles files, read_libvirt_files(options_.libvirt_root));
    out_.warnings = files.warnings;
    out_.remove_chains = options_.remove_chains;
    for (const std::string& network : files.networks)
      out_.not_imported.push_back(fmt::format("virtual network {}: `nwfctl net define` takes its XML", network));
    // The first look also puts the stock filters there.
    NWF_TRY(const auto known, service_.filter_list());
    NWF_CHECK(records_.finish_what_was_begun());
    NWF_CHECK(choose_filters(files, known));
    NWF_CHECK(choose_bindings(files));
    NWF_CHECK(plan());
    if (!options_.carry_out) {
      NWF_CHECK(look_at_chains());
      return std::move(out_);
    }
    NWF_CHECK(take_over());
    if (options_.remove_chains) {
      if (auto removed = remove_chains(); !removed) out_.chains_failed = std::move(removed).error();
    } else {
      NWF_CHECK(look_at_chains());
    }
    out_.done = true;
    return std::move(out_);
  }

 private:
  Result<void> choose_filters(const LibvirtFiles& files, const std::vector<FilterSummary>& known) {
    std::map<std::string, Uuid> uuids;
    std::map<Uuid, std::string> names;
    for (const FilterSummary& filter : known) {
      uuids.emplace(filter.name, filter.uuid);
      names.emplace(filter.uuid, filter.name);
    }
    for (const LibvirtFilter& theirs : files.filters) {
      const Filter& filter = *theirs.filter;
      ImportedObject object{filter.name, {}, {}, theirs.document.file, Deed::New, false, {}};
      Document document = theirs.document;
      const std::string imported = without_uuid(filter);
      NWF_TRY(const auto held, store_->get(Shelf::Filters, filter.name));
      const bool same = held && without_uuid(*held, filter.name) == imported;
      const auto uuid = uuids.find(filter.name);
      if (held && !same) {
        object.kept = options_.keep;
        object.note = options_.keep
                          ? "nwf has another text under this name, which stays"
                          : "nwf has another text under this name; libvirt's takes its place (--keep: nwf's stays)";
      }
      if (filter.uuid && uuid != uuids.end() && uuid->second != *filter.uuid) {
        document = theirs.without_uuid();
        object.libvirt_uuid = filter.uuid->text();
      } else if (filter.uuid && uuid == uuids.end() && names.contains(*filter.uuid)) {
        document = theirs.without_uuid();
        object.libvirt_uuid = filter.uuid->text();
        object.note = fmt::format("gets a new UUID: that of libvirt is filter {} here", names.at(*filter.uuid));
      }
      if (!object.kept) {
        documents_.push_back(std::move(document));
        if (!same) record_.filters[filter.name] = {held, imported};
      }
      out_.filters.push_back(std::move(object));
    }
    return {};
  }

  Result<void> choose_bindings(const LibvirtFiles& files) {
    for (const LibvirtBinding& theirs : files.bindings) {
      const Binding& binding = theirs.binding;
      const std::string port = binding.port.text(), imported = xml::write_binding(binding);
      ImportedObject object{port, binding.filter, binding.owner.name, theirs.document.file, Deed::New, false, {}};
      ports_.insert(port);
      NWF_TRY(const auto held, store_->get(Shelf::Bindings, port));
      if (held && *held != imported) {
        object.kept = options_.keep;
        object.note = options_.keep
                          ? "nwf has the port bound otherwise, which stays"
                          : "nwf has the port bound otherwise; libvirt's binding takes its place (--keep: nwf's stays)";
      }
      if (!object.kept) {
        documents_.push_back(theirs.document);
        if (!held || *held != imported) record_.bindings[port] = {held, imported};
      }
      out_.bindings.push_back(std::move(object));
    }
    return {};
  }

  Result<void> plan() {
    if (documents_.empty()) return {};
    NWF_TRY(const Planned planned, service_.plan(documents_));
    take_deeds(planned.filters, planned.bindings);
    if (!options_.carry_out) {
      out_.changes = planned.changes;
      out_.warnings.insert(out_.warnings.end(), planned.warnings.begin(), planned.warnings.end());
    }
    return {};
  }

  void take_deeds(const std::vector<FilterDeed>& filters, const std::vector<BindingDeed>& bindings) {
    std::map<std::string, Deed> of_filter, of_binding;
    for (const FilterDeed& deed : filters) of_filter.emplace(deed.filter.name, deed.deed);
    for (const BindingDeed& deed : bindings) of_binding.emplace(deed.binding.port, deed.deed);
    const auto take = [](std::vector<ImportedObject>& objects, const std::map<std::string, Deed>& deeds) {
      for (ImportedObject& object : objects) {
        const auto found = deeds.find(object.name);
        object.deed = object.kept || found == deeds.end() ? Deed::Same : found->second;
      }
    };
    take(out_.filters, of_filter);
    take(out_.bindings, of_binding);
  }

  Result<void> take_over() {
    if (documents_.empty() || (record_.filters.empty() && record_.bindings.empty())) return {};
    ImportRecord before;
    NWF_CHECK(records_.change([&](ImportRecord& record) {
      before = record;
      merge(record.filters, record_.filters, is_filter);
      merge(record.bindings, record_.bindings, is_binding);
    }));
    auto applied = service_.apply(documents_, nullptr);
    if (!applied) {
      NWF_CHECK(records_.change([&](ImportRecord& record) {
        forget(record.filters, before.filters, record_.filters, Shelf::Filters, is_filter);
        forget(record.bindings, before.bindings, record_.bindings, Shelf::Bindings, is_binding);
      }));
      return fail(std::move(applied).error());
    }
    out_.warnings.insert(out_.warnings.end(), applied->warnings.begin(), applied->warnings.end());
    return {};
  }

  /// What was before stays what it was for as long as an object is as an earlier import made it.
  template <class Same>
  static void merge(std::map<std::string, Replaced>& record, const std::map<std::string, Replaced>& more, Same same) {
    for (const auto& [name, replaced] : more) {
      const auto found = record.find(name);
      const bool still = found != record.end() && replaced.before && same(*replaced.before, found->second.imported);
      if (still)
        found->second.imported = replaced.imported;
      else
        record[name] = replaced;
    }
  }

  /// Whether a text of the store is what was imported.
  static bool is_filter(const std::string& now, const std::string& imported) {
    return without_uuid(now, "") == imported;
  }
  static bool is_binding(const std::string& now, const std::string& imported) { return now == imported; }

  /// Of an import that failed: what `record` says of `tried` is again what it said `before`. An nwfd that died while it
  /// was asked may have done it all the same; then it stays written down.
  template <class Same>
  void forget(std::map<std::string, Replaced>& record, const std::map<std::string, Replaced>& before,
              const std::map<std::string, Replaced>& tried, Shelf shelf, Same same) {
    for (const auto& [name, replaced] : tried) {
      const auto now = store_->get(shelf, name);
      if (!now || (*now && same(**now, replaced.imported))) continue;
      const auto old = before.find(name);
      if (old == before.end())
        record.erase(name);
      else
        record[name] = old->second;
    }
  }

  /// What could go, for whoever looks.
  Result<void> look_at_chains() {
    tell_of_legacy();
    auto foreign = netlink::Foreign::open();
    auto tables = foreign ? foreign->read(libvirt_tables()) : fail(std::move(foreign).error());
    if (!tables) {
      if (options_.remove_chains && !options_.carry_out) return fail(std::move(tables).error());
      return {};  // nobody asked for them
    }
    take_chains(find_libvirt_chains(tables->tables, ports_));
    return {};
  }

  void take_chains(const LibvirtChains& found) {
    out_.chains = chain_names(found.pieces);
    out_.chain_rules = found.rules();
    if (!options_.remove_chains) return;
    out_.chains_kept = found.kept;
    out_.warnings.insert(out_.warnings.end(), found.warnings.begin(), found.warnings.end());
  }

  void tell_of_legacy() {
    if (!legacy_filter_table("/proc/net/ip_tables_names") && !legacy_filter_table("/proc/net/ip6_tables_names")) return;
    out_.not_imported.emplace_back(
        "this host has tables of iptables-legacy: chains that libvirt made there are not looked at, and stay");
  }

  Result<void> remove_chains() {
    tell_of_legacy();
    // Only what nwf guards, and the kernel says so.
    NWF_TRY(const auto bindings, service_.binding_list());
    std::set<std::string> bound, guarded;
    for (const BindingSummary& binding : bindings) bound.insert(binding.port);
    std::ranges::set_intersection(ports_, bound, std::inserter(guarded, guarded.end()));
    NWF_TRY(const Planned drift, service_.plan({}));
    if (!drift.changes.empty())
      return fail(ErrorKind::Refused, "libvirt's chains stay: the kernel does not hold all of nwf's rules",
                  "run `nwfctl reconcile`, then this again");
    NWF_TRY(netlink::Foreign foreign, netlink::Foreign::open());
    for (int attempt = 0;; ++attempt) {
      NWF_TRY(const auto tables, foreign.read(libvirt_tables()));
      const LibvirtChains found = find_libvirt_chains(tables.tables, guarded);
      auto removed = remove(foreign, found, tables.generation);
      if (removed) {
        take_chains(found);
        if (!found.pieces.empty())
          out_.warnings.emplace_back(
              "libvirt makes chains anew when it starts, when one of its filters is edited and for each guest that "
              "starts; "
              "filters of these names that hold nothing, defined in libvirt, end that");
        return {};
      }
      if (removed.error().kind != ErrorKind::Outdated || attempt + 1 >= kAttempts) return removed;
    }
  }

  Result<void> remove(netlink::Foreign& foreign, const LibvirtChains& found, std::uint32_t generation) {
    if (found.pieces.empty()) return {};
    if (auto returns = foreign.try_to_return(found.pieces, generation); !returns) {
      if (returns.error().kind == ErrorKind::Outdated) return returns;
      return fail(std::move(returns).error().in("libvirt's chains stay, since they could not be put back"));
    }
    NWF_CHECK(records_.change([&](ImportRecord& record) {
      const std::string here = this_namespace();
      if (record.place != here) record.chains.clear();
      record.place = here;
      add_chains(record.chains, found.pieces);
    }));
    return foreign.remove(found.pieces, generation);
  }

  Service& service_;
  const ImportOptions& options_;
  std::unique_ptr<store::Store> store_;
  Records records_;
  std::vector<Document> documents_;
  ImportRecord record_;
  std::set<std::string> ports_;
  Imported out_;
};

class Undo {
 public:
  Undo(Service& service, const ImportOptions& options)
      : service_(service), options_(options), store_(store::open_directory(options.root)), records_(*store_) {}

  Result<ImportUndone> run() {
    // An nwfd may still be at an import whose nwfctl has died: it answers when it is done with that.
    NWF_CHECK(service_.binding_list());
    NWF_CHECK(records_.finish_what_was_begun());
    NWF_TRY(record_, records_.read());
    if (record_.empty())
      return fail(ErrorKind::NotFound, "nothing was imported that could be taken back",
                  fmt::format("an import is written down in {}", records_.path()));
    NWF_CHECK(choose_bindings());
    NWF_CHECK(choose_filters());
    NWF_CHECK(keep_used_filters());
    for (const auto& [name, uuid] : filters_going_) {
      out_.filters_removed.push_back({name, uuid});
      removal_.filters.push_back(name);
    }
    NWF_CHECK(chains());
    if (!options_.carry_out) return std::move(out_);
    if (!documents_.empty() || !removal_.filters.empty() || !removal_.ports.empty()) {
      NWF_TRY(const Applied applied, service_.change(documents_, removal_));
      out_.warnings.insert(out_.warnings.end(), applied.warnings.begin(), applied.warnings.end());
    }
    NWF_CHECK(records_.change([](ImportRecord& record) { record = {}; }));
    out_.done = true;
    return std::move(out_);
  }

 private:
  Result<void> choose_bindings() {
    for (const auto& [port, replaced] : record_.bindings) {
      NWF_TRY(const auto now, store_->get(Shelf::Bindings, port));
      if (now == replaced.before) continue;  // back already, or never done
      if (!now) {
        left(fmt::format("port {} was unbound since the import, and stays so", port));
      } else if (*now != replaced.imported) {
        left(fmt::format("the binding of port {} was changed since the import, and stays", port));
      } else if (replaced.before) {
        documents_.push_back({store_->path(Shelf::Bindings, port), *replaced.before});
        out_.bindings_restored.push_back(port);
      } else {
        removal_.ports.push_back(port);
        out_.bindings_removed.push_back(port);
      }
    }
    return {};
  }

  Result<void> choose_filters() {
    for (const auto& [name, replaced] : record_.filters) {
      NWF_TRY(const auto now, store_->get(Shelf::Filters, name));
      if (now == replaced.before) continue;
      const std::string file = store_->path(Shelf::Filters, name);
      if (!now) {
        left(fmt::format("filter {} was undefined since the import, and stays so", name));
      } else if (without_uuid(*now, file) != replaced.imported) {
        left(fmt::format("filter {} was changed since the import, and stays", name));
      } else if (replaced.before) {
        documents_.push_back({file, *replaced.before});
        restored_.emplace(name, *replaced.before);
        out_.filters_restored.push_back(name);
      } else {
        NWF_TRY(const FilterSummary summary, service_.filter_lookup(name));
        filters_going_.emplace(name, summary.uuid);
      }
    }
    return {};
  }

  /// A filter that something else has come to use stays, and so does what it refers to.
  Result<void> keep_used_filters() {
    NWF_TRY(const auto filters, store_->list(Shelf::Filters));
    NWF_TRY(const auto bindings, service_.binding_list());
    std::map<std::string, std::string> used;  // by whom
    for (const BindingSummary& binding : bindings)
      if (std::ranges::find(removal_.ports, binding.port) == removal_.ports.end() &&
          std::ranges::find(out_.bindings_restored, binding.port) == out_.bindings_restored.end())
        used.emplace(binding.filter, "port " + binding.port);
    for (bool again = true; again;) {
      again = false;
      for (const std::string& name : filters) {
        if (filters_going_.contains(name)) continue;
        NWF_TRY(auto text, store_->get(Shelf::Filters, name));
        if (const auto restored = restored_.find(name); restored != restored_.end()) text = restored->second;
        if (!text) continue;
        const auto parsed = xml::read_filter(*text, store_->path(Shelf::Filters, name));
        if (!parsed) continue;
        for (const FilterEntry& entry : parsed->value.entries)
          if (const auto* reference = std::get_if<FilterRef>(&entry)) used.emplace(reference->filter, "filter " + name);
      }
      for (const auto& [name, by] : used)
        if (filters_going_.erase(name) > 0) {
          left(fmt::format("filter {} stays: {} uses it", name, by));
          again = true;
        }
    }
    return {};
  }

  Result<void> chains() {
    if (!record_.chains.empty() && record_.place != this_namespace()) {
      left(
          "libvirt's chains are not put back: they were of another boot or network namespace; libvirt makes them at "
          "its "
          "start");
    } else if (!record_.chains.empty()) {
      out_.chains = chain_names(record_.chains);
      if (options_.carry_out) {
        NWF_TRY(netlink::Foreign foreign, netlink::Foreign::open());
        NWF_TRY(out_.chain_rules, foreign.put_back(record_.chains));
      }
    }
    if (removal_.ports.empty()) return {};
    auto foreign = netlink::Foreign::open();
    auto tables = foreign ? foreign->read(libvirt_tables()) : fail(std::move(foreign).error());
    if (!tables) return {};
    for (const std::string& port : removal_.ports) {
      const bool comes_back =
          std::ranges::any_of(out_.chains, [&](const std::string& chain) { return chain.ends_with("-" + port); });
      if (!comes_back && find_libvirt_chains(tables->tables, {port}).pieces.empty())
        out_.warnings.push_back(
            fmt::format("port {} has no chains of libvirt: nobody guards it once it is unbound", port));
    }
    return {};
  }

  void left(std::string text) { out_.left.push_back(std::move(text)); }

  Service& service_;
  const ImportOptions& options_;
  std::unique_ptr<store::Store> store_;
  Records records_;
  ImportRecord record_;
  std::vector<Document> documents_;
  Removal removal_;
  std::map<std::string, Uuid> filters_going_;
  std::map<std::string, std::string> restored_;
  ImportUndone out_;
};

}  // namespace

bool Imported::changes_something() const {
  const auto is_new = [](const ImportedObject& object) { return object.deed != Deed::Same; };
  return std::ranges::any_of(filters, is_new) || std::ranges::any_of(bindings, is_new) ||
         (remove_chains && !chains.empty());
}

Result<Imported> import_libvirt(Service& service, const ImportOptions& options) {
  return Import(service, options).run();
}

Result<ImportUndone> undo_import(Service& service, const ImportOptions& options) {
  return Undo(service, options).run();
}

}  // namespace nwf::host
