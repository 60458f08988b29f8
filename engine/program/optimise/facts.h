// SPDX-License-Identifier: GPL-2.0-or-later
// What is known of the packets that come to a place in a flow.
#pragma once

#include <optional>
#include <vector>

#include "engine/program/program.h"

namespace nwf {

/// Tests that hold, and conjunctions that do not. A test that was made before gives the same answer again: a packet and
/// the sets it is looked up in stay as they are while a hook judges it.
class Facts {
 public:
  void holds(const Test& test);
  /// Not all of these hold together.
  void fails(std::vector<Test> tests);
  /// What the tests say under what is known: true, false, or nothing.
  std::optional<bool> value(const Test& test) const;
  /// The same of a rule's tests together.
  std::optional<bool> value(const std::vector<Test>& tests) const;
  /// What is known here and there.
  static Facts both(const Facts& a, const Facts& b);

  const std::vector<Test>& known() const { return true_; }

 private:
  std::optional<bool> by_comparison(const Test& test) const;

  std::vector<Test> true_;
  std::vector<std::vector<Test>> false_;
};

}  // namespace nwf
