// SPDX-License-Identifier: GPL-2.0-or-later
// A disk that is full, or read-only, and a user without permission: the old state, an error that says which, and the
// kernel untouched.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/descriptor.h"
#include "tests/fault/operations.h"

namespace nwf::test {
namespace {

using ::testing::HasSubstr;

constexpr off_t kPage = 4096;
constexpr unsigned kNobody = 65534;

class DiskFault : public OperationsTest {
 protected:
  void SetUp() override {
    OperationsTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    // The same host on a disk of its own.
    ASSERT_EQ(mkdir("/mnt/disk", 0755), 0);
    ASSERT_EQ(mount("tmpfs", "/mnt/disk", "tmpfs", 0, "size=2m,mode=0755"), 0);
    stop();
    const auto copied = run_to_the_end({{"/bin/cp", "-a", root_ + "/.", "/mnt/disk"}, {}, {}});
    NWF_ASSERT_OK(copied);
    ASSERT_EQ(copied->code, 0) << copied->err;
    root_ = "/mnt/disk";
    start();
    if (HasFatalFailure()) return;
    must({"reconcile"});
  }

  /// Fills the disk but for this many pages.
  void fill_but(int pages) {
    const store::Descriptor file(open("/mnt/disk/ballast", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_TRUE(static_cast<bool>(file));
    const std::string zeros(static_cast<std::size_t>(kPage), '\0');
    off_t size = 0;
    while (write(file.get(), zeros.data(), zeros.size()) == static_cast<ssize_t>(zeros.size())) size += kPage;
    ASSERT_EQ(errno, ENOSPC);
    ASSERT_EQ(ftruncate(file.get(), size - pages * kPage), 0);
  }
  void empty() { ASSERT_EQ(unlink("/mnt/disk/ballast"), 0); }

  void expect_refused(const KilledRun& run, const HostState& before, const std::string& why) {
    EXPECT_EQ(run.code, 1);
    EXPECT_THAT(run.err, HasSubstr(why));
    EXPECT_EQ(run.out, "");
    const HostState now = state();
    EXPECT_TRUE(now.documents == before.documents) << difference(before.documents, now.documents);
    EXPECT_EQ(difference(before.kernel, now.kernel), std::vector<std::string>{}) << "the kernel was changed";
  }
};

TEST_F(DiskFault, Full) {
  std::size_t refusals = 0;
  for (const Operation& operation : operations_) {
    const HostState before = state();
    bool refused = false, done = false;
    for (int pages = 0; !done && pages < 32; ++pages) {
      SCOPED_TRACE(fmt::format("{}, {} pages left", operation.name, pages));
      fill_but(pages);
      const auto run = run_to_the_end(nwfctl(operation.words, operation.environment));
      NWF_ASSERT_OK(run);
      if (run->code == 0)
        done = true;
      else
        expect_refused(*run, before, "No space left on device");
      refused = refused || run->code != 0;
      empty();
      if (HasFailure()) return;
    }
    EXPECT_TRUE(done) << operation.name << " cannot be done at all";
    reconcile_and_compare();
    undo(operation);
    EXPECT_EQ(documents_below(root_), before.documents);
    if (refused) ++refusals;
    fmt::print("{}: {}\n", operation.name, refused ? "refused, then done" : "done with no page left");
  }
  EXPECT_GE(refusals, 4U) << "the disk was never full when it mattered";
}

TEST_F(DiskFault, ReadOnly) {
  const HostState before = state();
  ASSERT_EQ(mount("", root_.c_str(), "", MS_REMOUNT | MS_RDONLY, ""), 0);
  for (const Operation& operation : operations_) {
    SCOPED_TRACE(operation.name);
    const auto run = run_to_the_end(nwfctl(operation.words, operation.environment));
    NWF_ASSERT_OK(run);
    expect_refused(*run, before, "Read-only file system");
  }
  ASSERT_EQ(mount("", root_.c_str(), "", MS_REMOUNT, ""), 0);
  reconcile_and_compare();
}

TEST_F(DiskFault, NoPermission) {
  const HostState before = state();
  for (const Operation& operation : operations_) {
    SCOPED_TRACE(operation.name);
    RunAs run = nwfctl(operation.words, operation.environment);
    run.user = kNobody;
    const auto ran = run_to_the_end(run);
    NWF_ASSERT_OK(ran);
    expect_refused(*ran, before, "Permission denied");
  }
}

/// The files may be written, the kernel's rules may not.
TEST_F(DiskFault, NoPermissionInTheKernel) {
  const auto given_away = run_to_the_end({{"/bin/chown", "-R", std::to_string(kNobody), root_}, {}, {}});
  NWF_ASSERT_OK(given_away);
  const HostState before = state();
  for (const Operation& operation : operations_) {
    if (operation.name == "define a filter" || operation.name == "undefine a filter")
      continue;  // nothing of the kernel
    SCOPED_TRACE(operation.name);
    RunAs run = nwfctl(operation.words, operation.environment);
    run.user = kNobody;
    const auto ran = run_to_the_end(run);
    NWF_ASSERT_OK(ran);
    expect_refused(*ran, before, "not permitted");
  }
}

}  // namespace
}  // namespace nwf::test
