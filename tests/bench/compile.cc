// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/compile.h"

#include <fmt/format.h>

#include <chrono>
#include <map>
#include <memory>

#include "engine/program/compile.h"
#include "engine/program/optimise/optimise.h"
#include "engine/ruleset/lower.h"
#include "tests/bench/report.h"
#include "xml/filter.h"

namespace nwf::bench {
namespace {

using FilterPtr = std::shared_ptr<const Filter>;

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

Result<CompileCost> compile_cost(const Capabilities& capabilities) {
  constexpr std::size_t kReferences = 50, kRules = 1'000;
  std::map<std::string, FilterPtr> filters;
  std::string root = "<filter name='root'>";
  for (std::size_t f = 0; f < kReferences; ++f) {
    std::string text = fmt::format("<filter name='part{}'>", f);
    for (std::size_t r = f; r < kRules; r += kReferences) text += rule(r);
    NWF_TRY(auto parsed, xml::read_filter(text + "</filter>", "bench"));
    root += fmt::format("<filterref filter='part{}'/>", f);
    filters[parsed.value.name] = std::make_shared<const Filter>(parsed.value);
  }
  NWF_TRY(auto parsed, xml::read_filter(root + "</filter>", "bench"));
  filters["root"] = std::make_shared<const Filter>(parsed.value);
  const FilterLookup lookup = [&](const std::string& name) -> Result<FilterPtr> { return filters.at(name); };
  const Variables variables{{"MAC", {"52:54:00:00:00:01"}}, {"IP", {"192.0.2.1"}}};

  CompileCost cost;
  cost.filters = filters.size();
  cost.rules = kRules;
  std::vector<double> times;
  for (int i = 0; i < 50; ++i) {
    const auto start = std::chrono::steady_clock::now();
    NWF_TRY(Program program, compile(filters.at("root"), lookup, variables));
    program = optimise(std::move(program), {});
    NWF_TRY(const LoweredProgram lowered, lower(program, capabilities, {}));
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    cost.kernel_rules = lowered.rules;
  }
  cost.ms = median(times);
  return cost;
}

}  // namespace nwf::bench
