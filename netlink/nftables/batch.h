// SPDX-License-Identifier: GPL-2.0-or-later
// Changes → the bytes of one transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/ruleset/change.h"

struct nlmsghdr;

namespace nwf::netlink {

/// One batch: begin, a message for each change (several for many elements), end. Reused from one transaction to
/// the next so that its memory is.
class Batch {
 public:
  /// Starts anew. With a generation the kernel refuses the batch when its ruleset is at another.
  void begin(std::uint32_t first_sequence, std::optional<std::uint32_t> generation);
  /// NFT_TABLE_F_* of every table that AddTable makes, or takes over, from now on.
  void table_flags(std::uint32_t flags) { table_flags_ = flags; }
  /// The table that the changes are about, from the next one on; `nwf` when never said.
  void about(std::string table) { table_ = std::move(table); }
  const std::string& table() const { return table_; }
  /// Adds a change; `index` is what change_of() answers for its messages.
  void add(const Change& change, std::size_t index);
  /// Adds a table of another name, to ask the kernel about its flags.
  void add_table(const char* name, Family family);
  /// Asks for an acknowledgement of the last message and closes the batch. `committing` false leaves the end
  /// out: the kernel then checks every message and applies none (used to probe).
  void end(bool committing = true);
  /// Every message from now on is acknowledged by itself.
  void acknowledge_all() { acknowledge_all_ = true; }

  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), size_}; }
  std::uint32_t first_sequence() const { return first_; }
  /// Sequence number of the message whose acknowledgement comes last.
  std::uint32_t last_sequence() const { return last_; }
  std::uint32_t next_sequence() const { return next_; }
  /// The index given to add() for the message of this sequence number.
  std::optional<std::size_t> change_of(std::uint32_t sequence) const;

 private:
  friend struct Encoder;
  nlmsghdr* message(std::uint16_t type, Family family, std::uint16_t flags);
  void close(nlmsghdr* header);
  void reserve(std::size_t room);

  std::uint32_t table_flags_ = 0;
  std::string table_{kTableName};
  std::vector<std::uint8_t> bytes_;
  std::size_t size_ = 0;
  std::size_t last_message_ = 0;
  std::uint32_t first_ = 0, next_ = 0, last_ = 0;
  std::size_t index_ = 0;
  bool acknowledge_all_ = false;
  std::vector<std::size_t> changes_;  ///< by sequence number, from the first message after begin
};

}  // namespace nwf::netlink
