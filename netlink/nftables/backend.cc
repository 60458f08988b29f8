// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/backend.h"

#include "netlink/grace_period.h"
#include "netlink/nftables/constants.h"
#include "netlink/nftables/ownership.h"
#include "netlink/nftables/probe.h"
#include "netlink/nftables/read.h"
#include "netlink/nftables/read_drops.h"
#include "netlink/nftables/transaction.h"

namespace nwf::netlink {
namespace {

class NfTables final : public Backend {
 public:
  NfTables(std::unique_ptr<Channel> channel, std::string_view table) : channel_(std::move(channel)), table_(table) {
    batch_.about(table_);
  }

  Result<Capabilities> capabilities() override { return probe(*channel_, sequence_); }
  Result<Held> read() override { return read_ruleset(*channel_, sequence_, table_, nullptr); }
  Result<Held> read(const ChainNames& chains) override { return read_ruleset(*channel_, sequence_, table_, &chains); }
  Result<std::vector<CountedDrops>> drops() override { return read_drops(*channel_, sequence_, table_); }
  Result<std::uint32_t> generation() override { return read_generation(*channel_, sequence_); }

  Result<std::uint32_t> apply(const Changes& changes, std::optional<std::uint32_t> generation) override {
    NWF_CHECK(run_transaction(*channel_, batch_, sequence_, changes, generation));
    // A transaction is one generation. One that turned out to change nothing is none: then the next one is
    // refused as outdated and the generation is read.
    if (generation) return *generation + 1;
    return this->generation();
  }

  void let_packets_leave() override { wait_for_grace_period(); }

  Result<bool> own() override {
    if (!can_own_) {
      NWF_TRY(can_own_, probe_ownership(*channel_, sequence_));
    }
    if (!*can_own_) return false;
    batch_.table_flags(kOwnedForGood);
    NWF_CHECK(take_tables(*channel_, batch_, sequence_));
    return true;
  }

 private:
  std::unique_ptr<Channel> channel_;
  std::string table_;
  Batch batch_;
  std::uint32_t sequence_ = 1;
  std::optional<bool> can_own_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_nftables(std::string_view table) {
  NWF_TRY(auto channel, open_netfilter());
  return open_nftables(std::move(channel), table);
}

std::unique_ptr<Backend> open_nftables(std::unique_ptr<Channel> channel, std::string_view table) {
  return std::make_unique<NfTables>(std::move(channel), table);
}

}  // namespace nwf::netlink
