// SPDX-License-Identifier: GPL-2.0-or-later
#include "legacy/ethernet_table.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <optional>

#include "legacy/bytes.h"
#include "legacy/ebtables_header.h"
#include "legacy/handle.h"

namespace nwf::legacy {

Bytes ethernet_image(const Bytes& entry, const std::string& target, const Bytes& module) {
  Bytes image = entry;
  for (const std::size_t offset :
       {offsetof(ebt_entry, watchers_offset), offsetof(ebt_entry, target_offset), offsetof(ebt_entry, next_offset)})
    write_at(0U, offset, image);
  // The kernel writes the name of a match and its zero; what is behind is what lay in the buffer before.
  for (std::size_t at = sizeof(ebt_entry); at + sizeof(ebt_entry_match) <= image.size();) {
    const auto name = image.begin() + static_cast<std::ptrdiff_t>(at);
    std::fill(std::find(name, name + EBT_EXTENSION_MAXNAMELEN, std::uint8_t{0}), name + EBT_EXTENSION_MAXNAMELEN,
              std::uint8_t{0});
    at += sizeof(ebt_entry_match) + read_at<ebt_entry_match>(image, at).match_size;
  }
  image.insert(image.end(), target.begin(), target.end());
  image.push_back(0);
  image.insert(image.end(), module.begin(), module.end());
  return image;
}

namespace {

struct EthernetEntry {
  Bytes bytes;         ///< up to the target, whose place is in its head
  std::string target;  ///< a verdict, a chain, or the name of a target's module
  Bytes module;        ///< that target's bytes
  ebt_counter counter{};
};

struct EthernetChain {
  std::string name;
  std::optional<unsigned> hook;
  int policy = EBT_ACCEPT;
  std::vector<EthernetEntry> entries;
};

std::string verdict_name(int verdict) {
  switch (verdict) {
    case EBT_ACCEPT:
      return "ACCEPT";
    case EBT_DROP:
      return "DROP";
    case EBT_CONTINUE:
      return "CONTINUE";
    default:
      return "RETURN";
  }
}

std::optional<int> verdict_of(const std::string& name) {
  for (const int verdict : {EBT_ACCEPT, EBT_DROP, EBT_CONTINUE, EBT_RETURN})
    if (verdict_name(verdict) == name) return verdict;
  return std::nullopt;
}

/// The kernel's memory as chains. Nothing when it is not laid out as it should be.
std::optional<std::vector<EthernetChain>> parsed(const Bytes& memory, unsigned valid_hooks,
                                                 const std::vector<ebt_counter>& counters) {
  std::vector<EthernetChain> chains;
  std::map<std::size_t, std::string> heads;  // where each chain begins
  std::size_t next_counter = 0;
  unsigned hook = 0;
  struct Jump {
    std::size_t chain, entry;
    int to;
  };
  std::vector<Jump> jumps;
  for (std::size_t at = 0; at < memory.size();) {
    if (at + sizeof(unsigned) > memory.size()) return std::nullopt;
    if (read_at<unsigned>(memory, at) == 0) {
      if (at + sizeof(ebt_entries) > memory.size()) return std::nullopt;
      const auto head = read_at<ebt_entries>(memory, at);
      EthernetChain chain;
      chain.name = head.name;
      chain.policy = head.policy;
      while (hook < NF_BR_NUMHOOKS && (valid_hooks & 1U << hook) == 0) ++hook;
      if (hook < NF_BR_NUMHOOKS) chain.hook = hook++;
      heads.emplace(at, chain.name);
      chains.push_back(std::move(chain));
      at += sizeof(ebt_entries);
      continue;
    }
    if (chains.empty() || at + sizeof(ebt_entry) > memory.size()) return std::nullopt;
    const auto head = read_at<ebt_entry>(memory, at);
    if (head.target_offset < sizeof(ebt_entry) || head.target_offset + sizeof(ebt_entry_target) > head.next_offset ||
        at + head.next_offset > memory.size())
      return std::nullopt;
    const auto from = memory.begin() + static_cast<std::ptrdiff_t>(at);
    EthernetEntry entry;
    entry.bytes.assign(from, from + head.target_offset);
    if (next_counter < counters.size()) entry.counter = counters[next_counter++];
    const auto target = read_at<ebt_entry_target>(memory, at + head.target_offset);
    if (std::string_view(target.u.name) == EBT_STANDARD_TARGET) {
      const auto verdict = read_at<int>(memory, at + head.target_offset + sizeof(ebt_entry_target));
      if (verdict < 0)
        entry.target = verdict_name(verdict);
      else
        jumps.push_back({chains.size() - 1, chains.back().entries.size(), verdict});
    } else {
      entry.target = target.u.name;
      entry.module.assign(from + head.target_offset, from + head.next_offset);
    }
    chains.back().entries.push_back(std::move(entry));
    at += head.next_offset;
  }
  for (const Jump& jump : jumps) {
    const auto found = heads.find(static_cast<std::size_t>(jump.to));
    if (found == heads.end()) return std::nullopt;
    chains[jump.chain].entries[jump.entry].target = found->second;
  }
  return chains;
}

/// Chains as the kernel wants them.
struct Laid {
  Bytes memory;
  std::map<unsigned, std::size_t> hooks;  ///< where the chain of each begins
  std::vector<ebt_counter> counters;
};

Laid laid_out(const std::vector<EthernetChain>& chains) {
  Laid out;
  std::map<std::string, std::size_t> begins;
  struct Jump {
    std::size_t at;
    std::string to;
  };
  std::vector<Jump> jumps;
  for (const EthernetChain& chain : chains) {
    begins[chain.name] = out.memory.size();
    if (chain.hook) out.hooks[*chain.hook] = out.memory.size();
    Blank<ebt_entries> head_room;
    auto& head = head_room.get();
    copy_name(chain.name, head.name);
    head.policy = chain.policy;
    head.counter_offset = static_cast<unsigned>(out.counters.size());
    head.nentries = static_cast<unsigned>(chain.entries.size());
    append(head, out.memory);
    for (const EthernetEntry& entry : chain.entries) {
      const std::size_t start = out.memory.size();
      out.memory.insert(out.memory.end(), entry.bytes.begin(), entry.bytes.end());
      if (!entry.module.empty()) {
        out.memory.insert(out.memory.end(), entry.module.begin(), entry.module.end());
      } else {
        Blank<ebt_standard_target> target_room;
        auto& target = target_room.get();
        copy_name(EBT_STANDARD_TARGET, target.target.u.name);
        target.target.target_size = static_cast<unsigned>(aligned(sizeof(target) - sizeof(ebt_entry_target)));
        if (const auto verdict = verdict_of(entry.target))
          target.verdict = *verdict;
        else
          jumps.push_back({out.memory.size() + offsetof(ebt_standard_target, verdict), entry.target});
        append(target, out.memory);
        align(out.memory);
      }
      const auto set = [&](std::size_t field, std::size_t value) {
        write_at(static_cast<unsigned>(value), start + field, out.memory);
      };
      set(offsetof(ebt_entry, target_offset), entry.bytes.size());
      set(offsetof(ebt_entry, next_offset), out.memory.size() - start);
      out.counters.push_back(entry.counter);
    }
  }
  for (const Jump& jump : jumps) write_at(static_cast<int>(begins.at(jump.to)), jump.at, out.memory);
  return out;
}

class KernelTable final : public EthernetTableEditor {
 public:
  KernelTable(std::string name, Socket socket) : name_(std::move(name)), socket_(std::move(socket)) {}

  Result<void> read() {
    Blank<ebt_replace> info_room;
    auto& info = info_room.get();
    copy_name(name_, info.name);
    socklen_t size = sizeof(info);
    if (getsockopt(socket_.number(), IPPROTO_IP, EBT_SO_GET_INFO, &info, &size) != 0) return no_table();
    Bytes memory(info.entries_size);
    std::vector<ebt_counter> counters(info.nentries);
    info.num_counters = info.nentries;
    info.counters = counters.empty() ? nullptr : counters.data();
    info.entries = reinterpret_cast<char*>(memory.data());
    // The kernel takes the size of all it is to write for the length.
    size = static_cast<socklen_t>(sizeof(info) + memory.size() + counters.size() * sizeof(ebt_counter));
    if (getsockopt(socket_.number(), IPPROTO_IP, EBT_SO_GET_ENTRIES, &info, &size) != 0)
      return fail(errno == EINVAL ? ErrorKind::Outdated : ErrorKind::Kernel,
                  fmt::format("cannot read the ethernet table {}: {}", name_, std::strerror(errno)), "try again");
    auto chains = parsed(memory, info.valid_hooks, counters);
    if (!chains)
      return fail(ErrorKind::Kernel, fmt::format("the kernel's ethernet table {} is not laid out as known", name_),
                  "use the nftables backend");
    chains_ = std::move(*chains);
    valid_hooks_ = info.valid_hooks;
    held_entries_ = info.nentries;
    return {};
  }

  std::vector<std::string> chains() override {
    std::vector<std::string> names;
    for (const EthernetChain& chain : chains_) names.push_back(chain.name);
    return names;
  }
  bool has(const std::string& chain) override { return find(chain) != nullptr; }
  bool ends_as(const std::string& chain, bool returns) override {
    return has(chain) && find(chain)->policy == (returns ? EBT_RETURN : EBT_ACCEPT);
  }
  void end_as(const std::string& chain, bool returns) override {
    if (EthernetChain* found = find(chain)) found->policy = returns ? EBT_RETURN : EBT_ACCEPT;
  }

  std::vector<Held> rules(const std::string& chain) override {
    std::vector<Held> rules;
    if (const EthernetChain* found = find(chain))
      for (const EthernetEntry& entry : found->entries)
        rules.push_back({ethernet_image(entry.bytes, entry.target, entry.module), entry.target});
    return rules;
  }

  Result<void> create(const std::string& chain, bool returns) override {
    if (chain.size() > kMaxEthernetChainName)
      return fail(ErrorKind::Invalid, fmt::format("the name of chain '{}' is longer than ebtables' {} bytes", chain,
                                                  kMaxEthernetChainName));
    chains_.push_back({chain, std::nullopt, returns ? EBT_RETURN : EBT_ACCEPT, {}});
    return {};
  }
  Result<void> insert(const std::string& chain, const EncodedRule& rule, std::size_t at) override {
    NWF_TRY(EthernetChain * of, require(chain));
    if (!verdict_of(rule.target)) NWF_CHECK(require(rule.target));
    of->entries.insert(of->entries.begin() + static_cast<std::ptrdiff_t>(at), {rule.bytes, rule.target, {}, {}});
    return {};
  }
  Result<void> append(const std::string& chain, const EncodedRule& rule) override {
    NWF_TRY(const EthernetChain* of, require(chain));
    return insert(chain, rule, of->entries.size());
  }
  Result<void> erase(const std::string& chain, std::size_t at) override {
    NWF_TRY(EthernetChain * of, require(chain));
    of->entries.erase(of->entries.begin() + static_cast<std::ptrdiff_t>(at));
    return {};
  }
  Result<void> flush(const std::string& chain) override {
    NWF_TRY(EthernetChain * of, require(chain));
    of->entries.clear();
    return {};
  }
  Result<void> remove(const std::string& chain) override {
    NWF_CHECK(require(chain));
    if (is_referred_to(chain))
      return fail(ErrorKind::Kernel, fmt::format("chain {} of the ethernet table {} is still led to", chain, name_));
    std::erase_if(chains_, [&](const EthernetChain& one) { return one.name == chain; });
    return {};
  }
  bool is_referred_to(const std::string& chain) override {
    return std::ranges::any_of(chains_, [&](const EthernetChain& other) {
      return std::ranges::any_of(
          other.entries, [&](const EthernetEntry& entry) { return entry.module.empty() && entry.target == chain; });
    });
  }

  Result<void> commit() override {
    Laid laid = laid_out(chains_);
    Blank<ebt_replace> replace_room;
    auto& replace = replace_room.get();
    copy_name(name_, replace.name);
    replace.valid_hooks = valid_hooks_;
    replace.nentries = static_cast<unsigned>(laid.counters.size());
    replace.entries_size = static_cast<unsigned>(laid.memory.size());
    for (const auto& [hook, at] : laid.hooks)
      replace.hook_entry[hook] = reinterpret_cast<ebt_entries*>(laid.memory.data() + at);
    // The kernel compares the number with what it holds: a table of another size was changed by somebody else. It does
    // not where the number is 0, so that the size is asked for here.
    if (held_entries_ == 0) {
      Blank<ebt_replace> now_room;
      auto& now = now_room.get();
      copy_name(name_, now.name);
      socklen_t now_size = sizeof(now);
      if (getsockopt(socket_.number(), IPPROTO_IP, EBT_SO_GET_INFO, &now, &now_size) == 0 && now.nentries != 0)
        return fail(ErrorKind::Outdated, fmt::format("somebody else changed the ethernet table {} meanwhile", name_));
    }
    std::vector<ebt_counter> last(held_entries_);
    replace.num_counters = held_entries_;
    replace.counters = last.empty() ? nullptr : last.data();
    replace.entries = reinterpret_cast<char*>(laid.memory.data());
    const auto size = static_cast<socklen_t>(sizeof(replace) + laid.memory.size());
    if (setsockopt(socket_.number(), IPPROTO_IP, EBT_SO_SET_ENTRIES, &replace, size) != 0) return refused();
    if (laid.counters.empty()) return {};
    // New rules count from zero; those of before get back what they had counted.
    replace.num_counters = static_cast<unsigned>(laid.counters.size());
    replace.counters = laid.counters.data();
    const auto counters_size = static_cast<socklen_t>(sizeof(replace) + laid.counters.size() * sizeof(ebt_counter));
    (void)setsockopt(socket_.number(), IPPROTO_IP, EBT_SO_SET_COUNTERS, &replace, counters_size);
    return {};
  }

 private:
  EthernetChain* find(const std::string& chain) {
    const auto found = std::ranges::find(chains_, chain, &EthernetChain::name);
    return found == chains_.end() ? nullptr : &*found;
  }
  Result<EthernetChain*> require(const std::string& chain) {
    if (EthernetChain* found = find(chain)) return found;
    return fail(ErrorKind::Kernel, fmt::format("there is no chain {} in the ethernet table {}", chain, name_));
  }

  Result<void> no_table() const {
    if (errno == EPERM || errno == EACCES)
      return fail(ErrorKind::Denied, fmt::format("the kernel does not show its ethernet table {}", name_),
                  "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
    return fail(ErrorKind::Unsupported,
                fmt::format("this kernel has no table '{}' of ebtables: {}", name_, std::strerror(errno)),
                fmt::format("load the module ebtable_{}, or use the nftables backend", name_));
  }

  Result<void> refused() {
    const int error = errno;
    const std::string what = fmt::format("the ethernet table {}", name_);
    if (error == EPERM || error == EACCES)
      return fail(ErrorKind::Denied, fmt::format("the kernel refused to change {}", what),
                  "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
    Blank<ebt_replace> now_room;
    auto& now = now_room.get();
    copy_name(name_, now.name);
    socklen_t size = sizeof(now);
    const bool changed =
        getsockopt(socket_.number(), IPPROTO_IP, EBT_SO_GET_INFO, &now, &size) == 0 && now.nentries != held_entries_;
    if (error == EAGAIN || (error == EINVAL && changed))
      return fail(ErrorKind::Outdated, fmt::format("somebody else changed {} meanwhile", what));
    if (error == ENOENT || error == EOPNOTSUPP)
      return fail(ErrorKind::Unsupported, fmt::format("this kernel lacks a match that rules of {} use", what),
                  "load the modules ebt_ip, ebt_ip6, ebt_arp, ebt_vlan and ebt_stp, or use the nftables backend");
    return fail(ErrorKind::Kernel, fmt::format("the kernel refused {}: {}", what, std::strerror(error)),
                "see its log: dmesg");
  }

  const std::string name_;
  Socket socket_;
  unsigned valid_hooks_ = 0, held_entries_ = 0;
  std::vector<EthernetChain> chains_;
};

}  // namespace

Result<std::unique_ptr<EthernetTableEditor>> read_ethernet_table(const std::string& name) {
  Socket socket(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!socket)
    return fail(errno == EPERM || errno == EACCES ? ErrorKind::Denied : ErrorKind::Unsupported,
                fmt::format("cannot open a socket for the ethernet table {}: {}", name, std::strerror(errno)),
                "run as root, or with CAP_NET_ADMIN and CAP_NET_RAW");
  auto table = std::make_unique<KernelTable>(name, std::move(socket));
  NWF_CHECK(table->read());
  return std::unique_ptr<EthernetTableEditor>(std::move(table));
}

}  // namespace nwf::legacy
