// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/operations.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

namespace nwf::test {
namespace {

std::string rules(const std::string& name, const std::string& uuid, const std::string& inside) {
  return fmt::format("<filter name='{}' chain='root'>\n  <uuid>{}</uuid>\n{}</filter>\n", name, uuid, inside);
}

constexpr const char* kUuid = "6f0b0000-0000-4000-8000-00000000000";

}  // namespace

std::string OperationsTest::given(const std::string& name, const std::string& text) const {
  const std::string path = "/mnt/" + name;
  std::ofstream(path) << text;
  return path;
}

void OperationsTest::SetUp() {
  HostTest::SetUp();
  if (IsSkipped() || HasFatalFailure()) return;
  for (const char* port : {"vnet0", "vnet1"}) add_guest(port);

  const std::string clean = "  <filterref filter='clean-traffic'/>\n";
  const std::string range =
      "  <rule action='accept' direction='in'><udp dstportstart='5000' dstportend='$LAST'/></rule>\n";
  // Documents of several pages, so that a disk can be full in the middle of one.
  std::string mail, notes;
  for (int i = 0; i < 100; ++i) {
    mail += fmt::format("  <rule action='drop' direction='out'><tcp dstportstart='{}'/></rule>\n", 25 + i);
    notes += fmt::format("<parameter name='NOTE' value='number {} of a hundred that no rule uses'/>", i);
  }
  const std::string last = "<parameter name='LAST' value='5001'/>";
  const std::string plain = given("plain.xml", rules("guarded", kUuid + std::string("1"), clean + range));
  const std::string edited = given("edited.xml", rules("guarded", kUuid + std::string("1"), clean + range + mail));
  const std::string fresh = given("fresh.xml", rules("fresh", kUuid + std::string("2"), mail));
  const std::string idle = given("idle.xml", rules("idle", kUuid + std::string("3"), mail));
  const std::string one = given("one.xml", binding("vnet0", one_, "guarded", last + notes));
  const std::string two = given("two.xml", binding("vnet1", two_, "guarded", last));
  const std::string three = given("three.xml", binding("vnet2", other_, "clean-traffic", notes));
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"filter", "define", plain, idle}, {"binding", "create", one}, {"binding", "create", two}})
    must(words);

  ASSERT_EQ(mkdir("/mnt/many", 0755), 0);
  given("many/1.xml", rules("guarded", kUuid + std::string("1"), clean + range + mail));
  given("many/2.xml", rules("fresh", kUuid + std::string("2"), mail));
  given("many/3.xml", binding("vnet2", other_, "clean-traffic", notes));
  given("many/4.xml", binding("vnet3", other_, "guarded", last));

  operations_ = {
      {"define a filter", {"filter", "define", fresh}, {{"filter", "undefine", "fresh"}}, {}},
      {"undefine a filter", {"filter", "undefine", "idle"}, {{"filter", "define", idle}}, {}},
      {"edit a filter that guards ports", {"filter", "define", edited}, {{"filter", "define", plain}}, {}},
      {"edit with an editor",
       {"filter", "edit", "guarded"},
       {{"filter", "define", plain}},
       {"VISUAL=/bin/cp " + edited}},
      {"bind to the ports' program",
       {"binding", "create", given("four.xml", binding("vnet3", other_, "guarded", last + notes))},
       {{"binding", "delete", "vnet3"}},
       {}},
      {"bind to a new program", {"binding", "create", three}, {{"binding", "delete", "vnet2"}}, {}},
      {"apply a directory",
       {"apply", "/mnt/many"},
       {{"binding", "delete", "vnet2"},
        {"binding", "delete", "vnet3"},
        {"filter", "undefine", "fresh"},
        {"filter", "define", plain}},
       {}},
      {"unbind", {"binding", "delete", "vnet1"}, {{"binding", "create", two}}, {}},
      {"change a value",
       {"binding", "set", "vnet0", "IP=192.0.2.7,192.0.2.8"},
       {{"binding", "set", "vnet0", "IP=" + one_.ip}},
       {}},
      {"change the shape", {"binding", "set", "vnet0", "LAST=5009"}, {{"binding", "set", "vnet0", "LAST=5001"}}, {}},
  };
  // Files as nwf itself writes them: the first way there and back may only change their form.
  for (const Operation& operation : operations_) {
    must(operation.words, operation.environment);
    undo(operation);
  }
}

RunAs OperationsTest::nwfctl(const std::vector<std::string>& words, const std::vector<std::string>& environment) const {
  RunAs run{{NWF_NWFCTL, "--root", root_}, environment, {}};
  run.argv.insert(run.argv.end(), words.begin(), words.end());
  return run;
}

void OperationsTest::must(const std::vector<std::string>& words, const std::vector<std::string>& environment) {
  const auto ran = run_to_the_end(nwfctl(words, environment));
  NWF_ASSERT_OK(ran);
  ASSERT_EQ(ran->code, 0) << fmt::format("{}: {}", fmt::join(words, " "), ran->err);
}

void OperationsTest::undo(const Operation& operation) {
  for (const auto& words : operation.undo) must(words);
}

HostState OperationsTest::state() {
  // By a connection of its own, which comes after that of a client that was killed; whatever the answer is.
  if (daemon_ != nullptr) (void)run_to_the_end(nwfctl({"filter", "list"}));
  auto read = read_state(root_, *backend_);
  EXPECT_TRUE(read.has_value());
  return read ? std::move(*read) : HostState{};
}

void OperationsTest::reconcile_and_compare() {
  must({"reconcile"});
  auto service = open_service();
  NWF_ASSERT_OK(service);
  const auto again = (*service)->reconcile();
  NWF_ASSERT_OK(again);
  EXPECT_EQ(*again, 0U) << "a second reconcile sent something";
  const auto status = (*service)->status();
  NWF_ASSERT_OK(status);
  EXPECT_TRUE(status->in_sync) << ::testing::PrintToString(status->differences);
  EXPECT_EQ(leftovers_below(root_), std::vector<std::string>{});
}

}  // namespace nwf::test
