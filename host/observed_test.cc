// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/observed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/service_for_tests.h"

namespace nwf::host {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

class Observed : public ::testing::Test {
 protected:
  /// What was told since the last call, as `kind port filter: text`.
  std::vector<std::string> told() {
    std::vector<std::string> lines;
    for (const Event& event : events_)
      lines.push_back(std::string(event_name(event.kind)) + " " + event.port + " " + event.filter + ": " + event.text);
    events_.clear();
    return lines;
  }

  PlainService inner_;
  std::vector<Event> events_;
  std::uint64_t now_ = 1'700'000'000'000'000;
  std::unique_ptr<Service> service_ =
      observe(inner_, {[this](const Event& event) { events_.push_back(event); }, [this] { return now_; },
                       []() -> Result<Figures> {
                         Figures figures;
                         figures.version = "the observer's";
                         return figures;
                       }});
};

TEST_F(Observed, ABoundPortIsToldOnceItIsGuarded) {
  ASSERT_TRUE(service_->binding_create("<b/>", "b.xml").has_value());
  EXPECT_THAT(inner_.asked, ElementsAre("create", "<b/>", "b.xml")) << "passed on as it is";
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].time_us, now_);
  EXPECT_THAT(told(), ElementsAre("bound vnet0 mine: port vnet0 is guarded by filter mine"));
  ASSERT_TRUE(service_->binding_delete("vnet0").has_value());
  EXPECT_THAT(told(), ElementsAre("unbound vnet0 mine: port vnet0 is not guarded any more"));
}

TEST_F(Observed, ADefinedFilterIsToldWithItsPorts) {
  ASSERT_TRUE(service_->filter_define("<f/>", "f.xml").has_value());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_THAT(events_[0].more, ::testing::Contains(Pair("ports", "7")));
  EXPECT_THAT(told(), ElementsAre("defined  mine: filter mine changed, on 7 ports"));
  ASSERT_TRUE(service_->filter_undefine("mine").has_value());
  EXPECT_THAT(told(), ElementsAre("undefined  mine: filter mine undefined"));
}

TEST_F(Observed, OneChangeIsToldPieceByPiece) {
  inner_.applied = {{{{"new", {}}, Deed::New}}, {{{"vnet1", "new", false}, Deed::Changed}}, 0, {}};
  inner_.applied.unbound = {{"vnet0", "old", false}};
  inner_.applied.undefined = {{"old", {}}};
  ASSERT_TRUE(service_->change({{"f.xml", "<f/>"}}, {{"vnet0"}, {"old"}}).has_value());
  EXPECT_THAT(
      told(),
      ElementsAre("defined  new: filter new defined", "bound vnet1 new: port vnet1 is guarded by filter new",
                  "unbound vnet0 old: port vnet0 is not guarded any more", "undefined  old: filter old undefined"));
}

TEST_F(Observed, ChangedValuesAreToldByName) {
  ASSERT_TRUE(service_->binding_set("vnet0", {{"IP", {"192.0.2.1", "192.0.2.2"}}, {"MAC", {}}}).has_value());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_THAT(events_[0].more, ElementsAre(Pair("IP", "192.0.2.1 192.0.2.2"), Pair("MAC", "")));
  EXPECT_THAT(told(), ElementsAre("changed vnet0 mine: port vnet0: $IP, $MAC changed"));
}

TEST_F(Observed, AGuestsPortsAreToldOneByOneWithTheGuest) {
  ASSERT_TRUE(service_->guest_bind("<domain/>", "d.xml", GuestState::Starts).has_value());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_THAT(events_[0].more, ElementsAre(Pair("guest", "g")));
  EXPECT_THAT(told(), ElementsAre("bound vnet1 mine: port vnet1 is guarded by filter mine"));
  ASSERT_TRUE(service_->guest_unbind("g", std::nullopt).has_value());
  EXPECT_THAT(told(), ElementsAre("unbound vnet1 mine: port vnet1 is not guarded any more"));
}

TEST_F(Observed, OfManyDocumentsWhatChangedIsTold) {
  inner_.applied.filters = {{{"new", {}}, Deed::New}, {{"same", {}}, Deed::Same}, {{"other", {}}, Deed::Changed}};
  inner_.applied.bindings = {{{"vnet0", "new", false}, Deed::New}, {{"vnet1", "new", false}, Deed::Same}};
  ASSERT_TRUE(service_->apply({}, nullptr).has_value());
  EXPECT_THAT(told(), ElementsAre("defined  new: filter new defined", "defined  other: filter other changed",
                                  "bound vnet0 new: port vnet0 is guarded by filter new"));
}

TEST_F(Observed, ARefusalIsToldAndPassedOnWhole) {
  inner_.error = Error{ErrorKind::Refused, "no", {"b.xml", 3, 1}, "do that", {}};
  const auto refused = service_->binding_create("<b/>", "b.xml");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().remedy, "do that");
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_THAT(events_[0].more, ElementsAre(Pair("verb", "binding create")));
  EXPECT_EQ(events_[0].kind, EventKind::Refused);
  EXPECT_THAT(events_[0].text, HasSubstr("b.xml:3:1"));
  EXPECT_THAT(events_[0].text, HasSubstr("no"));
  events_.clear();
  ASSERT_FALSE(service_->binding_delete("vnet0").has_value());
  ASSERT_EQ(events_.size(), 1U);
  EXPECT_EQ(events_[0].port, "vnet0");
}

TEST_F(Observed, WhoOnlyLooksIsNoNews) {
  EXPECT_TRUE(service_->filter_validate("<f/>", "f.xml").has_value());
  EXPECT_TRUE(service_->filter_dumpxml("mine").has_value());
  EXPECT_TRUE(service_->filter_list().has_value());
  EXPECT_TRUE(service_->binding_list().has_value());
  EXPECT_TRUE(service_->binding_rules("vnet0").has_value());
  EXPECT_TRUE(service_->plan({}).has_value());
  EXPECT_TRUE(service_->status().has_value());
  EXPECT_EQ(*service_->reconcile(), 42U);
  EXPECT_THAT(told(), IsEmpty());
  inner_.error = Error{ErrorKind::NotFound, "no such", {}, {}, {}};
  EXPECT_FALSE(service_->filter_lookup("nobody").has_value());
  EXPECT_FALSE(service_->binding_lookup("nobody").has_value());
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(Observed, FiguresAreTheObservers) { EXPECT_EQ(service_->figures()->version, "the observer's"); }

}  // namespace
}  // namespace nwf::host
