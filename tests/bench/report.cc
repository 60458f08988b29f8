// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace nwf::bench {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void print(const Report& report, bool json) {
  if (json) {
    nlohmann::json rows = nlohmann::json::array();
    for (const Row& row : report.rows)
      rows.push_back({{"what", row.what},
                      {"ports", row.ports},
                      {"floor_us", row.floor_us},
                      {"nwf_us", row.nwf_us},
                      {"best_us", row.best_us}});
    const nlohmann::json all = {
        {"rows", rows},
        {"rules",
         {{"one_port", report.rules_at_one}, {"most_ports", report.rules_at_most}, {"ports", report.most_ports}}},
        {"cold",
         {{"ports", report.cold_ports}, {"create_ms", report.cold_create_ms}, {"delete_ms", report.cold_delete_ms}}},
        {"compile",
         {{"filters", report.compile.filters},
          {"rules", report.compile.rules},
          {"kernel_rules", report.compile.kernel_rules},
          {"ms", report.compile.ms}}},
        {"resident_kib", report.resident_kib}};
    fmt::print("{}\n", all.dump(2));
    return;
  }
  fmt::print("{:<34} {:>7} {:>11} {:>11} {:>11} {:>7}\n", "in process, µs (medians)", "ports", "floor", "nwf",
             "nwf best", "ratio");
  for (const Row& row : report.rows) {
    const std::string ratio = row.floor_us > 0 ? fmt::format("{:.2f}", row.nwf_us / row.floor_us) : "";
    fmt::print("{:<34} {:>7} {:>11.1f} {:>11.1f} {:>11.1f} {:>7}\n", row.what, row.ports, row.floor_us, row.nwf_us,
               row.best_us, ratio);
  }
  fmt::print("\nrules in the kernel: {} for 1 port, {} for {} ports\n", report.rules_at_one, report.rules_at_most,
             report.most_ports);
  fmt::print("cold nwfctl with {} ports bound: binding create {:.1f} ms, binding delete {:.1f} ms (medians)\n",
             report.cold_ports, report.cold_create_ms, report.cold_delete_ms);
  fmt::print("a tree of {} filters with {} rules: compiled to {} rules of the kernel in {:.1f} ms (median)\n",
             report.compile.filters, report.compile.rules, report.compile.kernel_rules, report.compile.ms);
  fmt::print("resident memory of this process with them bound: {} KiB\n", report.resident_kib);
}

}  // namespace nwf::bench
