// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/simulate/evaluate.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "engine/ruleset/drops.h"
#include "engine/ruleset/state.h"

namespace nwf::simulate {
namespace {

// linux/netfilter.h
constexpr std::uint8_t kNfprotoIpv4 = 2, kNfprotoIpv6 = 10;
// net/netfilter/nf_tables_core.c allows as many jumps within each other: NFT_JUMP_STACK_SIZE
constexpr std::size_t kMaxJumps = 16;

using Words = std::array<std::uint8_t, 64>;

struct BaseChain {
  std::int32_t priority;
  const Chain* chain;
};

}  // namespace

/// One packet's way.
class Run {
 public:
  Run(Evaluator& evaluator, const Packet& packet, const Headers& headers)
      : e_(evaluator), packet_(packet), headers_(headers) {}

  Judgement run() {
    const bool ip = headers_.ipv4 || headers_.ipv6;
    const Probe netfilter = headers_.ipv6 ? e_.capabilities_.bridge_netfilter6 : e_.capabilities_.bridge_netfilter4;
    const bool inet = ip && !headers_.tagged && netfilter == Probe::Yes;
    const bool native = e_.capabilities_.bridge_conntrack == Probe::Yes;
    constexpr std::int32_t kConntrack = -200, kFirst = INT32_MIN, kLast = INT32_MAX;
    // br_netfilter calls the inet hooks from within the bridge's own, at priority 0 (NF_BR_PRI_BRNF).
    if (packet_.from_host) {
      look();
      if (!hook(Family::Inet, Hook::Output, kFirst, kLast, true)) return done();
      if (!hook(Family::Bridge, Hook::Output, kFirst, kLast, true)) return done();
    } else {
      if (native) {
        if (!hook(Family::Bridge, Hook::Prerouting, kFirst, kConntrack, true)) return done();
        look();
        if (!hook(Family::Bridge, Hook::Prerouting, kConntrack + 1, -1, true)) return done();
      } else if (!hook(Family::Bridge, Hook::Prerouting, kFirst, -1, true)) {
        return done();
      }
      if (inet && !native) look();
      if (!hook(Family::Inet, Hook::Prerouting, kFirst, kLast, inet)) return done();
      if (!hook(Family::Bridge, Hook::Prerouting, 0, kLast, true)) return done();
    }
    if (packet_.to_host) {
      if (!hook(Family::Bridge, Hook::Input, kFirst, kLast, true)) return done();
      if (!hook(Family::Inet, Hook::Input, kFirst, kLast, ip)) return done();
    } else {
      if (!packet_.from_host) {
        if (!hook(Family::Bridge, Hook::Forward, kFirst, -1, true)) return done();
        if (!hook(Family::Inet, Hook::Forward, kFirst, kLast, inet)) return done();
        if (!hook(Family::Bridge, Hook::Forward, 0, kLast, true)) return done();
      }
      if (!hook(Family::Bridge, Hook::Postrouting, kFirst, kLast, true)) return done();
    }
    if (tracked_) e_.conntrack_.confirm(packet_.frame, headers_);
    return done();
  }

 private:
  enum class Flowing { Next, Verdict };

  Judgement done() { return std::move(out_); }

  void look() {
    tracked_ = true;
    connection_ = e_.conntrack_.look(packet_.frame, headers_);
  }

  /// The base chains of a hook from one priority to another. False: the packet goes no further.
  bool hook(Family family, Hook hook, std::int32_t from, std::int32_t to, bool reached) {
    const auto table = e_.ruleset_.tables.find(family);
    if (!reached || table == e_.ruleset_.tables.end()) return true;
    std::vector<BaseChain> chains;
    for (const auto& [name, chain] : table->second.chains)
      // A nat chain decides nothing: it says how a connection is translated, and packets here are not.
      if (chain.base && chain.base->type == ChainType::Filter && chain.base->hook == hook &&
          chain.base->priority >= from && chain.base->priority <= to)
        chains.push_back({chain.base->priority, &chain});
    std::stable_sort(chains.begin(), chains.end(),
                     [](const auto& a, const auto& b) { return a.priority < b.priority; });
    table_ = &table->second;
    for (const BaseChain& base : chains) {
      decision_ = {family, base.chain->name, base.chain->name, 0, {}, {}, Outcome::Pass};
      registers_ = {};
      (void)chain(*base.chain, 0);
      out_.decisions.push_back(decision_);
      if (decision_.verdict != Outcome::Pass) {
        out_.outcome = decision_.verdict;
        return false;
      }
    }
    return true;
  }

  Flowing chain(const Chain& first, std::size_t depth) {
    const Chain* at = &first;
    while (at != nullptr) {
      const Chain* next = nullptr;
      for (std::size_t i = 0; i < at->rules.size(); ++i) {
        verdict_.reset();
        rejected_ = false;
        for (const Expression& expression : at->rules[i].expressions)
          if (!std::visit([this](const auto& what) { return step(what); }, expression)) break;
        if (rejected_) return decide(*at, i, Outcome::Reject);
        if (!verdict_) continue;
        const Verdict verdict = *verdict_;
        if (verdict.code == VerdictCode::Accept) return decide(*at, i, Outcome::Pass);
        if (verdict.code == VerdictCode::Drop) return decide(*at, i, Outcome::Drop);
        if (verdict.code == VerdictCode::Return) return Flowing::Next;
        if (verdict.code == VerdictCode::Continue) continue;
        const auto target = table_->chains.find(verdict.chain);
        if (target == table_->chains.end()) return Flowing::Next;
        if (verdict.code == VerdictCode::Goto) {
          if (is_dropped_chain(verdict.chain)) return decide(*at, i, Outcome::Drop);
          next = &target->second;
          break;
        }
        if (depth >= kMaxJumps) return decide(*at, i, Outcome::Drop);
        if (chain(target->second, depth + 1) == Flowing::Verdict) return Flowing::Verdict;
      }
      at = next;
    }
    return Flowing::Next;
  }

  Flowing decide(const Chain& in, std::size_t rule, Outcome outcome) {
    const std::string& comment = in.rules[rule].comment;
    decision_.chain = in.name;
    decision_.rule = rule;
    decision_.origin = comment.substr(0, comment.find("; chain="));
    decision_.source = in.rules[rule].source;
    decision_.verdict = outcome;
    return Flowing::Verdict;
  }

  // Each step: false ends the rule.

  std::uint8_t* at(Register r) { return registers_.data() + static_cast<std::size_t>(r) * 4; }
  void store(Register to, std::span<const std::uint8_t> bytes, std::size_t padded) {
    std::memset(at(to), 0, padded);
    std::memcpy(at(to), bytes.data(), bytes.size());
  }
  void store_number(Register to, std::uint32_t value) { std::memcpy(at(to), &value, 4); }
  void store_byte(Register to, std::uint8_t value) { store(to, {&value, 1}, 4); }

  bool step(const expr::MetaLoad& e) {
    switch (e.key) {
      case MetaKey::InterfaceIn:
      case MetaKey::InterfaceOut: {
        const std::string& name = e.key == MetaKey::InterfaceIn ? packet_.in : packet_.out;
        const std::vector<std::uint8_t> bytes(name.begin(), name.end());
        store(e.to, std::span(bytes).first(std::min<std::size_t>(bytes.size(), 15)), 16);
        return true;
      }
      case MetaKey::L4Proto:
        if (!headers_.l4proto) return false;
        store_byte(e.to, *headers_.l4proto);
        return true;
      case MetaKey::NfProto:
        store_byte(e.to, headers_.ipv6 ? kNfprotoIpv6 : kNfprotoIpv4);
        return true;
      case MetaKey::Mark:
        store_number(e.to, mark_);
        return true;
      case MetaKey::InterfaceInKind: {
        // br_netfilter shows the bridge as the interface a bridged packet came in by.
        constexpr std::string_view kBridge = "bridge";
        const std::vector<std::uint8_t> bytes(kBridge.begin(), kBridge.end());
        store(e.to, bytes, 16);
        return true;
      }
    }
    return false;
  }
  bool step(const expr::MetaSetMark& e) {
    std::memcpy(&mark_, at(e.from), 4);
    return true;
  }
  bool step(const expr::CtLoad& e) {
    if (e.key == CtKey::State) {
      store_number(e.to, tracked_ ? connection_.state : kCtStateInvalid);
      return true;
    }
    if (e.key == CtKey::Status) {
      store_number(e.to, 0);
      return true;
    }
    if (!tracked_ || connection_.state == kCtStateInvalid || connection_.state == kCtStateUntracked) return false;
    store_byte(e.to, connection_.reply ? 1 : 0);
    return true;
  }
  bool step(const expr::Payload& e) {
    std::size_t base = 0;
    if (e.base == PayloadBase::Network) base = headers_.network;
    if (e.base == PayloadBase::Transport) {
      if (!headers_.transport) return false;
      base = *headers_.transport;
    }
    if (base + e.offset + e.length > packet_.frame.size()) return false;
    store(e.to, std::span(packet_.frame).subspan(base + e.offset, e.length), (std::size_t{e.length} + 3) / 4 * 4);
    return true;
  }
  /// net/netfilter/nft_exthdr.c: nft_exthdr_tcp_eval() with NFT_EXTHDR_F_PRESENT. It never looks at the header's last
  /// byte.
  bool step(const expr::TcpOptionExists& e) {
    store_byte(e.to, 0);
    if (headers_.l4proto != 6 || !headers_.transport) return true;
    const std::size_t start = *headers_.transport;
    if (start + 20 > packet_.frame.size()) return true;
    const std::size_t end = start + static_cast<std::size_t>(packet_.frame[start + 12] >> 4U) * 4;
    if (end < start + 20 || end > packet_.frame.size()) return true;
    for (std::size_t i = start + 20; i + 1 < end;) {
      const std::uint8_t kind = packet_.frame[i];
      const std::size_t length = kind <= 1 ? 1 : std::max<std::size_t>(packet_.frame[i + 1], 1);
      if (kind == e.kind) {
        if (i + length <= end) store_byte(e.to, 1);
        return true;
      }
      i += length;
    }
    return true;
  }
  bool step(const expr::Bitwise& e) {
    for (std::size_t i = 0; i < e.mask.size(); ++i)
      at(e.to)[i] = static_cast<std::uint8_t>((at(e.from)[i] & e.mask[i]) ^ e.exclusive_or[i]);
    return true;
  }
  bool step(const expr::Compare& e) {
    const int order = std::memcmp(at(e.from), e.data.data(), e.data.size());
    switch (e.op) {
      case CompareOp::Equal:
        return order == 0;
      case CompareOp::NotEqual:
        return order != 0;
      case CompareOp::Less:
        return order < 0;
      case CompareOp::LessOrEqual:
        return order <= 0;
      case CompareOp::Greater:
        return order > 0;
      case CompareOp::GreaterOrEqual:
        return order >= 0;
    }
    return false;
  }
  bool step(const expr::Range& e) {
    const bool inside = std::memcmp(at(e.from), e.low.data(), e.low.size()) >= 0 &&
                        std::memcmp(at(e.from), e.high.data(), e.high.size()) <= 0;
    return inside == e.inside;
  }
  bool step(const expr::Lookup& e) {
    const Bytes key = key_of(e.set, e.from);
    const Element* found = nullptr;
    bool there = false;
    if (const auto set = table_->sets.find(e.set); set != table_->sets.end() && set->second.dynamic) {
      const auto elements = e_.dynamic_.find(e.set);
      there = elements != e_.dynamic_.end() && elements->second.contains(key);
    } else if (const auto elements = table_->elements.find(e.set); elements != table_->elements.end()) {
      found = set != table_->sets.end() && set->second.interval ? range_with(set->second, elements->second, key)
                                                                : element_of(elements->second, key);
      there = found != nullptr;
    }
    if (there == e.inverted) return false;
    if (e.verdict_map && found != nullptr) verdict_ = found->verdict;
    if (e.to && found != nullptr) store(*e.to, found->data, (found->data.size() + 3) / 4 * 4);
    return true;
  }
  bool step(const expr::DynamicSet& e) {
    const Bytes key = key_of(e.set, e.from);
    auto& elements = e_.dynamic_[e.set];
    if (e.op == expr::DynamicSet::Op::Delete) {
      elements.erase(key);
      return true;
    }
    std::set<Flow>& flows = elements[key];
    if (!e.connlimit) return true;
    if (const auto flow = e_.conntrack_.flow(packet_.frame, headers_)) flows.insert(*flow);
    return flows.size() > e.connlimit_over;
  }
  bool step(const expr::Counter&) { return true; }
  bool step(const expr::Reject&) {
    rejected_ = true;
    return false;
  }
  bool step(const expr::Immediate& e) {
    verdict_ = e.verdict;
    return false;
  }
  bool step(const expr::ImmediateData& e) {
    store(e.to, e.data, (e.data.size() + 3) / 4 * 4);
    return true;
  }

  bool step(const expr::FibAddressType& e) {
    constexpr std::uint32_t kUnicast = 1;  // linux/rtnetlink.h: RTN_UNICAST
    store_number(e.to, packet_.to_host ? kFibLocal : kUnicast);
    return true;
  }
  /// In nat chains only, which are not run here.
  bool step(const expr::Masquerade&) { return false; }
  bool step(const expr::Nat&) { return false; }

  static const Element* element_of(const std::set<Element>& elements, const Bytes& key) {
    const auto element =
        std::find_if(elements.begin(), elements.end(), [&](const Element& one) { return one.key == key; });
    return element == elements.end() ? nullptr : &*element;
  }
  /// The element whose range holds each part of the key.
  static const Element* range_with(const Set& set, const std::set<Element>& elements, const Bytes& key) {
    const auto holds = [&](const Element& element) {
      std::size_t at = 0;
      return std::all_of(set.key.begin(), set.key.end(), [&](const KeyPart& part) {
        const bool inside = std::memcmp(element.key.data() + at, key.data() + at, part.width) <= 0 &&
                            std::memcmp(key.data() + at, element.key_end.data() + at, part.width) <= 0;
        at += (part.width + 3) / 4 * 4;
        return inside;
      });
    };
    const auto found = std::find_if(elements.begin(), elements.end(), holds);
    return found == elements.end() ? nullptr : &*found;
  }

  Bytes key_of(const std::string& name, Register from) {
    const auto set = table_->sets.find(name);
    const std::size_t length = set == table_->sets.end() ? 0 : key_length(set->second.key);
    return {at(from), at(from) + length};
  }

  Evaluator& e_;
  const Packet& packet_;
  const Headers& headers_;
  const Table* table_ = nullptr;
  Words registers_{};
  std::uint32_t mark_ = 0;
  bool tracked_ = false;
  Connection connection_;
  std::optional<Verdict> verdict_;
  bool rejected_ = false;
  Decision decision_;
  Judgement out_;
};

Judgement Evaluator::judge(const Packet& packet) {
  const auto headers = dissect(packet.frame);
  if (!headers) return {Outcome::Drop, {}};
  return Run(*this, packet, *headers).run();
}

}  // namespace nwf::simulate
