// SPDX-License-Identifier: GPL-2.0-or-later
// Two guests bound to clean-traffic; then clean-traffic is edited, and both change at the same instant.
#include "tests/netns/fixture.h"

namespace nwf::test {
namespace {

constexpr const char* kNoSpamming =
    "<filter name='no-spamming' chain='root'>\n"
    "  <uuid>d217f2d7-5a04-0e01-8b98-ec2743436b74</uuid>\n"
    "  <rule action='drop' direction='out' priority='500'>\n"
    "    <tcp dstportstart='25' dstportend='25'/>\n"
    "  </rule>\n"
    "</filter>\n";

class SceneNetns : public HostTest {
 protected:
  void SetUp() override {
    HostTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    for (const char* port : {"vnet0", "vnet1", "lan0"}) add_guest(port);
    NWF_ASSERT_OK(service_->binding_create(binding("vnet0", one_, "clean-traffic"), "one.xml"));
    NWF_ASSERT_OK(service_->binding_create(binding("vnet1", two_, "clean-traffic"), "two.xml"));
  }

  bool mail_passes(const std::string& port, const Guest& guest) {
    return tcp_passes(port, "lan0", guest, other_, {.target = 25});
  }
  bool web_passes(const std::string& port, const Guest& guest) {
    return tcp_passes(port, "lan0", guest, other_, {.target = 80});
  }

  std::string with_reference() {
    std::string xml = *service_->filter_dumpxml("clean-traffic");
    return xml.replace(xml.find("</filter>"), 9, "  <filterref filter='no-spamming'/>\n</filter>");
  }
};

TEST_F(SceneNetns, AnEditReachesEveryGuestInOneTransaction) {
  const std::string plain = *service_->filter_dumpxml("clean-traffic");
  ASSERT_TRUE(mail_passes("vnet0", one_));
  ASSERT_TRUE(mail_passes("vnet1", two_));
  NWF_ASSERT_OK(service_->filter_define(kNoSpamming, "no-spamming.xml"));
  EXPECT_TRUE(mail_passes("vnet0", one_)) << "defining a filter nobody refers to changed something";

  const auto before = backend_->generation();
  const auto defined = service_->filter_define(with_reference(), "clean-traffic.xml");
  NWF_ASSERT_OK(defined);
  const auto after = backend_->generation();
  EXPECT_EQ(*after, *before + 1) << "the edit took more than one transaction";
  EXPECT_EQ(defined->ports, 2U);

  EXPECT_FALSE(mail_passes("vnet0", one_));
  EXPECT_FALSE(mail_passes("vnet1", two_));
  EXPECT_TRUE(web_passes("vnet0", one_));
  EXPECT_TRUE(web_passes("vnet1", two_));
  EXPECT_FALSE(web_passes("vnet0", two_)) << "spoofing is no longer stopped";

  NWF_ASSERT_OK(service_->filter_define(plain, "clean-traffic.xml"));
  EXPECT_TRUE(mail_passes("vnet0", one_));
  EXPECT_TRUE(mail_passes("vnet1", two_));
}

TEST_F(SceneNetns, AFilterInUseStaysUntilNobodyUsesIt) {
  const std::string plain = *service_->filter_dumpxml("clean-traffic");
  NWF_ASSERT_OK(service_->filter_define(kNoSpamming, "no-spamming.xml"));
  NWF_ASSERT_OK(service_->filter_define(with_reference(), "clean-traffic.xml"));

  const auto referred = service_->filter_undefine("no-spamming");
  ASSERT_FALSE(referred.has_value());
  EXPECT_EQ(referred.error().kind, ErrorKind::Refused);
  EXPECT_NE(referred.error().message.find("clean-traffic"), std::string::npos) << referred.error().message;
  const auto bound = service_->filter_undefine("clean-traffic");
  ASSERT_FALSE(bound.has_value());
  EXPECT_EQ(bound.error().kind, ErrorKind::Refused);
  EXPECT_FALSE(mail_passes("vnet0", one_)) << "a refused undefine changed something";

  NWF_ASSERT_OK(service_->filter_define(plain, "clean-traffic.xml"));
  NWF_ASSERT_OK(service_->filter_undefine("no-spamming"));
  EXPECT_FALSE(service_->filter_lookup("no-spamming").has_value());
}

TEST_F(SceneNetns, AnEditThatCannotBeMadeChangesNothing) {
  std::string broken = *service_->filter_dumpxml("clean-traffic");
  broken.replace(broken.find("</filter>"), 9,
                 "  <rule action='drop' direction='out'><tcp dstportstart='$NOBODY'/></rule>\n</filter>");
  const auto before = backend_->read();
  const auto defined = service_->filter_define(broken, "broken.xml");
  ASSERT_FALSE(defined.has_value());
  EXPECT_NE(defined.error().message.find("$NOBODY"), std::string::npos) << defined.error().message;
  EXPECT_EQ(backend_->read()->ruleset, before->ruleset);
  EXPECT_EQ(service_->filter_dumpxml("clean-traffic")->find("NOBODY"), std::string::npos);
}

}  // namespace
}  // namespace nwf::test
