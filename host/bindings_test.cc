// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/bindings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

namespace nwf::host {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class BindingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "nwf-bindings-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    store_ = store::open_directory(root_);
    bindings_.emplace(*store_);
  }
  void TearDown() override { fs::remove_all(root_); }

  static std::string text(const std::string& port, const std::string& owner, const std::string& filter) {
    return "<filterbinding><owner><name>" + owner + "</name></owner><portdev name='" + port +
           "'/><mac address='52:54:00:00:00:01'/><filterref filter='" + filter + "'/></filterbinding>";
  }
  void put(const std::string& port, const std::string& owner, const std::string& filter) {
    const auto prepared = store_->prepare(store::Shelf::Bindings, port, text(port, owner, filter));
    ASSERT_TRUE(prepared.has_value());
    ASSERT_TRUE((*prepared)->commit().has_value());
  }
  /// PORT=FILTER of those that `owner` has.
  std::vector<std::string> of(const std::string& owner) {
    const auto bindings = bindings_->of([&](const Owner& one) { return one.name == owner; });
    EXPECT_TRUE(bindings.has_value());
    std::vector<std::string> found;
    for (const Binding& binding : bindings.value_or(std::vector<Binding>{}))
      found.push_back(binding.port.text() + "=" + binding.filter);
    return found;
  }
  /// So long that what was written before is kept when it is read.
  static void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(40)); }

  std::string root_;
  std::unique_ptr<store::Store> store_;
  std::optional<Bindings> bindings_;
};

TEST_F(BindingsTest, WhatIsReplacedAddedAndRemovedShowsAtOnce) {
  EXPECT_THAT(of("one"), ElementsAre());
  put("vnet0", "one", "a");
  put("vnet1", "one", "a");
  put("vnet2", "two", "a");
  settle();
  EXPECT_THAT(of("one"), ElementsAre("vnet0=a", "vnet1=a"));
  put("vnet0", "one", "b");
  EXPECT_THAT(of("one"), ElementsAre("vnet0=b", "vnet1=a"));
  put("vnet0", "two", "b");
  put("vnet2", "one", "a");
  put("vnet3", "one", "a");
  EXPECT_THAT(of("one"), ElementsAre("vnet1=a", "vnet2=a", "vnet3=a"));
  EXPECT_THAT(of("two"), ElementsAre("vnet0=b"));
  ASSERT_TRUE(store_->remove(store::Shelf::Bindings, "vnet1").has_value());
  EXPECT_THAT(of("one"), ElementsAre("vnet2=a", "vnet3=a"));
}

TEST_F(BindingsTest, AFileThatSomebodyEditsInPlaceIsReadAgain) {
  put("vnet0", "one", "a");
  settle();
  EXPECT_THAT(of("two"), ElementsAre());
  EXPECT_THAT(of("two"), ElementsAre());
  std::ofstream(store_->path(store::Shelf::Bindings, "vnet0")) << text("vnet0", "two", "a");
  EXPECT_THAT(of("two"), ElementsAre("vnet0=a"));
}

TEST_F(BindingsTest, ADocumentThatIsNoneIsAnErrorEachTime) {
  put("vnet0", "one", "a");
  settle();
  EXPECT_THAT(of("two"), ElementsAre());
  std::ofstream(store_->path(store::Shelf::Bindings, "vnet0")) << "<filter";
  EXPECT_FALSE(bindings_->of([](const Owner&) { return true; }).has_value());
  EXPECT_FALSE(bindings_->of([](const Owner&) { return false; }).has_value());
}

TEST_F(BindingsTest, OneThatIsLookedForIsTheOneThatIsThere) {
  const auto filter_of = [&](const std::string& port) {
    const auto found = bindings_->find(port);
    EXPECT_TRUE(found.has_value());
    return found && *found ? (*found)->filter : "none";
  };
  EXPECT_EQ(filter_of("vnet0"), "none");
  put("vnet0", "one", "a");
  settle();
  EXPECT_EQ(filter_of("vnet0"), "a");
  EXPECT_EQ(filter_of("vnet0"), "a") << "from memory";
  put("vnet0", "one", "b");
  EXPECT_EQ(filter_of("vnet0"), "b");
  settle();
  EXPECT_EQ(filter_of("vnet0"), "b");
  EXPECT_THAT(of("one"), ElementsAre("vnet0=b"));
  ASSERT_TRUE(store_->remove(store::Shelf::Bindings, "vnet0").has_value());
  EXPECT_EQ(filter_of("vnet0"), "none");
  EXPECT_THAT(of("one"), ElementsAre());
}

}  // namespace
}  // namespace nwf::host
