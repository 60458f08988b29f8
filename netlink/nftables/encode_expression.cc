// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/encode_expression.h"

#include <linux/netfilter/nf_nat.h>

#include <cstring>
#include <string_view>

#include "netlink/nftables/constants.h"

namespace nwf::netlink {
namespace {

/// linux/netfilter/nf_nat.h: NF_NAT_RANGE_NETMAP, which libnftnl's oldest kernel headers lack.
constexpr std::uint32_t kNatRangeNetmap = 1U << 6U;

NftExpr make(const char* name) { return NftExpr(nftnl_expr_alloc(name)); }

void put(const NftExpr& e, std::uint16_t attribute, std::uint32_t value) {
  nftnl_expr_set_u32(e.get(), attribute, value);
}
void put_register(const NftExpr& e, std::uint16_t attribute, Register value) {
  put(e, attribute, register_number(value));
}
void put_bytes(const NftExpr& e, std::uint16_t attribute, const Bytes& bytes) {
  nftnl_expr_set(e.get(), attribute, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
}

struct Encode {
  Family family;

  NftExpr operator()(const expr::MetaLoad& x) const {
    NftExpr e = make("meta");
    put(e, NFTNL_EXPR_META_KEY, meta_number(x.key));
    put_register(e, NFTNL_EXPR_META_DREG, x.to);
    return e;
  }
  NftExpr operator()(const expr::MetaSetMark& x) const {
    NftExpr e = make("meta");
    put(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    put_register(e, NFTNL_EXPR_META_SREG, x.from);
    return e;
  }
  NftExpr operator()(const expr::CtLoad& x) const {
    NftExpr e = make("ct");
    put(e, NFTNL_EXPR_CT_KEY, ct_number(x.key));
    put_register(e, NFTNL_EXPR_CT_DREG, x.to);
    return e;
  }
  NftExpr operator()(const expr::Payload& x) const {
    NftExpr e = make("payload");
    put_register(e, NFTNL_EXPR_PAYLOAD_DREG, x.to);
    put(e, NFTNL_EXPR_PAYLOAD_BASE, payload_base_number(x.base));
    put(e, NFTNL_EXPR_PAYLOAD_OFFSET, x.offset);
    put(e, NFTNL_EXPR_PAYLOAD_LEN, x.length);
    return e;
  }
  NftExpr operator()(const expr::TcpOptionExists& x) const {
    NftExpr e = make("exthdr");
    put_register(e, NFTNL_EXPR_EXTHDR_DREG, x.to);
    nftnl_expr_set_u8(e.get(), NFTNL_EXPR_EXTHDR_TYPE, x.kind);
    put(e, NFTNL_EXPR_EXTHDR_OFFSET, 0);
    put(e, NFTNL_EXPR_EXTHDR_LEN, 1);
    put(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
    put(e, NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT);
    return e;
  }
  NftExpr operator()(const expr::Bitwise& x) const {
    NftExpr e = make("bitwise");
    put_register(e, NFTNL_EXPR_BITWISE_SREG, x.from);
    put_register(e, NFTNL_EXPR_BITWISE_DREG, x.to);
    put(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
    put(e, NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(x.mask.size()));
    put_bytes(e, NFTNL_EXPR_BITWISE_MASK, x.mask);
    put_bytes(e, NFTNL_EXPR_BITWISE_XOR, x.exclusive_or);
    return e;
  }
  NftExpr operator()(const expr::Compare& x) const {
    NftExpr e = make("cmp");
    put_register(e, NFTNL_EXPR_CMP_SREG, x.from);
    put(e, NFTNL_EXPR_CMP_OP, compare_number(x.op));
    put_bytes(e, NFTNL_EXPR_CMP_DATA, x.data);
    return e;
  }
  NftExpr operator()(const expr::Range& x) const {
    NftExpr e = make("range");
    put_register(e, NFTNL_EXPR_RANGE_SREG, x.from);
    put(e, NFTNL_EXPR_RANGE_OP, x.inside ? NFT_RANGE_EQ : NFT_RANGE_NEQ);
    put_bytes(e, NFTNL_EXPR_RANGE_FROM_DATA, x.low);
    put_bytes(e, NFTNL_EXPR_RANGE_TO_DATA, x.high);
    return e;
  }
  NftExpr operator()(const expr::Lookup& x) const {
    NftExpr e = make("lookup");
    put_register(e, NFTNL_EXPR_LOOKUP_SREG, x.from);
    // Register 0 is the verdict itself.
    if (x.verdict_map) put(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
    if (x.to) put_register(e, NFTNL_EXPR_LOOKUP_DREG, *x.to);
    nftnl_expr_set_str(e.get(), NFTNL_EXPR_LOOKUP_SET, x.set.c_str());
    if (x.inverted) put(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
    return e;
  }
  NftExpr operator()(const expr::DynamicSet& x) const {
    NftExpr e = make("dynset");
    put_register(e, NFTNL_EXPR_DYNSET_SREG_KEY, x.from);
    put(e, NFTNL_EXPR_DYNSET_OP, dynset_number(x.op));
    nftnl_expr_set_str(e.get(), NFTNL_EXPR_DYNSET_SET_NAME, x.set.c_str());
    if (x.connlimit) {
      NftExpr count = make("connlimit");
      put(count, NFTNL_EXPR_CONNLIMIT_COUNT, x.connlimit_over);
      put(count, NFTNL_EXPR_CONNLIMIT_FLAGS, NFT_CONNLIMIT_F_INV);
      nftnl_expr_set(e.get(), NFTNL_EXPR_DYNSET_EXPR, count.release(), 0);
    }
    if (x.op == expr::DynamicSet::Op::Count)
      nftnl_expr_set(e.get(), NFTNL_EXPR_DYNSET_EXPR, make("counter").release(), 0);
    return e;
  }
  NftExpr operator()(const expr::Counter&) const { return make("counter"); }
  NftExpr operator()(const expr::Reject&) const {
    NftExpr e = make("reject");
    put(e, NFTNL_EXPR_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH);
    nftnl_expr_set_u8(e.get(), NFTNL_EXPR_REJECT_CODE, NFT_REJECT_ICMPX_PORT_UNREACH);
    return e;
  }
  NftExpr operator()(const expr::Immediate& x) const {
    NftExpr e = make("immediate");
    put(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    put(e, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(verdict_number(x.verdict.code)));
    if (!x.verdict.chain.empty()) nftnl_expr_set_str(e.get(), NFTNL_EXPR_IMM_CHAIN, x.verdict.chain.c_str());
    return e;
  }
  NftExpr operator()(const expr::ImmediateData& x) const {
    NftExpr e = make("immediate");
    put_register(e, NFTNL_EXPR_IMM_DREG, x.to);
    put_bytes(e, NFTNL_EXPR_IMM_DATA, x.data);
    return e;
  }
  NftExpr operator()(const expr::FibAddressType& x) const {
    NftExpr e = make("fib");
    put(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
    put(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
    put_register(e, NFTNL_EXPR_FIB_DREG, x.to);
    return e;
  }
  NftExpr operator()(const expr::Masquerade& x) const {
    NftExpr e = make("masq");
    if (x.ports) {
      put_register(e, NFTNL_EXPR_MASQ_REG_PROTO_MIN, x.ports->min);
      put_register(e, NFTNL_EXPR_MASQ_REG_PROTO_MAX, x.ports->max);
      put(e, NFTNL_EXPR_MASQ_FLAGS, NF_NAT_RANGE_PROTO_SPECIFIED);
    }
    return e;
  }
  NftExpr operator()(const expr::Nat& x) const {
    NftExpr e = make("nat");
    put(e, NFTNL_EXPR_NAT_TYPE, x.kind == expr::Nat::Kind::Source ? NFT_NAT_SNAT : NFT_NAT_DNAT);
    put(e, NFTNL_EXPR_NAT_FAMILY, x.ipv6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
    // As nft itself: the end of a range is left out where it is its start.
    put_register(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, x.addresses.min);
    if (x.addresses.max != x.addresses.min) put_register(e, NFTNL_EXPR_NAT_REG_ADDR_MAX, x.addresses.max);
    std::uint32_t flags = x.prefix ? kNatRangeNetmap : 0;
    if (x.ports) {
      put_register(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, x.ports->min);
      if (x.ports->max != x.ports->min) {
        put_register(e, NFTNL_EXPR_NAT_REG_PROTO_MAX, x.ports->max);
        flags |= NF_NAT_RANGE_PROTO_SPECIFIED;
      }
    }
    if (flags != 0) put(e, NFTNL_EXPR_NAT_FLAGS, flags);
    return e;
  }
};

std::uint32_t number(const nftnl_expr& e, std::uint16_t attribute) { return nftnl_expr_get_u32(&e, attribute); }
Register reg(const nftnl_expr& e, std::uint16_t attribute) { return register_from(number(e, attribute)); }
Bytes bytes(const nftnl_expr& e, std::uint16_t attribute) {
  std::uint32_t length = 0;
  const auto* data = static_cast<const std::uint8_t*>(nftnl_expr_get(&e, attribute, &length));
  return data == nullptr ? Bytes{} : Bytes(data, data + length);
}
std::string text(const nftnl_expr& e, std::uint16_t attribute) {
  const char* value = nftnl_expr_is_set(&e, attribute) ? nftnl_expr_get_str(&e, attribute) : nullptr;
  return value == nullptr ? std::string{} : std::string(value);
}

std::optional<Expression> decode_meta(const nftnl_expr& e) {
  if (nftnl_expr_is_set(&e, NFTNL_EXPR_META_SREG)) {
    if (number(e, NFTNL_EXPR_META_KEY) != NFT_META_MARK) return std::nullopt;
    return expr::MetaSetMark{reg(e, NFTNL_EXPR_META_SREG)};
  }
  const auto key = meta_from(number(e, NFTNL_EXPR_META_KEY));
  if (!key) return std::nullopt;
  return expr::MetaLoad{*key, reg(e, NFTNL_EXPR_META_DREG)};
}

std::optional<Expression> decode_payload(const nftnl_expr& e) {
  if (!nftnl_expr_is_set(&e, NFTNL_EXPR_PAYLOAD_DREG)) return std::nullopt;
  for (const PayloadBase base : {PayloadBase::Link, PayloadBase::Network, PayloadBase::Transport})
    if (payload_base_number(base) == number(e, NFTNL_EXPR_PAYLOAD_BASE))
      return expr::Payload{base, number(e, NFTNL_EXPR_PAYLOAD_OFFSET), number(e, NFTNL_EXPR_PAYLOAD_LEN),
                           reg(e, NFTNL_EXPR_PAYLOAD_DREG)};
  return std::nullopt;
}

std::optional<Expression> decode_dynset(const nftnl_expr& e) {
  expr::DynamicSet dynamic;
  const auto op = dynset_from(number(e, NFTNL_EXPR_DYNSET_OP));
  if (!op) return std::nullopt;
  dynamic.op = *op;
  dynamic.set = text(e, NFTNL_EXPR_DYNSET_SET_NAME);
  dynamic.from = reg(e, NFTNL_EXPR_DYNSET_SREG_KEY);
  if (nftnl_expr_is_set(&e, NFTNL_EXPR_DYNSET_EXPR)) {
    std::uint32_t length = 0;
    const auto* count = static_cast<const nftnl_expr*>(nftnl_expr_get(&e, NFTNL_EXPR_DYNSET_EXPR, &length));
    const std::string_view name = count == nullptr ? "" : nftnl_expr_get_str(count, NFTNL_EXPR_NAME);
    if (dynamic.op == expr::DynamicSet::Op::Count)
      return name == "counter" ? std::optional<Expression>(dynamic) : std::nullopt;
    if (name != "connlimit") return std::nullopt;
    dynamic.connlimit = true;
    dynamic.connlimit_over = number(*count, NFTNL_EXPR_CONNLIMIT_COUNT);
  }
  if (dynamic.op == expr::DynamicSet::Op::Count) return std::nullopt;  // an update that counts nothing
  return dynamic;
}

std::optional<Expression> decode_immediate(const nftnl_expr& e) {
  if (number(e, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT)
    return expr::ImmediateData{reg(e, NFTNL_EXPR_IMM_DREG), bytes(e, NFTNL_EXPR_IMM_DATA)};
  const auto code = verdict_from(static_cast<std::int32_t>(number(e, NFTNL_EXPR_IMM_VERDICT)));
  if (!code) return std::nullopt;
  return expr::Immediate{{*code, text(e, NFTNL_EXPR_IMM_CHAIN)}};
}

std::optional<expr::RegisterRange> range(const nftnl_expr& e, std::uint16_t min, std::uint16_t max) {
  if (!nftnl_expr_is_set(&e, min)) return std::nullopt;
  const Register low = reg(e, min);
  return expr::RegisterRange{low, nftnl_expr_is_set(&e, max) ? reg(e, max) : low};
}

std::optional<Expression> decode_nat(const nftnl_expr& e) {
  const auto addresses = range(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFTNL_EXPR_NAT_REG_ADDR_MAX);
  if (!addresses) return std::nullopt;
  const std::uint32_t flags = nftnl_expr_is_set(&e, NFTNL_EXPR_NAT_FLAGS) ? number(e, NFTNL_EXPR_NAT_FLAGS) : 0;
  return expr::Nat{
      number(e, NFTNL_EXPR_NAT_TYPE) == NFT_NAT_SNAT ? expr::Nat::Kind::Source : expr::Nat::Kind::Destination,
      number(e, NFTNL_EXPR_NAT_FAMILY) == NFPROTO_IPV6, *addresses,
      range(e, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFTNL_EXPR_NAT_REG_PROTO_MAX), (flags & kNatRangeNetmap) != 0};
}

std::optional<Expression> decode_lookup(const nftnl_expr& e) {
  expr::Lookup lookup{text(e, NFTNL_EXPR_LOOKUP_SET), reg(e, NFTNL_EXPR_LOOKUP_SREG)};
  lookup.inverted =
      nftnl_expr_is_set(&e, NFTNL_EXPR_LOOKUP_FLAGS) && (number(e, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0;
  if (nftnl_expr_is_set(&e, NFTNL_EXPR_LOOKUP_DREG)) {
    lookup.verdict_map = number(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT;
    if (!lookup.verdict_map) lookup.to = reg(e, NFTNL_EXPR_LOOKUP_DREG);
  }
  return lookup;
}

}  // namespace

NftExpr encode(const Expression& expression, Family family) { return std::visit(Encode{family}, expression); }

std::optional<Expression> decode(const nftnl_expr& e) {
  const std::string_view name = nftnl_expr_get_str(&e, NFTNL_EXPR_NAME);
  if (name == "meta") return decode_meta(e);
  if (name == "payload") return decode_payload(e);
  if (name == "dynset") return decode_dynset(e);
  if (name == "immediate") return decode_immediate(e);
  if (name == "ct") {
    const auto key = ct_from(number(e, NFTNL_EXPR_CT_KEY));
    if (!key) return std::nullopt;
    return expr::CtLoad{*key, reg(e, NFTNL_EXPR_CT_DREG)};
  }
  if (name == "exthdr") {
    if (number(e, NFTNL_EXPR_EXTHDR_OP) != NFT_EXTHDR_OP_TCPOPT) return std::nullopt;
    return expr::TcpOptionExists{nftnl_expr_get_u8(&e, NFTNL_EXPR_EXTHDR_TYPE), reg(e, NFTNL_EXPR_EXTHDR_DREG)};
  }
  if (name == "bitwise") {
    if (number(e, NFTNL_EXPR_BITWISE_OP) != NFT_BITWISE_BOOL) return std::nullopt;
    return expr::Bitwise{reg(e, NFTNL_EXPR_BITWISE_SREG), reg(e, NFTNL_EXPR_BITWISE_DREG),
                         bytes(e, NFTNL_EXPR_BITWISE_MASK), bytes(e, NFTNL_EXPR_BITWISE_XOR)};
  }
  if (name == "cmp") {
    const auto op = compare_from(number(e, NFTNL_EXPR_CMP_OP));
    if (!op) return std::nullopt;
    return expr::Compare{reg(e, NFTNL_EXPR_CMP_SREG), *op, bytes(e, NFTNL_EXPR_CMP_DATA)};
  }
  if (name == "range")
    return expr::Range{reg(e, NFTNL_EXPR_RANGE_SREG), number(e, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_EQ,
                       bytes(e, NFTNL_EXPR_RANGE_FROM_DATA), bytes(e, NFTNL_EXPR_RANGE_TO_DATA)};
  if (name == "lookup") return decode_lookup(e);
  if (name == "nat") return decode_nat(e);
  if (name == "masq") return expr::Masquerade{range(e, NFTNL_EXPR_MASQ_REG_PROTO_MIN, NFTNL_EXPR_MASQ_REG_PROTO_MAX)};
  if (name == "fib") {
    if (number(e, NFTNL_EXPR_FIB_RESULT) != NFT_FIB_RESULT_ADDRTYPE ||
        number(e, NFTNL_EXPR_FIB_FLAGS) != NFTA_FIB_F_DADDR)
      return std::nullopt;
    return expr::FibAddressType{reg(e, NFTNL_EXPR_FIB_DREG)};
  }
  if (name == "counter") return expr::Counter{};
  if (name == "reject") return expr::Reject{};
  return std::nullopt;
}

}  // namespace nwf::netlink
