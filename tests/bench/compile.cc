// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/compile.h"

#include <fmt/format.h>

#include <chrono>

#include "engine/program/compile.h"
#include "engine/program/optimise/optimise.h"
#include "engine/ruleset/lower.h"
#include "host/library.h"
#include "tests/bench/report.h"
#include "xml/filter.h"

namespace nwf::bench {
namespace {

using FilterPtr = std::shared_ptr<const Filter>;

constexpr std::size_t kRules = 1'000;

/// Every protocol that filters are mostly written with, with variables and without.
std::string rule(std::size_t number) {
  const std::string inside[] = {
      fmt::format("<tcp dstportstart='{}'/>", number + 1),
      fmt::format("<udp srcipaddr='$IP' dstportstart='{}' dstportend='{}'/>", number + 1, number + 9),
      fmt::format("<ip srcipaddr='10.0.{}.0' srcipmask='24' protocol='tcp'/>", number % 256),
      "<arp arpsrcmacaddr='$MAC' arpsrcipaddr='$IP'/>",
      fmt::format("<tcp-ipv6 dstportstart='{}' state='NEW,ESTABLISHED'/>", number + 1),
  };
  return fmt::format("<rule action='{}' direction='{}' priority='{}'>{}</rule>", number % 3 == 0 ? "drop" : "accept",
                     number % 2 == 0 ? "out" : "in", 400 + number % 200, inside[number % 5]);
}

}  // namespace

FilterLookup CompileCase::lookup() const {
  return [this](const std::string& name) -> Result<FilterPtr> {
    const auto found = filters.find(name);
    return found == filters.end() ? nullptr : found->second;
  };
}

Result<CompileCase> thousand_rules() {
  constexpr std::size_t kReferences = 50;
  CompileCase made{{}, "root", {{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"192.0.2.1"}}}};
  std::string root = "<filter name='root'>";
  for (std::size_t f = 0; f < kReferences; ++f) {
    std::string text = fmt::format("<filter name='part{}'>", f);
    for (std::size_t r = f; r < kRules; r += kReferences) text += rule(r);
    NWF_TRY(auto parsed, xml::read_filter(text + "</filter>", "bench"));
    root += fmt::format("<filterref filter='part{}'/>", f);
    made.filters[parsed.value.name] = std::make_shared<const Filter>(parsed.value);
  }
  NWF_TRY(auto parsed, xml::read_filter(root + "</filter>", "bench"));
  made.filters["root"] = std::make_shared<const Filter>(parsed.value);
  return made;
}

Result<CompileCase> clean_traffic() {
  CompileCase made{{}, "clean-traffic", {{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"192.0.2.1"}}}};
  for (const host::StockFilter& stock : host::stock_filters()) {
    NWF_TRY(auto parsed, xml::read_filter(stock.text, std::string(stock.name)));
    made.filters[std::string(stock.name)] = std::make_shared<const Filter>(std::move(parsed.value));
  }
  return made;
}

Result<CompileCost> compile_cost(const Capabilities& capabilities) {
  NWF_TRY(const CompileCase tree, thousand_rules());
  CompileCost cost;
  cost.filters = tree.filters.size();
  cost.rules = kRules;
  std::vector<double> times;
  for (int i = 0; i < 50; ++i) {
    const auto start = std::chrono::steady_clock::now();
    NWF_TRY(Program program, compile(tree.filters.at(tree.root), tree.lookup(), tree.variables));
    program = optimise(std::move(program), {});
    NWF_TRY(const LoweredProgram lowered, lower(program, capabilities, {}));
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    cost.kernel_rules = lowered.rules;
  }
  cost.ms = median(times);
  return cost;
}

}  // namespace nwf::bench
