// SPDX-License-Identifier: GPL-2.0-or-later
// Without a journal, as by hand; and with one that does not read. What a journal gets is looked at in
// tests/netns/nwfd.py, too.
#include "tools/nwfd/journal.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace nwf::tools {
namespace {

using namespace std::string_literals;

class JournalByHand : public ::testing::Test {
 protected:
  void SetUp() override { unsetenv("JOURNAL_STREAM"); }
  static std::string said(const auto& tell) {
    ::testing::internal::CaptureStderr();
    Journal journal;
    tell(journal);
    return ::testing::internal::GetCapturedStderr();
  }
};

TEST_F(JournalByHand, AnEventIsALine) {
  const host::Event event{host::EventKind::Bound, 0, "vnet0", "web", "port vnet0 is guarded by filter web", {}};
  EXPECT_EQ(said([&](Journal& journal) { journal.tell(event); }), "nwfd: port vnet0 is guarded by filter web\n");
}

TEST_F(JournalByHand, AFailureSaysWhatWasTried) {
  const Error error{ErrorKind::Kernel, "no answer", {}, {}, {}};
  EXPECT_EQ(said([&](Journal& journal) { journal.tell(error, "cannot look"); }), "nwfd: cannot look: no answer\n");
}

TEST_F(JournalByHand, WhatAUserNamedCannotSteerATerminal) {
  EXPECT_EQ(said([](Journal& journal) { journal.tell(std::string("a\x1b[2Jb\nc")); }), "nwfd: a\\x1b[2Jb\\x0ac\n");
}

/// The variable is inherited by every child of a service: only when it is about our standard error it counts.
TEST_F(JournalByHand, AnotherProcessesJournalIsNotOurs) {
  setenv("JOURNAL_STREAM", "1:2", 1);
  EXPECT_EQ(said([](Journal& journal) { journal.tell(std::string("ready")); }), "nwfd: ready\n");
}

class JournalThatDoesNotRead : public ::testing::Test {
 protected:
  void SetUp() override {
    struct stat error {};
    ASSERT_EQ(fstat(STDERR_FILENO, &error), 0);
    setenv("JOURNAL_STREAM", fmt::format("{}:{}", error.st_dev, error.st_ino).c_str(), 1);
    listen();
  }
  void TearDown() override {
    unsetenv("JOURNAL_STREAM");
    end();
  }
  void listen() {
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path_.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    ASSERT_EQ(bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  void end() {
    close(socket_);
    unlink(path_.c_str());
  }
  /// The next entry, or nothing.
  std::string read() {
    std::string entry(65536, '\0');
    const ssize_t got = recv(socket_, entry.data(), entry.size(), 0);
    entry.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return entry;
  }

  std::string path_ = fmt::format("{}/nwfd-journal-{}", ::testing::TempDir(), getpid());
  int socket_ = -1;
};

TEST_F(JournalThatDoesNotRead, IsNotWaitedForAndHearsLaterHowMuchItMissed) {
  constexpr std::size_t kMore = 100'000;  // than any queue of datagrams holds
  Journal journal(path_);
  for (std::size_t i = 0; i < kMore; ++i) journal.tell(fmt::format("number {}", i));
  std::size_t taken = 0;
  std::string last;
  for (std::string entry = read(); !entry.empty(); entry = read(), ++taken) last = entry;
  EXPECT_EQ(last, fmt::format("MESSAGE=number {}\nPRIORITY=6\nSYSLOG_IDENTIFIER=nwfd\n", taken - 1));
  EXPECT_LT(taken, kMore);
  journal.tell(std::string("reads again"));
  EXPECT_EQ(read(),
            fmt::format("MESSAGE=reads again\nPRIORITY=6\nSYSLOG_IDENTIFIER=nwfd\nNWF_NOT_TAKEN={}\n", kMore - taken));
  journal.tell(std::string("a\nb"));
  EXPECT_EQ(read(), "MESSAGE\n\3\0\0\0\0\0\0\0a\nb\nPRIORITY=6\nSYSLOG_IDENTIFIER=nwfd\n"s);
}

TEST_F(JournalThatDoesNotRead, MayBeStartedAnew) {
  Journal journal(path_);
  journal.tell(std::string("before"));
  end();
  journal.tell(std::string("while it does not run"));
  listen();
  journal.tell(std::string("after"));
  EXPECT_EQ(read(), "MESSAGE=after\nPRIORITY=6\nSYSLOG_IDENTIFIER=nwfd\nNWF_NOT_TAKEN=1\n");
}

}  // namespace
}  // namespace nwf::tools
