// SPDX-License-Identifier: GPL-2.0-or-later
// A transaction about tables of other programs, message by message.
#pragma once

#include <libmnl/libmnl.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "netlink/channel.h"
#include "netlink/nftables/foreign.h"

namespace nwf::netlink {

class ForeignBatch {
 public:
  ForeignBatch(std::uint32_t sequence, std::optional<std::uint32_t> generation);

  void add_table(std::uint8_t family, const std::string& table);
  void add_chain(std::uint8_t family, const ForeignChain& chain);
  /// One that no packet comes to by itself.
  void add_regular_chain(std::uint8_t family, const std::string& table, const std::string& chain);
  void delete_chain(std::uint8_t family, const std::string& table, const std::string& chain);
  /// Without a handle: all rules of the chain.
  void delete_rules(std::uint8_t family, const std::string& table, const std::string& chain,
                    std::optional<std::uint64_t> handle);
  /// The rule at the end of its chain or, given a handle, before the rule that has it.
  void add_rule(std::uint8_t family, const std::string& chain, const ForeignRule& rule,
                std::optional<std::uint64_t> before);

  bool empty() const { return about_.empty(); }
  std::uint32_t next_sequence() const { return next_; }
  /// Sends it; not `committing`, the kernel checks all of it and forgets it. Errors: Outdated, Denied, Kernel by chain.
  Result<void> run(Channel& channel, bool committing);

 private:
  nlmsghdr* message(std::uint16_t type, std::uint8_t family, std::uint16_t flags, std::string about);
  void close(const nlmsghdr* header) { size_ += MNL_ALIGN(header->nlmsg_len); }
  void reserve(std::size_t room);

  std::vector<std::uint8_t> bytes_;
  std::size_t size_ = 0, last_message_ = 0;
  std::uint32_t first_, next_;
  std::vector<std::string> about_;  ///< what each message does, in words
};

}  // namespace nwf::netlink
