// SPDX-License-Identifier: GPL-2.0-or-later
// Figures as rows; printed as a table or as JSON.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/compile.h"

namespace nwf::bench {

struct Row {
  std::string what;
  std::size_t ports = 0;
  double floor_us = 0;  ///< median; 0 where there is no floor to speak of
  double nwf_us = 0;    ///< median
  double best_us = 0;
};

struct Report {
  std::vector<Row> rows;
  std::size_t rules_at_one = 0, rules_at_most = 0, most_ports = 0;
  double cold_create_ms = 0, cold_delete_ms = 0;
  std::size_t cold_ports = 0, resident_kib = 0;
  CompileCost compile;
};

double median(std::vector<double> values);
void print(const Report& report, bool json);

}  // namespace nwf::bench
