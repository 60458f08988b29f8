// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/ip_table.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "legacy/bytes.h"
#include "legacy/encode_ip.h"
#include "legacy/iptables_headers.h"

namespace nwf::legacy {
namespace {

/// libip4tc's functions under names that both libraries' have here.
struct Ip4 {
  using Entry = ipt_entry;
  static constexpr bool kIpv6 = false;
  static constexpr auto init = iptc_init;
  static constexpr auto free = iptc_free;
  static constexpr auto commit = iptc_commit;
  static constexpr auto is_chain = iptc_is_chain;
  static constexpr auto first_chain = iptc_first_chain;
  static constexpr auto next_chain = iptc_next_chain;
  static constexpr auto first_rule = iptc_first_rule;
  static constexpr auto next_rule = iptc_next_rule;
  static constexpr auto get_target = iptc_get_target;
  static constexpr auto insert_entry = iptc_insert_entry;
  static constexpr auto append_entry = iptc_append_entry;
  static constexpr auto delete_num_entry = iptc_delete_num_entry;
  static constexpr auto flush_entries = iptc_flush_entries;
  static constexpr auto create_chain = iptc_create_chain;
  static constexpr auto delete_chain = iptc_delete_chain;
  static constexpr auto get_references = iptc_get_references;
  static constexpr auto strerror = iptc_strerror;
  static constexpr std::string_view kModule = "iptable", kProgram = "iptables";
};

struct Ip6 {
  using Entry = ip6t_entry;
  static constexpr bool kIpv6 = true;
  static constexpr auto init = ip6tc_init;
  static constexpr auto free = ip6tc_free;
  static constexpr auto commit = ip6tc_commit;
  static constexpr auto is_chain = ip6tc_is_chain;
  static constexpr auto first_chain = ip6tc_first_chain;
  static constexpr auto next_chain = ip6tc_next_chain;
  static constexpr auto first_rule = ip6tc_first_rule;
  static constexpr auto next_rule = ip6tc_next_rule;
  static constexpr auto get_target = ip6tc_get_target;
  static constexpr auto insert_entry = ip6tc_insert_entry;
  static constexpr auto append_entry = ip6tc_append_entry;
  static constexpr auto delete_num_entry = ip6tc_delete_num_entry;
  static constexpr auto flush_entries = ip6tc_flush_entries;
  static constexpr auto create_chain = ip6tc_create_chain;
  static constexpr auto delete_chain = ip6tc_delete_chain;
  static constexpr auto get_references = ip6tc_get_references;
  static constexpr auto strerror = ip6tc_strerror;
  static constexpr std::string_view kModule = "ip6table", kProgram = "ip6tables";
};

template <class Lib>
class Table final : public IpTableEditor {
 public:
  Table(TableId id, xtc_handle* handle) : id_(std::move(id)), handle_(handle) {}

  std::vector<std::string> chains() override {
    std::vector<std::string> names;
    for (const char* name = Lib::first_chain(get()); name != nullptr; name = Lib::next_chain(get()))
      names.emplace_back(name);
    return names;
  }
  bool has(const std::string& chain) override {
    return chain.size() <= kMaxIpChainName && Lib::is_chain(chain.c_str(), get()) != 0;
  }
  // All chains of ours return to their callers there.
  bool ends_as(const std::string&, bool) override { return true; }
  void end_as(const std::string&, bool) override {}

  std::vector<Held> rules(const std::string& chain) override {
    std::vector<Held> rules;
    for (const auto* entry = Lib::first_rule(chain.c_str(), get()); entry != nullptr;
         entry = Lib::next_rule(entry, get()))
      rules.push_back(held(*entry));
    return rules;
  }

  Result<void> create(const std::string& chain, bool) override {
    if (chain.size() > kMaxIpChainName)
      return fail(ErrorKind::Invalid,
                  fmt::format("the name of chain '{}' is longer than iptables' {} bytes", chain, kMaxIpChainName));
    return done(Lib::create_chain(Label(chain).text, get()), "make chain", chain);
  }
  Result<void> insert(const std::string& chain, const EncodedRule& rule, std::size_t at) override {
    Bytes bytes = rule.bytes;
    return done(Lib::insert_entry(Label(chain).text, entry_of(bytes), static_cast<unsigned>(at), get()),
                "add a rule to chain", chain);
  }
  Result<void> append(const std::string& chain, const EncodedRule& rule) override {
    Bytes bytes = rule.bytes;
    return done(Lib::append_entry(Label(chain).text, entry_of(bytes), get()), "add a rule to chain", chain);
  }
  Result<void> erase(const std::string& chain, std::size_t at) override {
    return done(Lib::delete_num_entry(Label(chain).text, static_cast<unsigned>(at), get()), "take a rule from chain",
                chain);
  }
  Result<void> flush(const std::string& chain) override {
    return done(Lib::flush_entries(Label(chain).text, get()), "empty chain", chain);
  }
  Result<void> remove(const std::string& chain) override {
    return done(Lib::delete_chain(Label(chain).text, get()), "remove chain", chain);
  }
  bool is_referred_to(const std::string& chain) override {
    unsigned references = 0;
    return Lib::get_references(&references, Label(chain).text, get()) != 0 && references > 0;
  }

  Result<void> commit() override {
    if (Lib::commit(get()) != 0) return {};
    const std::string what = fmt::format("{} table {}", family_name(id_.family), id_.name);
    switch (errno) {
      case EAGAIN:
        return fail(ErrorKind::Outdated, fmt::format("somebody else changed the {} meanwhile", what));
      case EPERM:
      case EACCES:
        return fail(ErrorKind::Denied, fmt::format("the kernel refused to change the {}", what),
                    "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
      case ENOENT:
      case EOPNOTSUPP:
      case ENOPROTOOPT:
        return fail(ErrorKind::Unsupported,
                    fmt::format("this kernel lacks a match or target that rules of the {} use", what),
                    "load the modules xt_physdev, xt_conntrack, xt_iprange, xt_mac, xt_dscp, xt_connlimit, xt_set, "
                    "xt_comment, xt_tcpudp, xt_sctp, ipt_REJECT and ip6t_REJECT, or use the nftables backend");
      default:
        return fail(ErrorKind::Kernel, fmt::format("the kernel refused the {}: {}", what, Lib::strerror(errno)),
                    "see its log: dmesg");
    }
  }

 private:
  struct Free {
    void operator()(xtc_handle* handle) const { Lib::free(handle); }
  };
  /// A name as libiptc wants it: an array that is as long as its own.
  struct Label {
    explicit Label(const std::string& name) { copy_name(name, text); }
    xt_chainlabel text{};
  };

  xtc_handle* get() const { return handle_.get(); }
  static const typename Lib::Entry* entry_of(const Bytes& bytes) {
    return reinterpret_cast<const typename Lib::Entry*>(bytes.data());
  }

  Held held(const typename Lib::Entry& entry) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&entry);
    const char* target = Lib::get_target(&entry, get());
    Held out;
    out.target = target == nullptr ? "" : target;
    // A verdict and a chain are told by the name; their bytes depend on where the chain lies.
    xt_entry_target head{};
    std::memcpy(&head, bytes + entry.target_offset, sizeof(head));
    const bool standard =
        head.u.user.name[0] == '\0' || out.target != head.u.user.name || Lib::is_chain(out.target.c_str(), get()) != 0;
    const Bytes module = standard ? Bytes{} : Bytes(bytes + entry.target_offset, bytes + entry.next_offset);
    out.image = image_of(Bytes(bytes, bytes + entry.target_offset), Lib::kIpv6, out.target, module);
    return out;
  }

  Result<void> done(int success, std::string_view what, const std::string& chain) const {
    if (success != 0) return {};
    return fail(ErrorKind::Kernel, fmt::format("cannot {} {} of {} table {}: {}", what, chain, family_name(id_.family),
                                               id_.name, Lib::strerror(errno)));
  }

  TableId id_;
  std::unique_ptr<xtc_handle, Free> handle_;
};

template <class Lib>
Result<std::unique_ptr<IpTableEditor>> read(const TableId& id) {
  xtc_handle* handle = Lib::init(id.name.c_str());
  if (handle != nullptr) return std::make_unique<Table<Lib>>(id, handle);
  if (errno == EPERM || errno == EACCES)
    return fail(ErrorKind::Denied,
                fmt::format("the kernel does not show its {} table {}", family_name(id.family), id.name),
                "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
  return fail(ErrorKind::Unsupported,
              fmt::format("this kernel has no table '{}' of {}: {}", id.name, Lib::kProgram, Lib::strerror(errno)),
              fmt::format("load the module {}_{}, or use the nftables backend", Lib::kModule, id.name));
}

}  // namespace

Result<std::unique_ptr<IpTableEditor>> read_ip_table(const TableId& id) {
  return id.family == Family::Ip6 ? read<Ip6>(id) : read<Ip4>(id);
}

}  // namespace nwf::legacy
