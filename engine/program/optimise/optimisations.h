// SPDX-License-Identifier: GPL-2.0-or-later
// Which of the optimising passes are made.
#pragma once

namespace nwf {

/// Which passes are made. All, unless somebody asks what each is worth, or whether it is right.
struct Optimisations {
  bool fast_accept = true;    ///< fast_accept.h
  bool by_ethertype = true;   ///< by_ethertype.h
  bool implied_tests = true;  ///< implied_tests.h
  bool merge_values = true;   ///< merge_values.h
  bool join_members = true;   ///< join_members.h
  bool empty_chains = true;   ///< empty_chains.h

  static Optimisations none() { return {false, false, false, false, false, false}; }
  friend bool operator==(const Optimisations&, const Optimisations&) = default;
};

}  // namespace nwf
