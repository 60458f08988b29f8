// SPDX-License-Identifier: GPL-2.0-or-later
// The engine's enumerators as the kernel's numbers, and back.
#pragma once

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <cstdint>
#include <optional>

#include "engine/ruleset/ruleset.h"

namespace nwf::netlink {

/// linux/netfilter/nf_tables.h of 6.9: NFT_TABLE_F_PERSIST, which older headers lack.
inline constexpr std::uint32_t kTablePersists = 0x4;
/// What nwfd gives its tables: nobody else may change them, and they outlive it.
inline constexpr std::uint32_t kOwnedForGood = NFT_TABLE_F_OWNER | kTablePersists;

inline std::uint8_t family_number(Family family) { return family == Family::Bridge ? NFPROTO_BRIDGE : NFPROTO_INET; }

/// NFT_REG_1 to NFT_REG_4 where a 16-byte register starts, as nft itself writes them; else NFT_REG32_*.
inline std::uint32_t register_number(Register r) {
  return r % 4 == 0 ? NFT_REG_1 + r / 4U : static_cast<std::uint32_t>(NFT_REG32_00) + r;
}
inline Register register_from(std::uint32_t number) {
  if (number >= NFT_REG32_00) return static_cast<Register>(number - NFT_REG32_00);
  return static_cast<Register>((number == 0 ? 0 : number - 1) * 4);
}

inline std::uint32_t meta_number(MetaKey key) {
  switch (key) {
    case MetaKey::InterfaceIn:
      return NFT_META_IIFNAME;
    case MetaKey::InterfaceOut:
      return NFT_META_OIFNAME;
    case MetaKey::L4Proto:
      return NFT_META_L4PROTO;
    case MetaKey::NfProto:
      return NFT_META_NFPROTO;
    case MetaKey::Mark:
      return NFT_META_MARK;
    case MetaKey::InterfaceInKind:
      return NFT_META_IIFKIND;
  }
  return 0;
}
inline std::optional<MetaKey> meta_from(std::uint32_t number) {
  for (const MetaKey key : {MetaKey::InterfaceIn, MetaKey::InterfaceOut, MetaKey::L4Proto, MetaKey::NfProto,
                            MetaKey::Mark, MetaKey::InterfaceInKind})
    if (meta_number(key) == number) return key;
  return std::nullopt;
}

inline std::uint32_t ct_number(CtKey key) {
  switch (key) {
    case CtKey::State:
      return NFT_CT_STATE;
    case CtKey::Direction:
      return NFT_CT_DIRECTION;
    case CtKey::Status:
      return NFT_CT_STATUS;
  }
  return 0;
}
inline std::optional<CtKey> ct_from(std::uint32_t number) {
  for (const CtKey key : {CtKey::State, CtKey::Direction, CtKey::Status})
    if (ct_number(key) == number) return key;
  return std::nullopt;
}

inline std::uint32_t dynset_number(expr::DynamicSet::Op op) {
  switch (op) {
    case expr::DynamicSet::Op::Add:
      return NFT_DYNSET_OP_ADD;
    case expr::DynamicSet::Op::Delete:
      return NFT_DYNSET_OP_DELETE;
    case expr::DynamicSet::Op::Count:
      return NFT_DYNSET_OP_UPDATE;
  }
  return NFT_DYNSET_OP_ADD;
}
inline std::optional<expr::DynamicSet::Op> dynset_from(std::uint32_t number) {
  using Op = expr::DynamicSet::Op;
  for (const Op op : {Op::Add, Op::Delete, Op::Count})
    if (dynset_number(op) == number) return op;
  return std::nullopt;
}

inline std::uint32_t payload_base_number(PayloadBase base) {
  switch (base) {
    case PayloadBase::Link:
      return NFT_PAYLOAD_LL_HEADER;
    case PayloadBase::Network:
      return NFT_PAYLOAD_NETWORK_HEADER;
    case PayloadBase::Transport:
      return NFT_PAYLOAD_TRANSPORT_HEADER;
  }
  return 0;
}

inline std::uint32_t compare_number(CompareOp op) {
  switch (op) {
    case CompareOp::Equal:
      return NFT_CMP_EQ;
    case CompareOp::NotEqual:
      return NFT_CMP_NEQ;
    case CompareOp::Less:
      return NFT_CMP_LT;
    case CompareOp::LessOrEqual:
      return NFT_CMP_LTE;
    case CompareOp::Greater:
      return NFT_CMP_GT;
    case CompareOp::GreaterOrEqual:
      return NFT_CMP_GTE;
  }
  return NFT_CMP_EQ;
}
inline std::optional<CompareOp> compare_from(std::uint32_t number) {
  for (const CompareOp op : {CompareOp::Equal, CompareOp::NotEqual, CompareOp::Less, CompareOp::LessOrEqual,
                             CompareOp::Greater, CompareOp::GreaterOrEqual})
    if (compare_number(op) == number) return op;
  return std::nullopt;
}

inline std::int32_t verdict_number(VerdictCode code) {
  switch (code) {
    case VerdictCode::Accept:
      return NF_ACCEPT;
    case VerdictCode::Drop:
      return NF_DROP;
    case VerdictCode::Return:
      return NFT_RETURN;
    case VerdictCode::Continue:
      return NFT_CONTINUE;
    case VerdictCode::Jump:
      return NFT_JUMP;
    case VerdictCode::Goto:
      return NFT_GOTO;
  }
  return NF_DROP;
}
inline std::optional<VerdictCode> verdict_from(std::int32_t number) {
  for (const VerdictCode code : {VerdictCode::Accept, VerdictCode::Drop, VerdictCode::Return, VerdictCode::Continue,
                                 VerdictCode::Jump, VerdictCode::Goto})
    if (verdict_number(code) == number) return code;
  return std::nullopt;
}

/// linux/netfilter_bridge.h and linux/netfilter.h count their hooks alike.
inline std::uint32_t hook_number(Hook hook) { return static_cast<std::uint32_t>(hook); }

/// linux/netfilter/nf_tables.h: NFT_SET_CONCAT goes with ranges in several parts of a key only.
inline bool is_concatenated_interval(const Set& set) { return set.interval && set.key.size() > 1; }

/// nft packs the types of a concatenation six bits each, first part highest (nftables: include/datatype.h, TYPE_BITS).
inline std::uint32_t key_type_number(const std::vector<KeyPart>& key) {
  std::uint32_t number = 0;
  for (const KeyPart& part : key) number = number << 6U | static_cast<std::uint32_t>(part.type);
  return number;
}

}  // namespace nwf::netlink
