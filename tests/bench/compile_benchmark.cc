// SPDX-License-Identifier: GPL-2.0-or-later
// Compile times, measured by Google Benchmark: from filters in memory to the program's chains. Needs no privilege.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>

#include "engine/program/compile.h"
#include "engine/program/optimise/optimise.h"
#include "engine/ruleset/lower.h"
#include "tests/bench/compile.h"

namespace nwf::bench {
namespace {

constexpr Capabilities kAbleKernel{Probe::Yes, Probe::Yes, Probe::Yes, Probe::Yes, Probe::Yes};

/// How far the program goes.
enum class Until { Compiled, Optimised, Lowered };

void compile_case(benchmark::State& state, Until until, const Result<CompileCase>& tree) {
  if (!tree) {
    state.SkipWithError(describe_all(tree.error()).c_str());
    return;
  }
  for (auto _ : state) {
    auto program = compile(tree->filters.at(tree->root), tree->lookup(), tree->variables);
    if (program && until != Until::Compiled) *program = optimise(std::move(*program), {});
    if (program && until == Until::Lowered) {
      const auto lowered = lower(*program, kAbleKernel, {});
      if (!lowered) program = fail(lowered.error());
    }
    if (!program) {
      state.SkipWithError(describe_all(program.error()).c_str());
      return;
    }
  }
}

void add_cases(const std::string& name, const Result<CompileCase>& tree) {
  for (const auto& [how_far, until] :
       {std::pair{"compiled", Until::Compiled}, {"and optimised", Until::Optimised}, {"and lowered", Until::Lowered}}) {
    const auto run = [until = until, &tree](benchmark::State& state) { compile_case(state, until, tree); };
    benchmark::RegisterBenchmark((name + ", " + how_far).c_str(), run)->Unit(benchmark::kMicrosecond);
  }
}

}  // namespace
}  // namespace nwf::bench

int main(int argc, char** argv) {
  const auto small = nwf::bench::clean_traffic(), large = nwf::bench::thousand_rules();
  nwf::bench::add_cases("clean-traffic", small);
  nwf::bench::add_cases("1,000 rules", large);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
