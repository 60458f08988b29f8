// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/model/value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/utf8.h"

namespace nwf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using K = ValueKind;

struct Good {
  K kind;
  std::string text;
  Bytes bytes;
  std::string canonical;  ///< empty: as written
};

const std::vector<Good>& good_values() {
  static const std::vector<Good> cases = {
      {K::MacAddress, "52:54:00:AB:cd:Ef", {0x52, 0x54, 0, 0xab, 0xcd, 0xef}, "52:54:00:ab:cd:ef"},
      {K::MacAddress, "0:1:2:3:4:f", {0, 1, 2, 3, 4, 15}, "00:01:02:03:04:0f"},
      {K::MacMask, "ff:ff:ff:00:00:00", {255, 255, 255, 0, 0, 0}, ""},
      {K::MacMask, "ff:f0:0:0:0:0", {255, 240, 0, 0, 0, 0}, "ff:f0:00:00:00:00"},

      {K::Ipv4Address, "192.0.2.1", {192, 0, 2, 1}, ""},
      {K::Ipv4Address, "0.0.0.0", {0, 0, 0, 0}, ""},
      {K::Ipv4Address, "255.255.255.255", {255, 255, 255, 255}, ""},
      {K::Ipv4Mask, "0", {0}, ""},
      {K::Ipv4Mask, "24", {24}, ""},
      {K::Ipv4Mask, "32", {32}, ""},
      {K::Ipv4Mask, "0.0.0.0", {0}, "0"},
      {K::Ipv4Mask, "128.0.0.0", {1}, "1"},
      {K::Ipv4Mask, "255.255.240.0", {20}, "20"},
      {K::Ipv4Mask, "255.255.255.255", {32}, "32"},

      {K::Ipv6Address, "2001:DB8:0:0:0:0:0:1", {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "2001:db8::1"},
      {K::Ipv6Address, "::", Bytes(16, 0), ""},
      {K::Ipv6Mask, "0", {0}, ""},
      {K::Ipv6Mask, "64", {64}, ""},
      {K::Ipv6Mask, "128", {128}, ""},
      {K::Ipv6Mask, "ffff:ffff:ffff:ffff::", {64}, "64"},
      {K::Ipv6Mask, "fe00::", {7}, "7"},
      {K::Ipv6Mask, "::", {0}, "0"},

      {K::Uint8, "0", {0}, ""},
      {K::Uint8, "255", {255}, ""},
      {K::Uint8, "0xff", {255}, ""},
      {K::Uint8, "0x7", {7}, ""},
      {K::Uint16, "65535", {255, 255}, ""},
      {K::Uint16, "0x1234", {0x12, 0x34}, ""},
      {K::Uint16, "80", {0, 80}, ""},
      {K::Uint16, "080", {0, 80}, "80"},
      {K::Uint16, "0X0aB", {0, 171}, "0xab"},
      {K::Connections, "65535", {255, 255}, ""},
      {K::VlanEncap, "60", {0, 60}, ""},
      {K::VlanEncap, "0x0806", {8, 6}, "arp"},
      {K::Uint32, "4294967295", {255, 255, 255, 255}, ""},
      {K::Uint32, "0x01020304", {1, 2, 3, 4}, "0x1020304"},
      {K::Dscp, "63", {63}, ""},
      {K::Dscp, "0x3f", {63}, ""},
      {K::VlanId, "4095", {0x0f, 0xff}, ""},
      {K::VlanId, "0xfff", {0x0f, 0xff}, ""},
      {K::VlanId, "0", {0, 0}, ""},

      {K::EtherType, "1536", {6, 0}, ""},
      {K::EtherType, "0x600", {6, 0}, ""},
      {K::EtherType, "65535", {255, 255}, ""},
      {K::EtherType, "arp", {0x08, 0x06}, ""},
      {K::EtherType, "rarp", {0x80, 0x35}, ""},
      {K::EtherType, "ipv4", {0x08, 0x00}, ""},
      {K::EtherType, "ipv6", {0x86, 0xdd}, ""},
      {K::EtherType, "vlan", {0x81, 0x00}, ""},

      {K::ConnState, "NEW,", {kStateNew}, "NEW"},
      {K::ConnState, ", ESTABLISHED  NEW", {kStateNew | kStateEstablished}, "NEW,ESTABLISHED"},

      {K::ArpOpcode, "0", {0, 0}, ""},
      {K::ArpOpcode, "0x100", {1, 0}, "256"},
      {K::ArpOpcode, "1", {0, 1}, "Request"},
      {K::ArpOpcode, "65535", {255, 255}, ""},
      {K::ArpOpcode, "Request", {0, 1}, ""},
      {K::ArpOpcode, "request", {0, 1}, "Request"},
      {K::ArpOpcode, "Reply", {0, 2}, ""},
      {K::ArpOpcode, "Request_Reverse", {0, 3}, ""},
      {K::ArpOpcode, "reply_Reverse", {0, 4}, "Reply_Reverse"},
      {K::ArpOpcode, "DRARP_Request", {0, 5}, ""},
      {K::ArpOpcode, "DRARP_Reply", {0, 6}, ""},
      {K::ArpOpcode, "DRARP_Error", {0, 7}, ""},
      {K::ArpOpcode, "InARP_Request", {0, 8}, ""},
      {K::ArpOpcode, "ARP_NAK", {0, 9}, ""},

      {K::IpProtocol, "0", {0}, ""},
      {K::IpProtocol, "255", {255}, ""},
      {K::IpProtocol, "0x11", {17}, "udp"},
      {K::IpProtocol, "0X0FD", {253}, "0xfd"},
      {K::IpProtocol, "icmp", {1}, ""},
      {K::IpProtocol, "igmp", {2}, ""},
      {K::IpProtocol, "tcp", {6}, ""},
      {K::IpProtocol, "udp", {17}, ""},
      {K::IpProtocol, "esp", {50}, ""},
      {K::IpProtocol, "ah", {51}, ""},
      {K::IpProtocol, "icmpv6", {58}, ""},
      {K::IpProtocol, "sctp", {132}, ""},
      {K::IpProtocol, "udplite", {136}, ""},

      {K::Boolean, "true", {1}, ""},
      {K::Boolean, "yes", {1}, "true"},
      {K::Boolean, "1", {1}, "true"},
      {K::Boolean, "false", {0}, ""},
      {K::Boolean, "no", {0}, "false"},
      {K::Boolean, "0", {0}, "false"},

      {K::TcpFlags, "SYN/SYN", {2, 2}, ""},
      {K::TcpFlags, "FIN,SYN,RST,PSH,ACK,URG/NONE", {0x3f, 0}, "ALL/NONE"},
      {K::TcpFlags, "ALL/ALL", {0x3f, 0x3f}, ""},
      {K::TcpFlags, "NONE/NONE", {0, 0}, ""},
      {K::TcpFlags, "ACK,SYN/SYN", {0x12, 2}, "SYN,ACK/SYN"},
      {K::TcpFlags, "URG,PSH/PSH", {0x28, 8}, "PSH,URG/PSH"},
      {K::TcpFlags, "FIN,RST/RST", {5, 4}, ""},

      {K::ConnState, "NEW", {kStateNew}, ""},
      {K::ConnState, "NONE", {kStateNone}, ""},
      {K::ConnState, "ESTABLISHED,NEW", {kStateNew | kStateEstablished}, "NEW,ESTABLISHED"},
      {K::ConnState, "INVALID,RELATED", {kStateInvalid | kStateRelated}, "RELATED,INVALID"},
      {K::ConnState,
       "NEW,ESTABLISHED,RELATED,INVALID",
       {kStateNew | kStateEstablished | kStateRelated | kStateInvalid},
       ""},

      {K::IpsetFlags, "src", {0}, ""},
      {K::IpsetFlags, "dst", {1}, ""},
      {K::IpsetFlags, "SRC,Dst,src", {0, 1, 0}, "src,dst,src"},
      {K::IpsetFlags, "src,src,src,dst,dst,dst", {0, 0, 0, 1, 1, 1}, ""},
  };
  return cases;
}

std::string name_of(K kind) { return "kind " + std::to_string(static_cast<int>(kind)); }

TEST(Value, GoodTextsGiveTheBytesOfAPacket) {
  for (const Good& given : good_values()) {
    SCOPED_TRACE(name_of(given.kind) + " '" + given.text + "'");
    const auto literal = parse_literal(given.kind, given.text);
    ASSERT_TRUE(literal) << describe(literal.error());
    EXPECT_EQ(literal->bytes, given.bytes);
    const std::size_t width = value_width(given.kind);
    EXPECT_TRUE(width == 0 || literal->bytes.size() == width);
  }
}

TEST(Value, TextsBecomeCanonical) {
  for (const Good& given : good_values()) {
    SCOPED_TRACE(name_of(given.kind) + " '" + given.text + "'");
    const auto literal = parse_literal(given.kind, given.text);
    ASSERT_TRUE(literal);
    EXPECT_EQ(literal->text, given.canonical.empty() ? given.text : given.canonical);
  }
}

// What dumpxml prints is defined again by users.
TEST(Value, CanonicalTextReadsBackAsItself) {
  for (const Good& given : good_values()) {
    SCOPED_TRACE(name_of(given.kind) + " '" + given.text + "'");
    const auto literal = parse_literal(given.kind, given.text);
    ASSERT_TRUE(literal);
    const auto again = parse_literal(given.kind, literal->text);
    ASSERT_TRUE(again) << describe(again.error());
    EXPECT_EQ(*again, *literal);
  }
}

struct Bad {
  K kind;
  std::vector<std::string> texts;
};

TEST(Value, BadTextsAreRefusedAndTheErrorSaysWhatIsRight) {
  const std::vector<Bad> cases = {
      {K::MacAddress,
       {"", "52:54:00:ab:cd", "52:54:00:ab:cd:ef:01", "52-54-00-ab-cd-ef", "525400abcdef", "52:54:00:ab:cd:eg",
        "52:54:00:ab:cd:0ef", "52:54:00:ab:cd:", " 52:54:00:ab:cd:ef", "52:54:00:ab:cd:ef "}},
      {K::MacMask, {"", "24", "ff:ff:ff", "01:00:00:00:00:00", "ff:00:ff:00:00:00"}},
      {K::Connections, {"", "0x1", "65536", "-1"}},
      {K::VlanEncap, {"", "59", "0x3b", "65536", "ip"}},
      {K::Ipv4Address, {"", "192.0.2", "192.0.2.256", "192.0.2.1.1", "192.0.2.-1", "2001:db8::1", "192.0.2.1/24", "a"}},
      {K::Ipv4Mask, {"", "33", "-1", "/24", "255.255.255", "255.255.255.256", "ffff::", "x", "24 "}},
      // bits must be one run from the left
      {K::Ipv4Mask, {"255.0.255.0", "0.0.0.255", "255.255.255.253"}},
      {K::Ipv6Address, {"", "192.0.2.1", "2001:db8::1::2", "2001:db8:1", "g::", "fe80::1%eth0", "2001:db8::/32"}},
      {K::Ipv6Mask, {"", "129", "-1", "255.255.255.0", "ffff:0:ffff::", "::1"}},
      {K::Uint8, {"", "256", "-1", "+1", "0x100", "0x", "x", "1 ", " 1", "1.0", "ff", "99999999999999999999999"}},
      {K::Uint16, {"", "65536", "0x10000", "-1", "http"}},
      {K::Uint32, {"", "4294967296", "0x100000000", "-1"}},
      {K::Dscp, {"", "64", "0x40", "-1", "af11"}},
      {K::VlanId, {"", "4096", "0x1000", "-1"}},
      {K::EtherType, {"", "1535", "0x5ff", "65536", "0x10000", "ip", "tcp"}},
      {K::ArpOpcode, {"", "65536", "-1", "Ask", "Request Reverse", "NAK"}},
      {K::IpProtocol, {"", "256", "0x100", "-1", "ospf", "ip"}},
      {K::Boolean, {"", "2", "on", "truth", "-"}},
      {K::TcpFlags,
       {"", "SYN", "/", "/SYN", "SYN/ECE", "SYN,/SYN", "SYN+ACK/SYN", "SYN/SYN/SYN", "2/2", "SYN,ALL/SYN"}},
      {K::ConnState, {"", " ", ",", "OPEN", "NEW;ESTABLISHED", "NEW,NONE", "NONE,NEW", "1"}},
      {K::IpsetName, {"", std::string(32, 'a'), "a/b", "a,b", "$", "a\nb", "ü"}},
      {K::IpsetFlags, {"", "source", "src,", "src dst", "src,src,src,src,src,src,src"}},
      {K::Comment, {std::string(257, 'a')}},
  };
  for (const Bad& given : cases)
    for (const std::string& text : given.texts) {
      SCOPED_TRACE(name_of(given.kind) + " '" + text + "'");
      const auto literal = parse_literal(given.kind, text);
      ASSERT_FALSE(literal) << "read as " << literal->text;
      EXPECT_EQ(literal.error().kind, ErrorKind::Invalid);
      EXPECT_FALSE(literal.error().remedy.empty());
      EXPECT_THAT(literal.error().message, HasSubstr(shown(text)));
    }
}

TEST(Value, AnErrorDoesNotRepeatAVeryLongText) {
  const auto literal = parse_literal(K::Uint8, std::string(100'000, '9'));
  ASSERT_FALSE(literal);
  EXPECT_LT(describe(literal.error()).size(), 400U);
}

TEST(Value, ATextWithAZeroByteIsNotTheTextBeforeIt) {
  for (const K kind : {K::Ipv4Address, K::Ipv4Mask})
    EXPECT_FALSE(parse_literal(kind, std::string("255.0.0.0\0x", 11))) << name_of(kind);
  EXPECT_FALSE(parse_literal(K::Ipv6Address, std::string("::1\0", 4)));
  EXPECT_FALSE(parse_literal(K::Uint8, std::string("1\0", 2)));
}

TEST(Value, NamesOfIpsetsKeepTheirLettersAndBlanks) {
  for (const std::string name : {"a", "My set-1_2.3:4+5", "0123456789012345678901234567890"}) {
    const auto literal = parse_literal(K::IpsetName, name);
    ASSERT_TRUE(literal) << name;
    EXPECT_EQ(literal->text, name);
  }
}

TEST(Value, ACommentIsTextUpTo256Characters) {
  const std::string longest(256, 'x');
  const auto literal = parse_literal(K::Comment, longest);
  ASSERT_TRUE(literal);
  EXPECT_EQ(literal->text, longest);
  EXPECT_TRUE(parse_literal(K::Comment, ""));
  EXPECT_EQ(parse_literal(K::Comment, "a $(b) 'c' \"d\"")->text, "a $(b) 'c' \"d\"");
}

// A comment may talk about money.
TEST(Value, ACommentIsNeverAVariable) {
  for (const bool variables : {false, true}) {
    const auto operand = parse_operand(K::Comment, "$IP", variables);
    ASSERT_TRUE(operand);
    ASSERT_TRUE(std::holds_alternative<Literal>(*operand));
    EXPECT_EQ(std::get<Literal>(*operand).text, "$IP");
  }
}

TEST(Variable, TextsThatNameOne) {
  using Access = VariableRef::Access;
  struct Case {
    std::string text;
    VariableRef ref;
    std::string canonical;
  };
  const std::vector<Case> cases = {
      {"$IP", {"IP", Access::Iterator, 0}, "$IP"},
      {"$a_B9", {"a_B9", Access::Iterator, 0}, "$a_B9"},
      {"$0", {"0", Access::Iterator, 0}, "$0"},
      {"$A[0]", {"A", Access::Subscript, 0}, "$A[0]"},
      {"$A[2]", {"A", Access::Subscript, 2}, "$A[2]"},
      {"$A[@1]", {"A", Access::Iterator, 1}, "$A[@1]"},
      {"$A[@0]", {"A", Access::Iterator, 0}, "$A"},
      {"$A[007]", {"A", Access::Subscript, 7}, "$A[7]"},
      // the schema allows blanks in these places
      {"$ A", {"A", Access::Iterator, 0}, "$A"},
      {"$A ", {"A", Access::Iterator, 0}, "$A"},
      {"$  A[ 3 ] ", {"A", Access::Subscript, 3}, "$A[3]"},
      {"$A[ @3 ]", {"A", Access::Iterator, 3}, "$A[@3]"},
  };
  for (const Case& given : cases) {
    SCOPED_TRACE(given.text);
    const auto operand = parse_operand(K::Ipv4Address, given.text, true);
    ASSERT_TRUE(operand) << describe(operand.error());
    ASSERT_TRUE(std::holds_alternative<VariableRef>(*operand));
    const VariableRef& ref = std::get<VariableRef>(*operand);
    EXPECT_EQ(ref, given.ref);
    EXPECT_EQ(ref.text(), given.canonical);
    const auto again = parse_operand(K::Ipv4Address, ref.text(), true);
    ASSERT_TRUE(again) << describe(again.error());
    EXPECT_EQ(*again, *operand);
  }
}

TEST(Variable, TextsThatNameNone) {
  for (const std::string text :
       {"$",    "$ ",     "$[1]",   "$-A",      "$A-B",    "$A B",    "$A.B",    "$ü",
        "$A[]", "$A[ ]",  "$A[@]",  "$A[x]",    "$A[-1]",  "$A[@-1]", "$A[+1]",  "$A[1",
        "$A]",  "$A[1]]", "$A[1]x", "$A[1][2]", "$A[@@1]", "$A[1.0]", "$A[0x1]", "$A[99999999999999999999]",
        "$A$B", "$$A"}) {
    SCOPED_TRACE(text);
    const auto operand = parse_operand(K::Ipv4Address, text, true);
    ASSERT_FALSE(operand);
    EXPECT_EQ(operand.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(operand.error().message, HasSubstr(text));
  }
}

TEST(Variable, IsRefusedWhereOnlyTextIsTaken) {
  for (const K kind : {K::TcpFlags, K::ConnState, K::IpsetFlags, K::Boolean}) {
    const auto operand = parse_operand(kind, "$A", false);
    ASSERT_FALSE(operand) << name_of(kind);
    EXPECT_EQ(operand.error().kind, ErrorKind::Invalid);
    EXPECT_THAT(operand.error().message, HasSubstr("variable"));
  }
}

TEST(Variable, IsOneOfEveryKindThatTakesThem) {
  for (const K kind :
       {K::MacAddress, K::MacMask, K::Ipv4Address, K::Ipv4Mask, K::Ipv6Address, K::Ipv6Mask, K::Uint8, K::Uint16,
        K::Uint32, K::Dscp, K::VlanId, K::EtherType, K::ArpOpcode, K::IpProtocol, K::IpsetName}) {
    const auto operand = parse_operand(kind, "$A[@1]", true);
    ASSERT_TRUE(operand) << name_of(kind);
    EXPECT_TRUE(std::holds_alternative<VariableRef>(*operand)) << name_of(kind);
  }
}

TEST(Operand, WithoutDollarIsALiteral) {
  const auto operand = parse_operand(K::Ipv4Address, "192.0.2.1", true);
  ASSERT_TRUE(operand);
  EXPECT_EQ(std::get<Literal>(*operand).bytes, (Bytes{192, 0, 2, 1}));
  const auto wrong = parse_operand(K::Ipv4Address, "IP", true);
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, Not(HasSubstr("variable")));
}

TEST(Number, BytesAreBigEndian) {
  EXPECT_EQ(to_bytes(0x0102, 2), (Bytes{1, 2}));
  EXPECT_EQ(to_bytes(7, 4), (Bytes{0, 0, 0, 7}));
  EXPECT_EQ(to_bytes(0, 0), Bytes{});
  EXPECT_EQ(to_number({1, 2, 3}), 0x010203U);
  EXPECT_EQ(to_number({}), 0U);
}

TEST(Number, BytesAndNumbersAreEachOthersInverse) {
  for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{255}, std::uint64_t{0x1234'5678'9abc'def0}})
    EXPECT_EQ(to_number(to_bytes(number, 8)), number);
}

}  // namespace
}  // namespace nwf
