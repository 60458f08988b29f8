// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/ruleset/fingerprint.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <type_traits>

#include "engine/program/shape.h"
#include "engine/utf8.h"

namespace nwf {
namespace {

constexpr std::string_view kSeal = "; chain=";

/// Writes words with blanks between. By hand: a large filter has some ten thousand expressions.
class Canonical {
 public:
  explicit Canonical(std::string& out) : out_(out) {}

  void operator()(const expr::MetaLoad& e) { line("meta", e.key, e.to); }
  void operator()(const expr::MetaSetMark& e) { line("setmark", e.from); }
  void operator()(const expr::CtLoad& e) { line("ct", e.key, e.to); }
  void operator()(const expr::Payload& e) { line("payload", e.base, e.offset, e.length, e.to); }
  void operator()(const expr::TcpOptionExists& e) { line("tcpopt", e.kind, e.to); }
  void operator()(const expr::Bitwise& e) { line("bitwise", e.from, e.to, e.mask, e.exclusive_or); }
  void operator()(const expr::Compare& e) { line("cmp", e.from, e.op, e.data); }
  void operator()(const expr::Range& e) { line("range", e.from, e.inside, e.low, e.high); }
  void operator()(const expr::Lookup& e) {
    line("lookup", e.set, e.from, e.inverted, e.verdict_map);
    if (e.to) line(" to", *e.to);
  }
  void operator()(const expr::DynamicSet& e) { line("dynset", e.op, e.set, e.from, e.connlimit, e.connlimit_over); }
  void operator()(const expr::Counter&) { line("counter"); }
  void operator()(const expr::Reject&) { line("reject"); }
  void operator()(const expr::Immediate& e) { line("verdict", e.verdict.code, e.verdict.chain); }
  void operator()(const expr::ImmediateData& e) { line("data", e.to, e.data); }
  void operator()(const expr::FibAddressType& e) { line("fib", e.to); }
  void operator()(const expr::Masquerade& e) {
    line("masquerade");
    range(" ports", e.ports);
  }
  void operator()(const expr::Nat& e) {
    line("nat", e.kind, e.ipv6, e.prefix);
    range(" addresses", e.addresses);
    range(" ports", e.ports);
  }

 private:
  template <class... Words>
  void line(std::string_view first, const Words&... words) {
    out_ += first;
    ((out_ += ' ', put(words)), ...);
  }
  void range(std::string_view what, const std::optional<expr::RegisterRange>& registers) {
    if (registers) line(what, registers->min, registers->max);
  }
  void put(const std::string& word) { out_ += word; }
  void put(const Bytes& bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const std::uint8_t byte : bytes) {
      out_ += kDigits[byte >> 4U];
      out_ += kDigits[byte & 15U];
    }
  }
  template <class Number>
  requires(std::is_integral_v<Number> || std::is_enum_v<Number>) void put(Number number) {
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), static_cast<std::int64_t>(number));
    out_.append(digits.data(), end.ptr);
  }

  std::string& out_;
};

void append(const Expression& expression, std::string& out) { std::visit(Canonical(out), expression); }

}  // namespace

std::string canonical(const Expression& expression) {
  std::string text;
  append(expression, text);
  return text;
}

std::string fingerprint(const Chain& chain) {
  std::string text;
  if (chain.base) {
    text += fmt::format("base {} {}\n", static_cast<int>(chain.base->hook), chain.base->priority);
    if (chain.base->type == ChainType::Nat) text += "nat\n";
  }
  for (const Rule& rule : chain.rules) {
    for (const Expression& expression : rule.expressions) {
      append(expression, text);
      text += ';';
    }
    text += rule.comment;
    text += '\n';
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
