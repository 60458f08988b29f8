// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/fields.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace nwf {
namespace {

struct Element {
  Protocol protocol;
  std::string name;
  Layer layer;
  bool ipv6;
  int number;  ///< of the Internet's assigned ones, or -1
};

const std::vector<Element>& elements() {
  static const std::vector<Element> all = {
      {Protocol::Mac, "mac", Layer::Ethernet, false, -1},
      {Protocol::Vlan, "vlan", Layer::Ethernet, false, -1},
      {Protocol::Stp, "stp", Layer::Ethernet, false, -1},
      {Protocol::Arp, "arp", Layer::Ethernet, false, -1},
      {Protocol::Rarp, "rarp", Layer::Ethernet, false, -1},
      {Protocol::Ip, "ip", Layer::Ethernet, false, -1},
      {Protocol::Ipv6, "ipv6", Layer::Ethernet, false, -1},
      {Protocol::Tcp, "tcp", Layer::Inet, false, 6},
      {Protocol::Udp, "udp", Layer::Inet, false, 17},
      {Protocol::Sctp, "sctp", Layer::Inet, false, 132},
      {Protocol::Icmp, "icmp", Layer::Inet, false, 1},
      {Protocol::Igmp, "igmp", Layer::Inet, false, 2},
      {Protocol::Udplite, "udplite", Layer::Inet, false, 136},
      {Protocol::Esp, "esp", Layer::Inet, false, 50},
      {Protocol::Ah, "ah", Layer::Inet, false, 51},
      {Protocol::All, "all", Layer::Inet, false, -1},
      {Protocol::TcpIpv6, "tcp-ipv6", Layer::Inet, true, 6},
      {Protocol::UdpIpv6, "udp-ipv6", Layer::Inet, true, 17},
      {Protocol::SctpIpv6, "sctp-ipv6", Layer::Inet, true, 132},
      {Protocol::Icmpv6, "icmpv6", Layer::Inet, true, 58},
      {Protocol::UdpliteIpv6, "udplite-ipv6", Layer::Inet, true, 136},
      {Protocol::EspIpv6, "esp-ipv6", Layer::Inet, true, 50},
      {Protocol::AhIpv6, "ah-ipv6", Layer::Inet, true, 51},
      {Protocol::AllIpv6, "all-ipv6", Layer::Inet, true, -1},
  };
  return all;
}

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  std::set<std::string> all;
  for (std::string word; stream >> word;) all.insert(word);
  return all;
}

std::set<std::string> attributes_of(Protocol protocol) {
  std::set<std::string> names;
  for (const FieldRow& row : field_rows())
    if ((row.protocols & bit(protocol)) != 0) names.insert(std::string(row.name));
  return names;
}

TEST(Protocols, AllButNoneAreInTheTestsTable) { EXPECT_EQ(elements().size(), std::size_t{kProtocolCount - 1}); }

TEST(Protocols, HaveTheirNamesInXml) {
  for (const Element& element : elements()) {
    SCOPED_TRACE(element.name);
    EXPECT_EQ(protocol_name(element.protocol), element.name);
    Protocol parsed = Protocol::None;
    EXPECT_TRUE(parse_protocol(element.name, parsed));
    EXPECT_EQ(parsed, element.protocol);
  }
  EXPECT_EQ(protocol_name(Protocol::None), "");
}

TEST(Protocols, OtherNamesAreNoElements) {
  for (const std::string name :
       {"", "ipv4", "TCP", "tcp-ipv4", "icmp-ipv6", "icmpv6-ipv6", "igmp-ipv6", "rule", " tcp"}) {
    Protocol parsed = Protocol::None;
    EXPECT_FALSE(parse_protocol(name, parsed)) << "'" << name << "'";
  }
}

TEST(Protocols, HaveALayerAFamilyAndANumber) {
  for (const Element& element : elements()) {
    SCOPED_TRACE(element.name);
    EXPECT_EQ(layer_of(element.protocol), element.layer);
    EXPECT_EQ(is_ipv6(element.protocol), element.ipv6);
    EXPECT_EQ(ip_protocol_of(element.protocol), element.number);
  }
  EXPECT_EQ(layer_of(Protocol::None), Layer::Ethernet);
  EXPECT_EQ(ip_protocol_of(Protocol::None), -1);
}

// libvirt's nwfilter.rng, and the masks of ARP's addresses, TCP's option and the inet layer's common attributes over
// IPv6, which libvirt reads though its schema does not say so.
TEST(Fields, EachElementTakesTheAttributesOfTheLanguage) {
  const std::string ethernet = "srcmacaddr srcmacmask dstmacaddr dstmacmask comment ";
  const std::string arp =
      ethernet +
      "hwtype protocoltype opcode arpsrcmacaddr arpdstmacaddr arpsrcipaddr arpsrcipmask arpdstipaddr arpdstipmask "
      "gratuitous";
  const std::string ports = "srcportstart srcportend dstportstart dstportend ";
  const std::string addresses = "srcipaddr srcipmask dstipaddr dstipmask ";
  const std::string inet = addresses +
                           "srcmacaddr srcipfrom srcipto dstipfrom dstipto dscp connlimit-above state ipset "
                           "ipsetflags comment ";
  const std::map<std::string, std::string> expected = {
      {"mac", ethernet + "protocolid"},
      {"vlan", ethernet + "vlanid encap-protocol"},
      {"stp",
       "srcmacaddr srcmacmask comment type flags root-priority root-priority-hi root-address root-address-mask "
       "root-cost root-cost-hi sender-priority sender-priority-hi sender-address sender-address-mask port port-hi age "
       "age-hi max-age max-age-hi hello-time hello-time-hi forward-delay forward-delay-hi"},
      {"arp", arp},
      {"rarp", arp},
      {"ip", ethernet + addresses + ports + "protocol dscp"},
      {"ipv6", ethernet + addresses + ports + "protocol type typeend code codeend"},
      {"tcp", inet + ports + "flags option"},
      {"tcp-ipv6", inet + ports + "option"},
      {"udp", inet + ports},
      {"udp-ipv6", inet + ports},
      {"sctp", inet + ports},
      {"sctp-ipv6", inet + ports},
      {"icmp", inet + "type code"},
      {"icmpv6", inet + "type code"},
      {"igmp", inet},
      {"udplite", inet},
      {"udplite-ipv6", inet},
      {"esp", inet},
      {"esp-ipv6", inet},
      {"ah", inet},
      {"ah-ipv6", inet},
      {"all", inet},
      {"all-ipv6", inet},
  };
  for (const Element& element : elements()) {
    SCOPED_TRACE(element.name);
    EXPECT_EQ(attributes_of(element.protocol), words(expected.at(element.name)));
  }
  EXPECT_TRUE(attributes_of(Protocol::None).empty());
}

TEST(Fields, ANameIsOneFieldOfAProtocol) {
  for (const Element& element : elements()) {
    std::set<std::string_view> names;
    for (const FieldRow& row : field_rows())
      if ((row.protocols & bit(element.protocol)) != 0) {
        EXPECT_TRUE(names.insert(row.name).second) << element.name << " " << row.name;
      }
  }
}

TEST(Fields, AreFoundByProtocolAndName) {
  for (const Element& element : elements())
    for (const FieldRow& row : field_rows()) {
      const FieldRow* found = find_field(element.protocol, row.name);
      const bool takes_it = (row.protocols & bit(element.protocol)) != 0;
      EXPECT_EQ(found == &row, takes_it) << element.name << " " << row.name;
    }
  EXPECT_EQ(find_field(Protocol::Tcp, "srcipaddr")->field, Field::SrcIp4);
  EXPECT_EQ(find_field(Protocol::TcpIpv6, "srcipaddr")->field, Field::SrcIp6);
  EXPECT_EQ(find_field(Protocol::Stp, "type")->field, Field::StpType);
  EXPECT_EQ(find_field(Protocol::Icmp, "type")->field, Field::IcmpType);
  EXPECT_EQ(find_field(Protocol::Mac, "srcipaddr"), nullptr);
  EXPECT_EQ(find_field(Protocol::Tcp, "SRCIPADDR"), nullptr);
  EXPECT_EQ(find_field(Protocol::Tcp, ""), nullptr);
}

TEST(Fields, AttributesOfOtherElementsAreKnownAsSuch) {
  EXPECT_TRUE(is_attribute_of_any("vlanid"));
  EXPECT_TRUE(is_attribute_of_any("srcipaddr"));
  EXPECT_FALSE(is_attribute_of_any("srcipaddress"));
  EXPECT_FALSE(is_attribute_of_any(""));
}

TEST(Fields, RowOfAFieldIsItsRow) {
  for (const FieldRow& row : field_rows()) EXPECT_EQ(&row_of(row.field), &row) << row.name;
}

TEST(Fields, AMaskOrRangeEndHasABaseWhereverItStands) {
  for (const FieldRow& row : field_rows()) {
    SCOPED_TRACE(row.name);
    const FieldRow& base = row_of(row.base);
    EXPECT_EQ(base.role, Role::Value);
    EXPECT_EQ(row.base == row.field, row.role == Role::Value);
    EXPECT_EQ(row.protocols & ~base.protocols, 0U) << "some element takes it without " << base.name;
  }
}

TEST(Fields, AMaskMasksItsKindAndARangeEndsInItsOwn) {
  const std::map<ValueKind, ValueKind> masks = {{ValueKind::MacMask, ValueKind::MacAddress},
                                                {ValueKind::Ipv4Mask, ValueKind::Ipv4Address},
                                                {ValueKind::Ipv6Mask, ValueKind::Ipv6Address}};
  for (const FieldRow& row : field_rows()) {
    SCOPED_TRACE(row.name);
    const ValueKind base = row_of(row.base).kind;
    if (row.role == Role::Mask) {
      ASSERT_TRUE(masks.contains(row.kind));
      EXPECT_EQ(base, masks.at(row.kind));
    } else {
      EXPECT_EQ(base, row.kind);
      EXPECT_FALSE(masks.contains(row.kind));
    }
  }
}

TEST(Fields, AMirrorsMirrorIsTheFieldItself) {
  for (const FieldRow& row : field_rows()) {
    SCOPED_TRACE(row.name);
    const FieldRow& mirror = row_of(row.mirror);
    EXPECT_EQ(mirror.mirror, row.field);
    EXPECT_EQ(mirror.kind, row.kind);
    EXPECT_EQ(mirror.role, row.role);
    EXPECT_EQ(mirror.base, row_of(row.base).mirror) << "mask and address part company";
  }
}

TEST(Fields, SourceAndDestinationMirrorEachOther) {
  for (const FieldRow& row : field_rows()) {
    SCOPED_TRACE(row.name);
    std::string other(row.name);
    if (const auto src = other.find("src"); src != std::string::npos)
      other.replace(src, 3, "dst");
    else if (const auto dst = other.find("dst"); dst != std::string::npos)
      other.replace(dst, 3, "src");
    EXPECT_EQ(row_of(row.mirror).name, other);
  }
}

TEST(Fields, TextOnlyAttributesTakeNoVariable) {
  const std::set<std::string_view> text_only = {"flags", "state", "ipsetflags", "comment", "gratuitous"};
  for (const FieldRow& row : field_rows()) {
    SCOPED_TRACE(row.name);
    if (row.field == Field::StpFlags) {
      EXPECT_TRUE(row.variables) << "a number, unlike TCP's flags";
    } else {
      EXPECT_EQ(row.variables, !text_only.contains(row.name));
    }
  }
}

}  // namespace
}  // namespace nwf
