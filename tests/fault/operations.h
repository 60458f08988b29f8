// SPDX-License-Identifier: GPL-2.0-or-later
// Every verb that changes something, with the way back: what the kill and disk tests interrupt.
#pragma once

#include <gtest/gtest.h>

#include "tests/fault/killed_run.h"
#include "tests/fault/state_of_host.h"
#include "tests/netns/fixture.h"

namespace nwf::test {

struct Operation {
  std::string name;
  std::vector<std::string> words;              ///< nwfctl's arguments
  std::vector<std::vector<std::string>> undo;  ///< nwfctl's arguments, one command after the other
  std::vector<std::string> environment;        ///< NAME=VALUE
};

/// Their names, in the order of OperationsTest::operations_.
inline constexpr const char* kOperations[] = {"define a filter",
                                              "undefine a filter",
                                              "edit a filter that guards ports",
                                              "edit with an editor",
                                              "bind to the ports' program",
                                              "bind to a new program",
                                              "apply a directory",
                                              "unbind",
                                              "change a value",
                                              "change the shape"};

/// A host with two guests bound, and the operations on it; undone, each leads back to the documents of the beginning.
class OperationsTest : public HostTest {
 protected:
  void SetUp() override;

  RunAs nwfctl(const std::vector<std::string>& words, const std::vector<std::string>& environment = {}) const;
  /// Runs it, and wants exit code 0.
  void must(const std::vector<std::string>& words, const std::vector<std::string>& environment = {});
  void undo(const Operation& operation);
  /// What a daemon was asked before is done then.
  HostState state();
  /// Reconciles, and wants that the kernel then holds what the state says, found by computing it all anew.
  void reconcile_and_compare();
  /// A file outside of the root with this text.
  std::string given(const std::string& name, const std::string& text) const;

  std::vector<Operation> operations_;
};

}  // namespace nwf::test
