// SPDX-License-Identifier: GPL-2.0-or-later
// Rulesets whose cost to a packet is measured: what nwf installs, and the steps on the way there, each by itself.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "engine/error.h"

namespace nwf::bench {

/// The bridge port that the guest is behind.
constexpr const char* kPort = "nwf0";

struct Subject {
  std::string what;
  std::size_t ports = 0;
  std::function<Result<void>()> install;
  std::function<Result<void>()> remove;
};

/// A ruleset as nft reads it. It is taken away with `flush ruleset`: the namespace has nobody else's.
Subject nft_subject(std::string what, std::size_t ports, std::string text);

/// clean-traffic by nwf, at 1 port and at 5,000. With `steps`, also without each pass, and the steps on the way by
/// hand.
Result<std::vector<Subject>> all_subjects(bool steps);

}  // namespace nwf::bench
