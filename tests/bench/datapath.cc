// SPDX-License-Identifier: GPL-2.0-or-later
// What rules cost a packet: frames over a bridge, with each ruleset and without any, in one run. Root; namespaces of
// its own.
//
//   nwf-bench-datapath [--steps] [--json] [--rounds N] [--frames N] [--nft FILE…]
//
// With --steps, also what each pass over programs saves and what each step of a ruleset costs; with --nft, the rulesets
// of these files instead.
#include <fmt/format.h>

#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/bench/report.h"
#include "tests/bench/rulesets.h"
#include "tests/bench/wire.h"

namespace nwf::bench {
namespace {

struct Arguments {
  bool json = false;
  bool steps = false;
  std::size_t rounds = 15;
  std::size_t frames = 20'000;
  std::vector<std::string> files;
};

struct Figures {
  std::map<Way, std::vector<double>> nanoseconds, ratios;
};

Result<void> measure(Wire& wire, const Arguments& arguments, std::vector<Subject>& subjects,
                     std::vector<Figures>& figures) {
  const auto rate = [&](Way way) -> Result<double> {
    NWF_CHECK(wire.nanoseconds(way, arguments.frames / 10));
    return wire.nanoseconds(way, arguments.frames);
  };
  for (std::size_t round = 0; round < arguments.rounds; ++round)
    for (std::size_t i = 0; i < subjects.size(); ++i) {
      // The bridge without rules, just before each: the machine is not the same from one second to the next.
      std::map<Way, double> bare;
      for (const Way way : kWays) {
        NWF_TRY(bare[way], rate(way));
      }
      NWF_CHECK(subjects[i].install());
      for (const Way way : kWays) {
        NWF_TRY(const double time, rate(way));
        figures[i].nanoseconds[way].push_back(time);
        figures[i].ratios[way].push_back(bare[way] / time);
      }
      NWF_CHECK(subjects[i].remove());
    }
  return {};
}

void print(const std::vector<Subject>& subjects, const std::vector<Figures>& figures, bool json) {
  nlohmann::json rows = nlohmann::json::array();
  if (!json)
    fmt::print("{:<58} {:>6} {:>10} {:>7} {:>10} {:>7}\n", "medians; ns a frame, ratio to no rules", "ports",
               "guest→LAN", "ratio", "LAN→guest", "ratio");
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const auto ns = [&](Way way) { return median(figures[i].nanoseconds.at(way)); };
    const auto ratio = [&](Way way) { return median(figures[i].ratios.at(way)); };
    if (json)
      rows.push_back({{"what", subjects[i].what},
                      {"ports", subjects[i].ports},
                      {"guest_to_lan", {{"ns", ns(Way::GuestToLan)}, {"ratio", ratio(Way::GuestToLan)}}},
                      {"lan_to_guest", {{"ns", ns(Way::LanToGuest)}, {"ratio", ratio(Way::LanToGuest)}}}});
    else
      fmt::print("{:<58} {:>6} {:>9.0f} {:>7.3f} {:>9.0f} {:>7.3f}\n", subjects[i].what, subjects[i].ports,
                 ns(Way::GuestToLan), ratio(Way::GuestToLan), ns(Way::LanToGuest), ratio(Way::LanToGuest));
  }
  if (json) fmt::print("{}\n", rows.dump(2));
}

Result<void> run(const Arguments& arguments) {
  NWF_TRY(Wire wire, Wire::lay(kPort));
  std::vector<Subject> subjects;
  if (arguments.files.empty()) {
    NWF_TRY(subjects, all_subjects(arguments.steps));
  }
  for (const std::string& file : arguments.files) {
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    subjects.push_back(nft_subject(file, 0, text.str()));
  }
  std::vector<Figures> figures(subjects.size());
  NWF_CHECK(measure(wire, arguments, subjects, figures));
  print(subjects, figures, arguments.json);
  return {};
}

}  // namespace
}  // namespace nwf::bench

int main(int argc, char** argv) {
  nwf::bench::Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") arguments.json = true;
    if (word == "--steps") arguments.steps = true;
    if (word == "--rounds" && i + 1 < argc) arguments.rounds = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--frames" && i + 1 < argc) arguments.frames = std::strtoull(argv[++i], nullptr, 10);
    if (word == "--nft")
      while (++i < argc) arguments.files.emplace_back(argv[i]);
  }
  const auto done = nwf::bench::run(arguments);
  if (!done) {
    fmt::print(stderr, "nwf-bench-datapath: {}\n", nwf::describe_all(done.error()));
    return 1;
  }
  return 0;
}
