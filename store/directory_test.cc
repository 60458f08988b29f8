// SPDX-License-Identifier: GPL-2.0-or-later
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "store/store.h"
#include "store/write_file.h"

namespace nwf::store {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kSkip = "skip: ";

// Runs `body` in a process of its own; what it returns comes back: "" for well done, "skip: …", or what is wrong.
std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "pipe2 failed";
  const pid_t child = ::fork();
  if (child < 0) return "fork failed";
  if (child == 0) {
    const std::string said = body();
    [[maybe_unused]] const ssize_t written = ::write(ends[1], said.data(), said.size());
    ::_exit(0);  // without destructors: as a crash would
  }
  ::close(ends[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t count; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;) {
    said.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? said : "the child died: " + said;
}

#define EXPECT_CHILD_WELL(body)                                                         \
  do {                                                                                  \
    const std::string child_said = in_child(body);                                      \
    if (child_said.starts_with(kSkip)) GTEST_SKIP() << child_said.substr(kSkip.size()); \
    EXPECT_EQ(child_said, "");                                                          \
  } while (false)

std::string read_text(const fs::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string put(Store& store, Shelf shelf, const std::string& name, std::string_view text) {
  auto prepared = store.prepare(shelf, name, text);
  if (!prepared) return prepared.error().message;
  auto done = (*prepared)->commit();
  return done ? "" : done.error().message;
}

std::string get_text(Store& store, Shelf shelf, const std::string& name) {
  auto text = store.get(shelf, name);
  if (!text) return "error: " + text.error().message;
  return text->value_or("(none)");
}

class DirectoryStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "nwf-store-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    store_ = open_directory(root_.string());
  }
  void TearDown() override { fs::remove_all(root_); }

  std::vector<std::string> files(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(root_ / directory)) names.push_back(entry.path().filename());
    std::ranges::sort(names);
    return names;
  }

  fs::path root_;
  std::unique_ptr<Store> store_;
};

TEST_F(DirectoryStoreTest, EmptyRootHasNothingAndMakesNothing) {
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "clean"), "(none)");
  const auto names = store_->list(Shelf::Bindings);
  ASSERT_TRUE(names);
  EXPECT_THAT(*names, IsEmpty());
  EXPECT_TRUE(store_->remove(Shelf::State, "learned"));
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(DirectoryStoreTest, KeepsEachShelfInItsPlace) {
  EXPECT_EQ(put(*store_, Shelf::Filters, "clean", "F"), "");
  EXPECT_EQ(put(*store_, Shelf::Bindings, "vnet0", "B"), "");
  EXPECT_EQ(put(*store_, Shelf::State, "learned", "S"), "");
  EXPECT_EQ(read_text(root_ / "etc/nwf/filters/clean.xml"), "F");
  EXPECT_EQ(read_text(root_ / "run/nwf/bindings/vnet0.xml"), "B");
  EXPECT_EQ(read_text(root_ / "run/nwf/state/learned"), "S");
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "clean"), "F");
  EXPECT_EQ(get_text(*store_, Shelf::Bindings, "clean"), "(none)");
  EXPECT_EQ(store_->path(Shelf::Bindings, "vnet0"), (root_ / "run/nwf/bindings/vnet0.xml").string());
  EXPECT_EQ(fs::status(root_ / "etc/nwf").permissions(), fs::perms(0755));
}

TEST(DirectoryStorePath, RootOfTheHostAndTrailingSlashes) {
  EXPECT_EQ(open_directory("")->path(Shelf::Filters, "a"), "/etc/nwf/filters/a.xml");
  EXPECT_EQ(open_directory("/")->path(Shelf::Filters, "a"), "/etc/nwf/filters/a.xml");
  EXPECT_EQ(open_directory("/srv/x//")->path(Shelf::State, "a"), "/srv/x/run/nwf/state/a");
}

TEST_F(DirectoryStoreTest, RelativeRoot) {
  const fs::path before = fs::current_path();
  fs::current_path(root_);
  EXPECT_EQ(put(*open_directory("below/here"), Shelf::Filters, "a", "A"), "");
  fs::current_path(before);
  EXPECT_EQ(read_text(root_ / "below/here/etc/nwf/filters/a.xml"), "A");
}

TEST_F(DirectoryStoreTest, ReplacesRemovesAndListsSorted) {
  for (const char* name : {"b", "a", "c"}) EXPECT_EQ(put(*store_, Shelf::Filters, name, "1"), "");
  EXPECT_EQ(put(*store_, Shelf::Filters, "b", "2"), "");
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "b"), "2");
  ASSERT_TRUE(store_->remove(Shelf::Filters, "a"));
  ASSERT_TRUE(store_->remove(Shelf::Filters, "a"));
  EXPECT_THAT(*store_->list(Shelf::Filters), ElementsAre("b", "c"));
  EXPECT_THAT(files("etc/nwf/filters"), ElementsAre("b.xml", "c.xml"));
}

TEST_F(DirectoryStoreTest, EmptyAndLargeDocuments) {
  const std::string large(3'000'000, 'x');
  EXPECT_EQ(put(*store_, Shelf::State, "empty", ""), "");
  EXPECT_EQ(put(*store_, Shelf::State, "large", large), "");
  EXPECT_EQ(get_text(*store_, Shelf::State, "empty"), "");
  EXPECT_EQ(get_text(*store_, Shelf::State, "large"), large);
}

TEST_F(DirectoryStoreTest, PreparedIsNotInForceAndLeavesNothing) {
  ASSERT_EQ(put(*store_, Shelf::Filters, "a", "old"), "");
  {
    auto prepared = store_->prepare(Shelf::Filters, "a", "new");
    ASSERT_TRUE(prepared);
    EXPECT_EQ(get_text(*store_, Shelf::Filters, "a"), "old");
    EXPECT_THAT(*store_->list(Shelf::Filters), ElementsAre("a"));
    EXPECT_EQ(files("etc/nwf/filters").size(), 2u);
  }
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "a"), "old");
  EXPECT_THAT(files("etc/nwf/filters"), ElementsAre("a.xml"));
}

TEST_F(DirectoryStoreTest, AFillThatIsKilledLeavesTheShelfEmptyOrFull) {
  constexpr int kDocuments = 40, kKills = 40;
  std::vector<std::string> names;
  for (int i = 0; i < kDocuments; ++i) names.push_back(fmt::format("n{:02}", i));
  std::vector<Document> documents;
  for (const std::string& name : names) documents.push_back({name, "text of it"});
  int empty = 0, full = 0;
  for (int i = 0; i < kKills; ++i) {
    const std::string root = (root_ / std::to_string(i)).string();
    const pid_t child = ::fork();
    if (child == 0) _exit(open_directory(root)->fill(Shelf::Filters, documents) ? 0 : 1);
    ::usleep(static_cast<useconds_t>(i * 100));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto there = open_directory(root)->list(Shelf::Filters);
    ASSERT_TRUE(there);
    if (there->empty()) {
      ++empty;
    } else {
      ++full;
      EXPECT_EQ(*there, names);
    }
    // What the dead one left does not stand in the way.
    if (there->empty()) {
      ASSERT_TRUE(open_directory(root)->fill(Shelf::Filters, documents));
    }
    EXPECT_EQ(*open_directory(root)->list(Shelf::Filters), names);
    EXPECT_FALSE(fs::exists(fs::path(root) / "etc/nwf/filters.new"));
  }
  EXPECT_GT(empty, 0) << "none was killed in time";
}

TEST_F(DirectoryStoreTest, ManyComeIntoForceTogether) {
  EXPECT_EQ(put(*store_, Shelf::Filters, "kept", "K"), "");
  EXPECT_EQ(put(*store_, Shelf::Bindings, "vnet0", "old"), "");
  const auto lock = store_->lock();
  ASSERT_TRUE(lock);
  const std::vector<ShelvedDocument> documents = {
      {Shelf::Filters, "web", "W"}, {Shelf::Bindings, "vnet0", "new"}, {Shelf::Bindings, "vnet1", "B"}};
  {
    const auto dropped = store_->prepare_all(documents);
    ASSERT_TRUE(dropped);
    EXPECT_EQ(get_text(*store_, Shelf::Bindings, "vnet0"), "old");
  }
  EXPECT_EQ(files("etc/nwf"), std::vector<std::string>{"filters"});
  const auto prepared = store_->prepare_all(documents);
  ASSERT_TRUE(prepared);
  ASSERT_TRUE((*prepared)->commit());
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "web"), "W");
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "kept"), "K");
  EXPECT_EQ(get_text(*store_, Shelf::Bindings, "vnet0"), "new");
  EXPECT_EQ(get_text(*store_, Shelf::Bindings, "vnet1"), "B");
  EXPECT_EQ(files("etc/nwf"), std::vector<std::string>{"filters"});
  EXPECT_EQ(files("run/nwf"), (std::vector<std::string>{"bindings", "lock"}));
}

TEST_F(DirectoryStoreTest, ManyAreAllThereOrNoneWhoeverIsKilledWhen) {
  constexpr int kDocuments = 30, kKills = 60;
  using Clock = std::chrono::steady_clock;
  std::vector<ShelvedDocument> documents;
  for (int i = 0; i < kDocuments; ++i)
    documents.push_back({i % 2 == 0 ? Shelf::Filters : Shelf::Bindings, fmt::format("n{:02}", i), "text of it"});
  int none = 0, all = 0;
  Clock::duration whole{};  // what it takes undisturbed: the first is not killed, the others ever later in that time
  for (int i = 0; i < kKills; ++i) {
    const std::string root = (root_ / std::to_string(i)).string();
    const auto start = Clock::now();
    const pid_t child = ::fork();
    if (child == 0) {
      const auto store = open_directory(root);
      const auto lock = store->lock();
      const auto prepared = store->prepare_all(documents);
      _exit(lock && prepared && (*prepared)->commit() ? 0 : 1);
    }
    if (i > 0) {
      std::this_thread::sleep_for(whole * (i - 1) / kKills);
      ::kill(child, SIGKILL);
    }
    ::waitpid(child, nullptr, 0);
    if (i == 0) whole = Clock::now() - start;
    const auto store = open_directory(root);
    const auto lock = store->lock();
    ASSERT_TRUE(lock);
    const auto filters = store->list(Shelf::Filters), bindings = store->list(Shelf::Bindings);
    ASSERT_TRUE(filters && bindings);
    const std::size_t there = filters->size() + bindings->size();
    EXPECT_TRUE(there == 0 || there == kDocuments) << there << " of them";
    ++(there == 0 ? none : all);
    for (const char* left : {"etc/nwf/filters.next", "etc/nwf/filters.commit", "run/nwf/bindings.next",
                             "run/nwf/bindings.ready", "run/nwf/bindings.commit"})
      EXPECT_FALSE(fs::exists(fs::path(root) / left)) << left;
  }
  EXPECT_GT(none, 0) << "none was killed in time";
  EXPECT_GT(all, 0) << "all were killed too early";
}

// What was decided upon and not finished is finished by the next holder of the lock; what was not is thrown away.
TEST_F(DirectoryStoreTest, TheNextHolderFinishesWhatWasDecided) {
  write_text(root_ / "run/nwf/bindings.ready/vnet0.xml", "B");
  ASSERT_TRUE(store_->lock());
  EXPECT_FALSE(fs::exists(root_ / "run/nwf/bindings.ready"));
  EXPECT_EQ(get_text(*store_, Shelf::Bindings, "vnet0"), "(none)");

  write_text(root_ / "run/nwf/bindings.ready/vnet0.xml", "B");
  write_text(root_ / "etc/nwf/filters.commit/web.xml", "W");
  ASSERT_TRUE(store_->lock());
  EXPECT_EQ(get_text(*store_, Shelf::Bindings, "vnet0"), "B");
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "web"), "W");

  // After a boot the bindings are gone; the definitions are not.
  write_text(root_ / "etc/nwf/filters.commit/mail.xml", "M");
  ASSERT_TRUE(store_->lock());
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "mail"), "M");
  EXPECT_FALSE(fs::exists(root_ / "etc/nwf/filters.commit"));
}

TEST_F(DirectoryStoreTest, AFillBesideAForeignFileStillFills) {
  write_text(root_ / "etc/nwf/filters/README", "not ours");
  ASSERT_TRUE(store_->fill(Shelf::Filters, {{"a", "A"}, {"b", "B"}}));
  EXPECT_THAT(*store_->list(Shelf::Filters), ElementsAre("a", "b"));
  EXPECT_THAT(files("etc/nwf/filters"), ElementsAre("README", "a.xml", "b.xml"));
}

TEST_F(DirectoryStoreTest, SeveralPreparedAtOnce) {
  auto first = store_->prepare(Shelf::Filters, "a", "1");
  auto second = store_->prepare(Shelf::Filters, "a", "2");
  auto other = store_->prepare(Shelf::Filters, "b", "3");
  ASSERT_TRUE(first && second && other);
  EXPECT_TRUE((*second)->commit());
  EXPECT_TRUE((*first)->commit());
  EXPECT_TRUE((*other)->commit());
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "a"), "1");
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "b"), "3");
}

TEST_F(DirectoryStoreTest, CrashBeforeCommitLeavesTheOldTextAndIsCleanedUnderTheLock) {
  ASSERT_EQ(put(*store_, Shelf::Filters, "a", "old"), "");
  EXPECT_CHILD_WELL([&]() -> std::string {
    auto store = open_directory(root_.string());
    auto lock = store->lock();
    auto prepared = store->prepare(Shelf::Filters, "a", "new");
    if (!lock || !prepared) return "not prepared";
    ::_exit(0);
  });
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "a"), "old");
  EXPECT_THAT(*store_->list(Shelf::Filters), ElementsAre("a"));
  EXPECT_EQ(files("etc/nwf/filters").size(), 2u);
  EXPECT_TRUE(store_->lock());
  EXPECT_THAT(files("etc/nwf/filters"), ElementsAre("a.xml"));
}

TEST_F(DirectoryStoreTest, TemporaryFilesOfTheLivingAreNotCleaned) {
  auto prepared = store_->prepare(Shelf::Filters, "a", "new");
  ASSERT_TRUE(prepared);
  write_text(root_ / "etc/nwf/filters/.nwf-0123456789abcdef.tmp", "half");
  EXPECT_CHILD_WELL([&] { return open_directory(root_.string())->lock() ? "" : "no lock"; });
  EXPECT_EQ(files("etc/nwf/filters").size(), 1u) << "only the stale file goes";
  EXPECT_TRUE((*prepared)->commit());
  EXPECT_EQ(get_text(*store_, Shelf::Filters, "a"), "new");
}

TEST_F(DirectoryStoreTest, LockSaysCleanOnlyWhileNobodyHoldsIt) {
  {
    auto lock = store_->lock();
    ASSERT_TRUE(lock);
    EXPECT_EQ(read_text(root_ / "run/nwf/lock"), "");
  }
  EXPECT_EQ(read_text(root_ / "run/nwf/lock"), "clean\n");
  EXPECT_EQ(fs::status(root_ / "run/nwf/lock").permissions(), fs::perms(0600));
}

// Four processes add one to a number of a document 50 times each; without exclusion some additions get lost.
TEST_F(DirectoryStoreTest, LockExcludesOtherProcesses) {
  ASSERT_EQ(put(*store_, Shelf::State, "count", "0"), "");
  std::vector<pid_t> children;
  for (int i = 0; i < 4; ++i) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      const auto store = open_directory(root_.string());
      for (int k = 0; k < 50; ++k) {
        const auto lock = store->lock();
        if (!lock) ::_exit(1);
        const int count = std::stoi(get_text(*store, Shelf::State, "count"));
        if (!put(*store, Shelf::State, "count", std::to_string(count + 1)).empty()) ::_exit(1);
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(get_text(*store_, Shelf::State, "count"), "200");
}

TEST_F(DirectoryStoreTest, LockExcludesThreadsOfOneProcess) {
  ASSERT_EQ(put(*store_, Shelf::State, "count", "0"), "");
  const auto add = [&] {
    const auto store = open_directory(root_.string());
    for (int k = 0; k < 50; ++k) {
      const auto lock = store->lock();
      const int count = std::stoi(get_text(*store, Shelf::State, "count"));
      put(*store, Shelf::State, "count", std::to_string(count + 1));
    }
  };
  {
    const std::jthread first(add);
    const std::jthread second(add);
  }
  EXPECT_EQ(get_text(*store_, Shelf::State, "count"), "100");
}

TEST_F(DirectoryStoreTest, LockFileRemovedByAnAdministratorIsMadeAgain) {
  ASSERT_TRUE(store_->lock());
  fs::remove_all(root_ / "run");
  EXPECT_TRUE(store_->lock());
}

TEST_F(DirectoryStoreTest, ReaderNeverSeesHalfADocument) {
  const std::string one(100'000, '1');
  const std::string two(150'000, '2');
  ASSERT_EQ(put(*store_, Shelf::State, "d", one), "");
  const std::jthread writer([&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      put(*store_, Shelf::State, "d", two);
      put(*store_, Shelf::State, "d", one);
    }
  });
  const auto reader = open_directory(root_.string());
  for (int i = 0; i < 500; ++i) {
    const std::string text = get_text(*reader, Shelf::State, "d");
    ASSERT_TRUE(text == one || text == two) << text.size();
  }
}

TEST_F(DirectoryStoreTest, OddNamesComeBackAsTheyWere) {
  const std::vector<std::string> names = {"a b",
                                          "-rf",
                                          "x.xml",
                                          ".hidden",
                                          "ünïcødé",
                                          "new\nline",
                                          "tab\there",
                                          "$(id)",
                                          "*?[a]",
                                          "back\\slash",
                                          "quo'te\"s",
                                          "...",
                                          "a..b",
                                          ".nwf-0123.tmp",
                                          "\xff\xfe",
                                          "%2f",
                                          " ",
                                          "x.xml.xml",
                                          std::string(251, 'n')};
  for (const std::string& name : names) EXPECT_EQ(put(*store_, Shelf::Filters, name, "<" + name + ">"), "") << name;
  for (const std::string& name : names) EXPECT_EQ(get_text(*store_, Shelf::Filters, name), "<" + name + ">");
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  EXPECT_EQ(*store_->list(Shelf::Filters), sorted);
  ASSERT_TRUE(store_->lock());
  for (const std::string& name : names) EXPECT_TRUE(store_->remove(Shelf::Filters, name));
  EXPECT_THAT(files("etc/nwf/filters"), IsEmpty());
}

TEST_F(DirectoryStoreTest, UnsafeNamesAreRefusedByEveryCall) {
  struct Case {
    Shelf shelf;
    std::string name;
    std::string message;
  };
  const Case cases[] = {
      {Shelf::Filters, "", "an empty name cannot be stored"},
      {Shelf::Filters, ".", "stands for a directory"},
      {Shelf::Filters, "..", "stands for a directory"},
      {Shelf::Filters, "../../passwd", "it has a '/'"},
      {Shelf::Filters, "a/b", "it has a '/'"},
      {Shelf::Filters, std::string("a\0b", 3), "zero byte"},
      {Shelf::Filters, std::string(252, 'n'), "it has 252 bytes"},
      {Shelf::State, std::string(256, 'n'), "it has 256 bytes"},
      {Shelf::State, ".nwf-0123456789abcdef.tmp", "it starts with a '.'"},
  };
  for (const Case& c : cases) {
    const auto got = store_->get(c.shelf, c.name);
    const auto prepared = store_->prepare(c.shelf, c.name, "x");
    const auto removed = store_->remove(c.shelf, c.name);
    ASSERT_FALSE(got || prepared || removed) << c.name;
    EXPECT_THAT(got.error().message, HasSubstr(c.message));
    EXPECT_EQ(got.error().kind, ErrorKind::Invalid);
    EXPECT_EQ(prepared.error().message, got.error().message);
    EXPECT_EQ(removed.error().message, got.error().message);
  }
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(DirectoryStoreTest, ForeignFilesAreNotDocuments) {
  write_text(root_ / "etc/nwf/filters/good.xml", "G");
  write_text(root_ / "etc/nwf/filters/README", "no suffix");
  write_text(root_ / "etc/nwf/filters/.xml", "no name");
  write_text(root_ / "etc/nwf/filters/good.xml~", "an editor's");
  fs::create_directories(root_ / "etc/nwf/filters/folder.xml");
  EXPECT_THAT(*store_->list(Shelf::Filters), ElementsAre("good"));
}

TEST_F(DirectoryStoreTest, WhatIsNoRegularFileIsNotRead) {
  fs::create_directories(root_ / "etc/nwf/filters/folder.xml");
  ASSERT_EQ(::mkfifo((root_ / "etc/nwf/filters/pipe.xml").c_str(), 0600), 0);
  write_text(root_ / "secret", "S");
  fs::create_symlink(root_ / "secret", root_ / "etc/nwf/filters/link.xml");
  EXPECT_THAT(get_text(*store_, Shelf::Filters, "folder"), HasSubstr("folder.xml: Is a directory"));
  EXPECT_THAT(get_text(*store_, Shelf::Filters, "pipe"), HasSubstr("it is not a regular file"));
  const auto link = store_->get(Shelf::Filters, "link");
  ASSERT_FALSE(link);
  EXPECT_THAT(link.error().remedy, HasSubstr("symbolic links are not followed"));
  // Writing replaces the link, not the file it shows to.
  EXPECT_EQ(put(*store_, Shelf::Filters, "link", "L"), "");
  EXPECT_EQ(read_text(root_ / "secret"), "S");
}

TEST_F(DirectoryStoreTest, AFileWhereADirectoryShouldBe) {
  write_text(root_ / "etc/nwf", "a file");
  const auto prepared = store_->prepare(Shelf::Filters, "a", "x");
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error().kind, ErrorKind::Storage);
  EXPECT_THAT(prepared.error().message, HasSubstr((root_ / "etc/nwf").string()));
  EXPECT_THAT(prepared.error().remedy, HasSubstr("move it away"));
}

TEST_F(DirectoryStoreTest, MissingPermissionIsDenied) {
  ASSERT_EQ(put(*store_, Shelf::Filters, "a", "x"), "");
  ASSERT_TRUE(store_->lock());
  fs::permissions(root_, fs::perms(0755));
  fs::permissions(root_ / "etc/nwf/filters/a.xml", fs::perms::none);
  fs::permissions(root_ / "etc/nwf/filters", fs::perms(0555));
  EXPECT_CHILD_WELL([&]() -> std::string {
    if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setgid(65534) != 0 || ::setuid(65534) != 0)) {
      return "skip: cannot become an ordinary user";
    }
    const auto read = store_->get(Shelf::Filters, "a");
    if (read) return "an unreadable file was read";
    if (read.error().kind != ErrorKind::Denied) return "not Denied: " + read.error().message;
    if (read.error().message.find("etc/nwf/filters/a.xml: Permission denied") == std::string::npos) {
      return read.error().message;
    }
    const auto prepared = store_->prepare(Shelf::Filters, "b", "x");
    if (prepared || prepared.error().kind != ErrorKind::Denied) return "a file was written without permission";
    if (prepared.error().message.find("cannot write ") != 0) return prepared.error().message;
    if (prepared.error().remedy.find("run as root") == std::string::npos) return prepared.error().remedy;
    const auto removed = store_->remove(Shelf::Filters, "a");
    if (removed || removed.error().kind != ErrorKind::Denied) return "a file was removed without permission";
    return "";
  });
  fs::permissions(root_ / "etc/nwf/filters", fs::perms(0755));
}

// A file system of our own, seen by this process only.
std::string mount_tiny(const fs::path& where, const char* options) {
  if (::unshare(CLONE_NEWNS) != 0) return "skip: no private mount namespace: " + std::string(std::strerror(errno));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", where.c_str(), "tmpfs", 0, options) != 0) {
    return "skip: no tmpfs: " + std::string(std::strerror(errno));
  }
  return "";
}

TEST_F(DirectoryStoreTest, FullDiskLeavesTheOldText) {
  EXPECT_CHILD_WELL([&]() -> std::string {
    if (auto said = mount_tiny(root_, "size=64k"); !said.empty()) return said;
    if (auto said = put(*store_, Shelf::Filters, "a", "old"); !said.empty()) return said;
    const auto prepared = store_->prepare(Shelf::Filters, "a", std::string(200'000, 'x'));
    if (prepared) return "200 kB fit in 64 kB";
    const Error& error = prepared.error();
    if (error.kind != ErrorKind::Storage) return "not Storage";
    if (error.message != "cannot write " + store_->path(Shelf::Filters, "a") + ": No space left on device") {
      return error.message;
    }
    if (error.remedy.find("free space") == std::string::npos) return error.remedy;
    if (get_text(*store_, Shelf::Filters, "a") != "old") return "the old text is gone";
    if (files("etc/nwf/filters").size() != 1) return "the temporary file stayed";
    return put(*store_, Shelf::Filters, "a", "small again");
  });
}

TEST_F(DirectoryStoreTest, NoInodeLeft) {
  EXPECT_CHILD_WELL([&]() -> std::string {
    if (auto said = mount_tiny(root_, "nr_inodes=3"); !said.empty()) return said;
    const auto prepared = store_->prepare(Shelf::Filters, "a", "x");
    if (prepared) return "five inodes fit in three";
    return prepared.error().kind == ErrorKind::Storage ? "" : prepared.error().message;
  });
}

TEST_F(DirectoryStoreTest, ReadOnlyDisk) {
  EXPECT_CHILD_WELL([&]() -> std::string {
    if (auto said = mount_tiny(root_, "size=64k"); !said.empty()) return said;
    if (auto said = put(*store_, Shelf::Filters, "a", "old"); !said.empty()) return said;
    if (!store_->lock()) return "no lock";
    auto early = store_->prepare(Shelf::Filters, "a", "new");
    if (!early) return early.error().message;
    early->reset();
    if (::mount(nullptr, root_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) != 0) return "skip: no remount";
    for (const auto& error : {store_->prepare(Shelf::Filters, "a", "new").error(), store_->lock().error(),
                              store_->prepare(Shelf::State, "new shelf", "new").error()}) {
      if (error.kind != ErrorKind::Storage) return "not Storage: " + error.message;
      if (error.message.find("Read-only file system") == std::string::npos) return error.message;
      if (error.message.find(root_.string()) == std::string::npos) return error.message;
      if (error.remedy.find("mount it read-write") == std::string::npos) return error.remedy;
    }
    const auto removed = store_->remove(Shelf::Filters, "a");
    if (removed || removed.error().kind != ErrorKind::Storage) return "removed from a read-only disk";
    if (get_text(*store_, Shelf::Filters, "a") != "old") return "the old text is gone";
    return "";
  });
}

}  // namespace
}  // namespace nwf::store
