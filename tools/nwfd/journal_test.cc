// SPDX-License-Identifier: GPL-2.0-or-later
// Without a journal, as by hand. What a journal gets is looked at in tests/netns/nwfd.py.
#include "tools/nwfd/journal.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace nwf::tools {
namespace {

class JournalByHand : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("JOURNAL_STREAM"); }
  static std::string said(const auto& tell) {
    ::testing::internal::CaptureStderr();
    tell(Journal());
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(JournalByHand, AnEventIsALine) {
  const host::Event event{host::EventKind::Bound, 0, "vnet0", "web", "port vnet0 is guarded by filter web", {}};
  EXPECT_EQ(said([&](const Journal& journal) { journal.tell(event); }), "nwfd: port vnet0 is guarded by filter web\n");
}

TEST_F(JournalByHand, AFailureSaysWhatWasTried) {
  const Error error{ErrorKind::Kernel, "no answer", {}, {}, {}};
  EXPECT_EQ(said([&](const Journal& journal) { journal.tell(error, "cannot look"); }),
            "nwfd: cannot look: no answer\n");
}

TEST_F(JournalByHand, WhatAUserNamedCannotSteerATerminal) {
  EXPECT_EQ(said([](const Journal& journal) { journal.tell(std::string("a\x1b[2Jb\nc")); }),
            "nwfd: a\\x1b[2Jb\\x0ac\n");
}

/// The variable is inherited by every child of a service: only when it is about our standard error it counts.
TEST_F(JournalByHand, AnotherProcessesJournalIsNotOurs) {
  setenv("JOURNAL_STREAM", "1:2", 1);
  EXPECT_EQ(said([](const Journal& journal) { journal.tell(std::string("ready")); }), "nwfd: ready\n");
}

}  // namespace
}  // namespace nwf::tools
