// SPDX-License-Identifier: GPL-2.0-or-later
// Client and server over a socket pair: what is asked and answered is the same at both ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <thread>

#include "host/service_for_tests.h"
#include "rpc/access.h"
#include "rpc/client.h"
#include "rpc/handles.h"
#include "rpc/server.h"
#include "rpc/signals.h"
#include "rpc/wire.h"

namespace nwf::rpc {
namespace {

using ::testing::ElementsAre;

/// A server on a thread of its own, as a daemon is a process of its own.
class Conversation : public ::testing::Test {
 protected:
  void SetUp() override {
    int ends[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    int stop[2];
    ASSERT_EQ(pipe(stop), 0);
    stop_ = stop[1];
    thread_ = std::thread([this, served = ends[0], stopped = stop[0]] {
      sd_event* loop = nullptr;
      sd_event_new(&loop);
      {
        // The other end is this process: with no policy that lets it in, only root would be.
        Policy policy;
        policy.group = getgid();
        const auto server = Server::open(loop, service_, policy);
        (void)server->serve(served);
        server_ = server.get();
        tell_again(loop);
        sd_event_add_io(
            loop, nullptr, stopped, EPOLLIN,
            [](sd_event_source* source, int, std::uint32_t, void*) {
              return sd_event_exit(sd_event_source_get_event(source), 0);
            },
            nullptr);
        sd_event_loop(loop);
      }
      sd_event_unref(loop);
      close(stopped);
    });
    auto client = converse(ends[1]);
    ASSERT_TRUE(client.has_value());
    client_ = std::move(*client);
  }
  void TearDown() override {
    client_.reset();
    [[maybe_unused]] const ssize_t written = write(stop_, "x", 1);
    thread_.join();
    close(stop_);
  }

  /// A daemon's news never end: those of before Subscribe are heard by nobody.
  void tell_again(sd_event* loop) {
    sd_event_add_time_relative(
        loop, nullptr, CLOCK_MONOTONIC, 1000, 0,
        [](sd_event_source* source, std::uint64_t, void* self) {
          auto* here = static_cast<Conversation*>(self);
          here->server_->tell(here->event_);
          here->tell_again(sd_event_source_get_event(source));
          return 0;
        },
        this);
  }

  host::PlainService service_;
  /// Told all the time.
  const host::Event event_{host::EventKind::PortMoved, 1'700'000'000'000'123, "vnet0", "mine", "a sentence",
                           {{"bridge", "br0"}}};
  Server* server_ = nullptr;
  std::unique_ptr<host::Service> client_;
  std::thread thread_;
  int stop_ = -1;
};

TEST_F(Conversation, TextsArriveByteForByte) {
  const std::string text("<filter\0/>\xff\xfe", 12);
  const auto done = client_->filter_define(text, "a file.xml");
  ASSERT_TRUE(done.has_value()) << describe(done.error());
  EXPECT_THAT(service_.asked, ElementsAre("define", text, "a file.xml"));
  EXPECT_EQ(done->filter.name, "mine");
  EXPECT_TRUE(done->replaced);
  EXPECT_EQ(done->ports, 7U);
  EXPECT_THAT(done->warnings, ElementsAre("a warning"));
}

TEST_F(Conversation, ErrorsTravelWhole) {
  Error error{ErrorKind::Refused, "no: \xff", {"f.xml", 3, 9}, "do that", {}};
  error.more.push_back({ErrorKind::Invalid, "further", {"f.xml", 4, 1}, "", {}});
  service_.error = error;
  const auto done = client_->binding_create("x", "f.xml");
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().kind, ErrorKind::Refused);
  EXPECT_EQ(done.error().message, "no: \xef\xbf\xbd");
  EXPECT_EQ(done.error().where, (Source{"f.xml", 3, 9}));
  EXPECT_EQ(done.error().remedy, "do that");
  ASSERT_EQ(done.error().more.size(), 1U);
  EXPECT_EQ(done.error().more[0].message, "further");
  EXPECT_EQ(done.error().more[0].where.line, 4);
}

TEST_F(Conversation, StructuresTravelWhole) {
  service_.all.bindings = {{"vnet0", "mine", true}};
  service_.all.capabilities.bridge_reject = Probe::Yes;
  service_.all.in_sync = false;
  service_.all.differences = {"one"};
  const auto status = client_->status();
  ASSERT_TRUE(status.has_value()) << describe(status.error());
  ASSERT_EQ(status->bindings.size(), 1U);
  EXPECT_TRUE(status->bindings[0].waiting);
  EXPECT_EQ(status->capabilities, service_.all.capabilities);
  EXPECT_FALSE(status->in_sync);
  service_.rules.rules.push_back({Layer::Inet, Direction::In, "c", "drop", "f rule 1 line 2"});
  const auto rules = client_->binding_rules("vnet0");
  ASSERT_TRUE(rules.has_value());
  ASSERT_EQ(rules->rules.size(), 1U);
  EXPECT_EQ(rules->rules[0].layer, Layer::Inet);
  EXPECT_EQ(rules->rules[0].direction, Direction::In);
  service_.counted.events = {{"healed", 3}};
  service_.counted.transactions.add(15);
  const auto figures = client_->figures();
  ASSERT_TRUE(figures.has_value());
  EXPECT_EQ(figures->events.at("healed"), 3U);
  EXPECT_EQ(figures->transactions.quantile_us(0.5), 20U);
  EXPECT_EQ(*client_->reconcile(), 42U);
}

TEST_F(Conversation, ArgumentsOfEveryKind) {
  const Variables values{{"IP", {"192.0.2.1", "192.0.2.2"}}, {"NONE", {}}};
  ASSERT_TRUE(client_->binding_set("vnet0", values).has_value());
  EXPECT_EQ(service_.values, values);
  ASSERT_TRUE(client_->guest_unbind("g", Mac::parse("52:54:00:00:00:01")).has_value());
  ASSERT_TRUE(client_->guest_unbind("g", std::nullopt).has_value());
  EXPECT_THAT(service_.asked, ElementsAre("g", "52:54:00:00:00:01", "g", "all"));
  ASSERT_TRUE(client_->guest_bind("<domain/>", "d.xml", host::GuestState::Runs).has_value());
  service_.applied = {{{{"mine", {}}, host::Deed::Changed}}, {}, 3, {}};
  service_.asked.clear();
  service_.applied.unbound = {{"vnet9", "mine", true}};
  service_.applied.undefined = {{"old", {}}};
  const auto changed = client_->change({{"c.xml", "<c/>"}}, {{"vnet9"}, {"old"}});
  ASSERT_TRUE(changed);
  EXPECT_EQ(service_.asked, (std::vector<std::string>{"c.xml", "<c/>", "vnet9", "old"}));
  ASSERT_EQ(changed->unbound.size(), 1U);
  EXPECT_EQ(changed->unbound[0].port, "vnet9");
  ASSERT_EQ(changed->undefined.size(), 1U);
  EXPECT_EQ(changed->undefined[0].name, "old");
  service_.asked.clear();
  const auto applied = client_->apply({{"a.xml", "<a/>"}, {"b.xml", std::string("\0", 1)}}, nullptr);
  ASSERT_TRUE(applied.has_value()) << describe(applied.error());
  EXPECT_EQ(applied->ports, 3U);
  EXPECT_EQ(applied->filters.at(0).deed, host::Deed::Changed);
}

/// Each kind is a signal of its own.
TEST_F(Conversation, EventsTravelWhole) {
  host::Event seen;
  int count = 0;
  ASSERT_TRUE(client_
                  ->watch([&](const host::Event& event) {
                    seen = event;
                    return ++count < 3;
                  })
                  .has_value());
  EXPECT_EQ(count, 3);
  EXPECT_EQ(seen.kind, event_.kind);
  EXPECT_EQ(seen.time_us, event_.time_us);
  EXPECT_EQ(seen.port, "vnet0");
  EXPECT_EQ(seen.filter, "mine");
  EXPECT_EQ(seen.text, "a sentence");
  EXPECT_EQ(seen.more, event_.more);
  EXPECT_TRUE(client_->status().has_value()) << "and calls go on";
}

TEST(Signals, EveryKindHasAName) {
  EXPECT_EQ(signal_names().size(), host::event_names().size());
  EXPECT_EQ(signal_names().front().second, "Bound");
  EXPECT_EQ(signal_names().back().second, "PortMoved");
}

TEST(Access, RootAndTheGroupMayChange) {
  Policy policy;
  EXPECT_TRUE(allow(policy, {0, {}}, Access::Change).has_value());
  EXPECT_FALSE(allow(policy, {1000, {1000}}, Access::Read).has_value());
  policy.others_read = true;
  EXPECT_TRUE(allow(policy, {1000, {1000}}, Access::Read).has_value());
  EXPECT_FALSE(allow(policy, {1000, {1000}}, Access::Change).has_value());
  policy.group = 1001;
  EXPECT_FALSE(allow(policy, {1000, {1000}}, Access::Change).has_value());
  EXPECT_TRUE(allow(policy, {1000, {1000, 1001}}, Access::Change).has_value());
  const auto nobody = allow({}, Peer{}, Access::Read);
  ASSERT_FALSE(nobody.has_value()) << "an unknown peer";
  EXPECT_EQ(nobody.error().kind, ErrorKind::Denied);
}

TEST(Utf8, WhatIsNoneIsReplaced) {
  EXPECT_EQ(printable_utf8("ok \xc3\xa9 \xf0\x9f\x98\x80"), "ok \xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(printable_utf8(std::string_view("a\0b", 3)),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(printable_utf8("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd") << "overlong";
  EXPECT_EQ(printable_utf8("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd") << "a surrogate";
  EXPECT_EQ(printable_utf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd") << "cut";
}

}  // namespace
}  // namespace nwf::rpc
