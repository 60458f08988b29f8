// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/fingerprint.h"

#include <fmt/format.h>

#include "engine/program/shape.h"
#include "engine/utf8.h"

namespace nwf {
namespace {

constexpr std::string_view kSeal = "; chain=";

std::string hex(const Bytes& bytes) { return fmt::format("{:02x}", fmt::join(bytes, "")); }

struct Canonical {
  std::string operator()(const expr::MetaLoad& e) const {
    return fmt::format("meta {} {}", static_cast<int>(e.key), e.to);
  }
  std::string operator()(const expr::MetaSetMark& e) const { return fmt::format("setmark {}", e.from); }
  std::string operator()(const expr::CtLoad& e) const { return fmt::format("ct {} {}", static_cast<int>(e.key), e.to); }
  std::string operator()(const expr::Payload& e) const {
    return fmt::format("payload {} {} {} {}", static_cast<int>(e.base), e.offset, e.length, e.to);
  }
  std::string operator()(const expr::TcpOptionExists& e) const { return fmt::format("tcpopt {} {}", e.kind, e.to); }
  std::string operator()(const expr::Bitwise& e) const {
    return fmt::format("bitwise {} {} {} {}", e.from, e.to, hex(e.mask), hex(e.exclusive_or));
  }
  std::string operator()(const expr::Compare& e) const {
    return fmt::format("cmp {} {} {}", e.from, static_cast<int>(e.op), hex(e.data));
  }
  std::string operator()(const expr::Range& e) const {
    return fmt::format("range {} {} {} {}", e.from, e.inside, hex(e.low), hex(e.high));
  }
  std::string operator()(const expr::Lookup& e) const {
    return fmt::format("lookup {} {} {} {}", e.set, e.from, e.inverted, e.verdict_map);
  }
  std::string operator()(const expr::DynamicSet& e) const {
    return fmt::format("dynset {} {} {} {} {}", static_cast<int>(e.op), e.set, e.from, e.connlimit, e.connlimit_over);
  }
  std::string operator()(const expr::Counter&) const { return "counter"; }
  std::string operator()(const expr::Reject&) const { return "reject"; }
  std::string operator()(const expr::Immediate& e) const {
    return fmt::format("verdict {} {}", static_cast<int>(e.verdict.code), e.verdict.chain);
  }
  std::string operator()(const expr::ImmediateData& e) const { return fmt::format("data {} {}", e.to, hex(e.data)); }
};

}  // namespace

std::string canonical(const Expression& expression) { return std::visit(Canonical{}, expression); }

std::string fingerprint(const Chain& chain) {
  std::string text;
  if (chain.base) text += fmt::format("base {} {}\n", static_cast<int>(chain.base->hook), chain.base->priority);
  for (const Rule& rule : chain.rules) {
    for (const Expression& expression : rule.expressions) text += canonical(expression) + ";";
    text += rule.comment + "\n";
  }
  return fmt::format("{:016x}", fnv1a(text));
}

void seal(Chain& chain) {
  if (chain.rules.empty()) return;
  std::string& comment = chain.rules.front().comment;
  const std::string mark = std::string(kSeal) + fingerprint(chain);
  comment = std::string(utf8_start(comment, kMaxComment - mark.size())) + mark;
}

std::string sealed_fingerprint(const Chain& chain) {
  if (chain.rules.empty()) return {};
  const std::string& comment = chain.rules.front().comment;
  const auto at = comment.rfind(kSeal);
  return at == std::string::npos ? std::string{} : comment.substr(at + kSeal.size());
}

}  // namespace nwf
