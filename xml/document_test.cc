// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/document.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace nwf::xml {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kFile = "a.xml";

Element read(std::string_view text) {
  auto root = read_document(text, kFile);
  EXPECT_TRUE(root) << describe(root.error());
  return root ? *std::move(root) : Element{};
}

Error refused(std::string_view text) {
  auto root = read_document(text, kFile);
  EXPECT_FALSE(root) << "read as <" << root->name << ">";
  return root ? Error{} : std::move(root).error();
}

/// The first element of this name, in the order of the text.
const Element* find(const Element& element, std::string_view name) {
  if (element.name == name) return &element;
  for (const Element& child : element.children)
    if (const Element* found = find(child, name)) return found;
  return nullptr;
}

/// Where `needle` stands in `text`, counted as an editor does.
Source place_of(std::string_view text, std::string_view needle) {
  const std::size_t at = text.find(needle);
  EXPECT_NE(at, std::string_view::npos);
  const std::string_view before = text.substr(0, at);
  const std::size_t line_end = before.rfind('\n');
  return {kFile, static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          static_cast<int>(line_end == std::string_view::npos ? at + 1 : at - line_end)};
}

std::string place(const Source& source) { return fmt::format("{}:{}:{}", source.file, source.line, source.column); }

TEST(Document, IsATreeOfElementsWithAttributesAndText) {
  const Element root = read("<a one='1' two=\"2\">x<b/>y<c three=''><d/></c>z</a>");
  EXPECT_EQ(root.name, "a");
  ASSERT_EQ(root.attributes.size(), 2U);
  EXPECT_EQ(root.attributes[0].name, "one");
  EXPECT_EQ(root.attributes[1].name, "two");
  EXPECT_EQ(root.attributes[1].value, "2");
  EXPECT_EQ(root.text, "xyz");
  ASSERT_EQ(root.children.size(), 2U);
  EXPECT_EQ(root.children[0].name, "b");
  EXPECT_EQ(root.children[1].name, "c");
  ASSERT_EQ(root.children[1].children.size(), 1U);
  EXPECT_EQ(root.children[1].children[0].name, "d");
  EXPECT_THAT(root.children[1].children[0].children, IsEmpty());
}

TEST(Document, AnAttributeIsFoundByItsWholeName) {
  const Element root = read("<a name='x' empty=''/>");
  ASSERT_NE(root.attribute("name"), nullptr);
  EXPECT_EQ(*root.attribute("name"), "x");
  ASSERT_NE(root.attribute("empty"), nullptr);
  EXPECT_EQ(*root.attribute("empty"), "");
  for (const char* other : {"nam", "Name", "names", ""}) EXPECT_EQ(root.attribute(other), nullptr) << other;
}

TEST(Document, TextLosesTheBlanksAtItsEndsOnly) {
  EXPECT_EQ(read("<a>\n\t one  two\r\n </a>").text, "one  two");
  EXPECT_EQ(read("<a> \n\t </a>").text, "");
  EXPECT_EQ(read("<a> one <b> inner </b> two </a>").text, "one  two");
}

TEST(Document, CharacterReferencesAndTheEntitiesOfXmlAreText) {
  const Element root =
      read("<a v='&lt;&gt;&quot;&apos;&#65;&#x42;&#228;'>&amp;&lt;&gt;&quot;&apos;&#65;&#x42;&#228;</a>");
  EXPECT_EQ(*root.attribute("v"), "<>\"'ABä");
  EXPECT_EQ(root.text, "&<>\"'ABä");
}

TEST(Document, ABlankOfAnAttributeIsKeptWhenItIsWrittenAsItsNumber) {
  const Element root = read("<a v='1\n2\t3&#10;4&#9;5&#13;'/>");
  EXPECT_EQ(*root.attribute("v"), "1 2 3\n4\t5\r");
}

TEST(Document, CdataIsTextAndNothingInItIsAnElement) {
  const Element root = read("<a>x<![CDATA[ <b c='1'> &amp; ]] > ]]>y</a>");
  EXPECT_EQ(root.text, "x <b c='1'> &amp; ]] > y");
  EXPECT_THAT(root.children, IsEmpty());
}

TEST(Document, CommentsAndProcessingInstructionsSayNothing) {
  const Element root = read(
      "<?xml version='1.0'?><!-- <before/> --><?style a?>\n<a>one<!-- <b/> & \"'-->two<?c <d/>?></a><!-- after --> \n");
  EXPECT_EQ(root.text, "onetwo");
  EXPECT_THAT(root.children, IsEmpty());
}

TEST(Document, AnXmlHeadAndAByteOrderMarkAreNoContent) {
  for (const char* text : {"<?xml version='1.0' encoding='UTF-8'?>\n<a v='ä'/>", "\xEF\xBB\xBF<a v='ä'/>",
                           "\xEF\xBB\xBF<?xml version='1.0' encoding='UTF-8'?>\n<a v='ä'/>", "\n  <a v='ä'/>"}) {
    const Element root = read(text);
    EXPECT_EQ(root.name, "a");
    ASSERT_NE(root.attribute("v"), nullptr);
    EXPECT_EQ(*root.attribute("v"), "ä");
  }
}

TEST(Document, TextInAnotherDeclaredEncodingIsRead) {
  const Element root = read("<?xml version='1.0' encoding='ISO-8859-1'?>\n<a v='\xE4'>\xF6</a>");
  ASSERT_NE(root.attribute("v"), nullptr);
  EXPECT_EQ(*root.attribute("v"), "ä");
  EXPECT_EQ(root.text, "ö");
  EXPECT_EQ(root.source.line, 2);
}

TEST(Document, AnIncludeIsAnElementLikeAnother) {
  const Element root =
      read("<a xmlns:xi='http://www.w3.org/2001/XInclude'><xi:include href='file:///etc/passwd' parse='text'/></a>");
  EXPECT_EQ(root.text, "");
  ASSERT_EQ(root.children.size(), 1U);
  EXPECT_EQ(root.children[0].name, "xi:include");
  EXPECT_EQ(root.children[0].text, "");
}

TEST(Document, APrefixIsPartOfANameSoThatNothingWithOneIsMistakenForOurs) {
  const Element root = read("<a xmlns:p='urn:x' filter='one' p:filter='two'><p:b/></a>");
  ASSERT_NE(root.attribute("filter"), nullptr);
  EXPECT_EQ(*root.attribute("filter"), "one");
  ASSERT_NE(root.attribute("p:filter"), nullptr);
  EXPECT_EQ(root.children.at(0).name, "p:b");
}

TEST(Document, EntitiesInAttributesAreTheirCharacters) {
  const Element root = read("<a v='&amp;&lt;&gt;&apos;&quot;&#38;&#x26;' w='&amp;amp;'/>");
  EXPECT_EQ(*root.attribute("v"), "&<>'\"&&");
  EXPECT_EQ(*root.attribute("w"), "&amp;");
}

TEST(ElementPlace, IsThatOfTheBracketOfItsStartTag) {
  const std::string text =
      "<?xml version='1.0'?>\n"
      "<!-- <no/> -->\n"
      "<root>\n"
      "  <one/><two a='1'>text</two>\n"
      "\t<three\n"
      "     a='1'\n"
      "     b='2 > 1'\n"
      "  /><four/>\n"
      "  <![CDATA[ <no/>\n <no/> ]]> <five/><!--\n"
      "<no/> --><six a='&lt;'/>\n"
      "</root>\n";
  const Element root = read(text);
  const std::vector<std::pair<std::string, Source>> expected = {
      {"root", {kFile, 3, 1}}, {"one", {kFile, 4, 3}},    {"two", {kFile, 4, 9}},   {"three", {kFile, 5, 2}},
      {"four", {kFile, 8, 5}}, {"five", {kFile, 10, 12}}, {"six", {kFile, 11, 10}},
  };
  for (const auto& [name, where] : expected) {
    SCOPED_TRACE(name);
    const Element* element = find(root, name);
    ASSERT_NE(element, nullptr);
    EXPECT_EQ(place(element->source), place(where));
    EXPECT_EQ(place(place_of(text, "<" + name)), place(where)) << "the test is wrong";
  }
}

TEST(ElementPlace, CountsLinesThatEndAsOnWindows) {
  const Element root = read("<a>\r\n  <b/>\r\n  <c\r\n  d='1'/><e/>\r\n</a>");
  EXPECT_EQ(place(find(root, "b")->source), "a.xml:2:3");
  EXPECT_EQ(place(find(root, "c")->source), "a.xml:3:3");
  EXPECT_EQ(place(find(root, "e")->source), "a.xml:4:10");
}

TEST(ElementPlace, IsRightBehindAByteOrderMark) {
  const Element root = read("\xEF\xBB\xBF<a>\n  <b/>\n</a>");
  EXPECT_EQ(root.source.line, 1);
  EXPECT_EQ(place(find(root, "b")->source), "a.xml:2:3");
}

// The text is handed to the parser in pieces, and the parser moves its buffer on: neither may show.
TEST(ElementPlace, IsRightFarIntoALongLine) {
  for (const std::size_t filler : {100U, 4'090U, 4'096U, 5'000U, 100'000U, 1'000'000U}) {
    SCOPED_TRACE(filler);
    for (const bool as_attribute : {false, true}) {
      std::string text = "<root>\n";
      text += as_attribute ? "<filler a='" + std::string(filler, 'x') + "'/>"
                           : "<filler/>" + std::string(filler, 'x') + "<![CDATA[<no/>]]>";
      text += "<one a='1'/> <two/>\n <three/></root>";
      const Element root = read(text);
      for (const char* name : {"filler", "one", "two", "three"}) {
        const Element* element = find(root, name);
        ASSERT_NE(element, nullptr);
        EXPECT_EQ(place(element->source), place(place_of(text, fmt::format("<{}", name))));
      }
    }
  }
}

TEST(ElementPlace, IsRightWhereverThePiecesOfTheTextEnd) {
  for (std::size_t filler = 4'000; filler < 4'110; ++filler) {
    const std::string text = "<root>\n" + std::string(filler, ' ') + "<one a='1'\n b='ä'/>\r\n<two/></root>";
    const Element root = read(text);
    const Element* one = find(root, "one");
    const Element* two = find(root, "two");
    ASSERT_TRUE(one != nullptr && two != nullptr) << filler;
    EXPECT_EQ(place(one->source), place(place_of(text, "<one"))) << filler;
    EXPECT_EQ(place(two->source), place(place_of(text, "<two"))) << filler;
    EXPECT_EQ(*one->attribute("b"), "ä") << filler;
  }
}

TEST(ElementPlace, IsRightForEachOfVeryManyElements) {
  std::string text = "<root>\n";
  for (int i = 0; i < 5'000; ++i) text += i % 7 == 0 ? "  <e a='\n'/>\n" : "<e/> ";
  text += "</root>";
  const Element root = read(text);
  ASSERT_EQ(root.children.size(), 5'000U);
  std::size_t at = 0;
  int line = 1;
  std::size_t line_start = 0;
  for (const Element& child : root.children) {
    const std::size_t start = text.find("<e", at);
    for (; at < start; ++at)
      if (text[at] == '\n') {
        ++line;
        line_start = at + 1;
      }
    at = start + 1;
    ASSERT_EQ(place(child.source), place({kFile, line, static_cast<int>(start - line_start) + 1}));
  }
}

TEST(Document, LongTextAndLongAttributesArriveWhole) {
  // two bytes a letter: the pieces of the text end within one at one of the two offsets
  for (const std::size_t shift : {0U, 1U}) {
    std::string letters;
    for (int i = 0; i < 100'000; ++i) letters += "ä";
    const std::string text = fmt::format("{:{}}<a v='{}'>{}<![CDATA[{}]]></a>", "", shift, letters, letters, letters);
    const Element root = read(text);
    ASSERT_NE(root.attribute("v"), nullptr);
    EXPECT_TRUE(*root.attribute("v") == letters);
    EXPECT_TRUE(root.text == letters + letters);
  }
}

struct Bad {
  std::string name;
  std::string text;
  std::string message;  ///< part of it
  int line;             ///< 0: there is no one place
};

TEST(Document, RefusesWhatIsNotWellFormedWithItsLine) {
  const std::string not_well_formed = "not well-formed XML";
  const std::vector<Bad> cases = {
      {"no XML at all", "hello", not_well_formed, 1},
      {"text before the root", "hello <a/>", not_well_formed, 1},
      {"text behind the root", "<a/>\nhello", not_well_formed, 2},
      {"two roots", "<a/>\n<b/>", not_well_formed, 2},
      {"only a head", "<?xml version='1.0'?>\n", "", 0},
      {"only a comment", "<!-- a -->", "", 0},
      {"not closed", "<a>\n<b>\n</b>\n", not_well_formed, 0},
      {"closed by another", "<a>\n<b>\n</a>", not_well_formed, 3},
      {"closed twice", "<a></a>\n</a>", not_well_formed, 2},
      {"crossed", "<a><b>\n</a></b>", not_well_formed, 2},
      {"cut in a tag", "<a>\n<b c='1'", not_well_formed, 0},
      {"cut in a value", "<a>\n<b c='1", not_well_formed, 0},
      {"cut in a comment", "<a>\n<!-- b", not_well_formed, 0},
      {"cut in CDATA", "<a>\n<![CDATA[ b", not_well_formed, 0},
      {"a value without quotes", "<a>\n<b c=1/></a>", not_well_formed, 2},
      {"an attribute without value", "<a>\n<b c/></a>", not_well_formed, 2},
      {"attributes without a blank between them", "<a>\n<b c='1'd='2'/></a>", not_well_formed, 2},
      {"quotes that differ", "<a>\n<b c='1\"/></a>", not_well_formed, 0},
      {"the same attribute twice", "<a>\n<b c='1' c='2'/></a>", not_well_formed, 2},
      {"the same attribute twice with the same value", "<a>\n<b c='1' d='' c='1'/></a>", not_well_formed, 2},
      {"a bracket in a value", "<a>\n<b c='<'/></a>", not_well_formed, 2},
      {"a bracket in text", "<a>\n1 < 2</a>", not_well_formed, 2},
      {"an ampersand in text", "<a>\n1 & 2</a>", not_well_formed, 2},
      {"an ampersand in a value", "<a>\n<b c='1&2'/></a>", not_well_formed, 2},
      {"an entity that is not defined", "<a>\n&nbsp;</a>", not_well_formed, 2},
      {"an entity that is not defined, in a value", "<a>\n<b c='&x;'/></a>", not_well_formed, 2},
      {"a reference to a zero byte", "<a>\n&#0;</a>", not_well_formed, 2},
      {"a reference to a control character", "<a>\n<b c='&#1;'/></a>", not_well_formed, 2},
      {"a reference beyond Unicode", "<a>\n&#x110000;</a>", not_well_formed, 2},
      {"a control character", "<a>\n\x01</a>", not_well_formed, 2},
      {"two dashes in a comment", "<a>\n<!-- b -- c --></a>", not_well_formed, 2},
      {"the end of CDATA without its start", "<a>\n]]></a>", not_well_formed, 2},
      {"a blank before the name", "<a>\n< b/></a>", not_well_formed, 2},
      {"a name that begins with a digit", "<a>\n<1/></a>", not_well_formed, 2},
      {"a head that is not at the start", "<a>\n<?xml version='1.0'?></a>", not_well_formed, 2},
      {"a prefix that is not declared", "<a>\n<x:b/></a>", not_well_formed, 2},
      {"bytes that are no UTF-8", "<a>\n<b c='\xE4'/></a>", not_well_formed, 2},
      {"UTF-8 that is cut", "<a>\n\xC3</a>", not_well_formed, 2},
      {"UTF-8 that is longer than needed", "<a>\n\xC0\xBC</a>", not_well_formed, 2},
      {"a surrogate", "<a>\n\xED\xA0\x80</a>", not_well_formed, 2},
      {"bytes that are not of the declared encoding", "<?xml version='1.0' encoding='UTF-8'?>\n<a b='\xE4'/>",
       not_well_formed, 2},
      {"an encoding that does not exist", "<?xml version='1.0' encoding='klingon'?>\n<a/>", not_well_formed, 1},
  };
  for (const Bad& given : cases) {
    SCOPED_TRACE(given.name);
    const Error error = refused(given.text);
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr(given.message));
    EXPECT_FALSE(error.message.empty());
    EXPECT_EQ(error.where.file, kFile);
    EXPECT_GE(error.where.line, 1);
    EXPECT_GE(error.where.column, 1);
    EXPECT_TRUE(given.line == 0 || error.where.line == given.line) << describe(error);
  }
}

TEST(Document, RefusesAnEmptyText) {
  for (const char* text : {"", " ", "\n\t \r\n"}) {
    const Error error = refused(text);
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr("empty"));
    EXPECT_EQ(place(error.where), "a.xml:1:1");
  }
}

TEST(Document, RefusesAZeroByteWhereverItStands) {
  using namespace std::string_literals;
  for (const std::string& text : {"<a/>\0"s, "\0<a/>"s, "<a>\0</a>"s, "<a b='\0'/>"s, "<a/>\0<!DOCTYPE a>"s,
                                  "<a>" + std::string(10'000, ' ') + "\0</a>"s}) {
    const Error error = refused(text);
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr("zero byte"));
  }
}

TEST(Document, ReadsTextsUpToItsLimitAndNoLongerOnes) {
  const std::string start = "<a>";
  const std::string end = "</a>";
  const std::string longest = start + std::string(kMaxDocumentBytes - start.size() - end.size(), ' ') + end;
  EXPECT_EQ(read(longest).name, "a");
  const Error error = refused(longest + "\n");
  EXPECT_EQ(error.kind, ErrorKind::Invalid);
  EXPECT_THAT(error.message, HasSubstr(fmt::format("{}", kMaxDocumentBytes)));
  EXPECT_EQ(error.where.file, kFile);
}

std::string nested(int depth) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += "<a>\n";
  for (int i = 0; i < depth; ++i) text += "</a>";
  return text;
}

TEST(Document, ReadsElementsAsDeepAsItsLimitAndNoDeeper) {
  EXPECT_EQ(read(nested(kMaxDepth)).name, "a");
  for (const int depth : {kMaxDepth + 1, 100'000}) {
    const Error error = refused(nested(depth));
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr("deeper"));
    EXPECT_EQ(place(error.where), fmt::format("a.xml:{}:1", kMaxDepth + 1));
  }
}

TEST(Document, ManySiblingsAreNotDeep) {
  std::string text = "<a>";
  for (int i = 0; i < 10 * kMaxDepth; ++i) text += "<b/><c></c>";
  EXPECT_EQ(read(text + "</a>").children.size(), 2U * 10U * kMaxDepth);
}

std::string billion_laughs() {
  std::string text = "<!DOCTYPE a [\n<!ENTITY e0 'ha'>\n";
  for (int i = 1; i <= 12; ++i) {
    text += fmt::format("<!ENTITY e{} '", i);
    for (int j = 0; j < 10; ++j) text += fmt::format("&e{};", i - 1);
    text += "'>\n";
  }
  return text + "]>\n<a b='&e12;'>&e12;</a>";
}

TEST(Document, RefusesEveryDocumentType) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"empty", "<!DOCTYPE a><a/>"},
      {"entities that multiply", billion_laughs()},
      {"an entity of one character", "<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"},
      {"one that grows by repeating",
       "<!DOCTYPE a [<!ENTITY e '" + std::string(50'000, 'x') + "'>]><a>&e;&e;&e;&e;</a>"},
      {"one within itself", "<!DOCTYPE a [<!ENTITY e '&f;'><!ENTITY f '&e;'>]><a>&e;</a>"},
      {"an external subset", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"},
      {"an external subset on the network", "<!DOCTYPE a SYSTEM 'http://192.0.2.1/a.dtd'><a/>"},
      {"a public one", "<!DOCTYPE a PUBLIC '-//W3C//DTD HTML 4.01//EN' 'http://192.0.2.1/a.dtd'><a/>"},
      {"an external entity", "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>"},
      {"an external entity in a value", "<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a b='&e;'/>"},
      {"a parameter entity", "<!DOCTYPE a [<!ENTITY % e SYSTEM 'file:///etc/passwd'> %e;]><a/>"},
      {"attributes by default", "<!DOCTYPE a [<!ATTLIST a b CDATA 'x'>]><a/>"},
      {"behind a head", "<?xml version='1.0' standalone='no'?><!DOCTYPE a SYSTEM '/etc/passwd'><a/>"},
      {"behind a byte order mark", "\xEF\xBB\xBF<!DOCTYPE a SYSTEM '/etc/passwd'><a/>"},
      {"behind a long comment", "<!-- " + std::string(10'000, 'x') + " --><!DOCTYPE a><a/>"},
      {"in another encoding", "<?xml version='1.0' encoding='ISO-8859-1'?><!DOCTYPE a><a/>"},
  };
  for (const auto& [name, text] : cases) {
    SCOPED_TRACE(name);
    const Error error = refused(text);
    EXPECT_EQ(error.kind, ErrorKind::Invalid);
    EXPECT_THAT(error.message, HasSubstr("DOCTYPE"));
    EXPECT_THAT(error.remedy, HasSubstr("remove it"));
    EXPECT_THAT(describe_all(error), Not(HasSubstr("root:")));
    EXPECT_EQ(error.where.file, kFile);
    EXPECT_EQ(error.where.line, 1);
    EXPECT_GE(error.where.column, 1);
  }
}

TEST(Document, SaysInWhichLineTheDocumentTypeStands) {
  const Error error = refused("<?xml version='1.0'?>\n<!-- a\nb -->\n  <!DOCTYPE a [\n<!ENTITY e 'x'>\n]>\n<a/>");
  EXPECT_THAT(error.message, HasSubstr("DOCTYPE"));
  EXPECT_EQ(error.where.line, 4);
}

TEST(Document, AWordDoctypeElsewhereIsNone) {
  const Element root = read("<a b='&lt;!DOCTYPE a>'><!-- <!DOCTYPE a> --><![CDATA[<!DOCTYPE a>]]></a>");
  EXPECT_EQ(root.text, "<!DOCTYPE a>");
}

TEST(Document, NothingOfAnExternalFileIsReadOrTold) {
  const std::filesystem::path secret = std::filesystem::temp_directory_path() / "nwf-document-test-secret";
  std::ofstream(secret) << "<secret>4711</secret>";
  for (const std::string& text :
       {fmt::format("<!DOCTYPE a [<!ENTITY e SYSTEM 'file://{}'>]><a>&e;</a>", secret.string()),
        fmt::format("<!DOCTYPE a [<!ENTITY % e SYSTEM '{}'>%e;]><a/>", secret.string()),
        fmt::format("<!DOCTYPE a SYSTEM '{}'><a/>", secret.string())})
    EXPECT_THAT(describe_all(refused(text)), Not(HasSubstr("4711")));
  std::filesystem::remove(secret);
}

TEST(Document, TheParserPrintsNothing) {
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  static_cast<void>(read_document("<a>\n<b></a>", kFile));
  static_cast<void>(read_document("<!DOCTYPE a SYSTEM '/nowhere'><a>&x;</a>", kFile));
  static_cast<void>(read_document("<a xmlns='not an URI'/>", kFile));
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST(Document, OneTextLeavesNothingBehindForTheNext) {
  static_cast<void>(read_document("<a>\n\n\n<b></a>", kFile));
  const Element root = read("<a>\n<b/></a>");
  EXPECT_EQ(place(root.source), "a.xml:1:1");
  EXPECT_EQ(place(root.children.at(0).source), "a.xml:2:1");
  EXPECT_EQ(describe(refused("<a>\n<b></a>")), describe(refused("<a>\n<b></a>")));
}

// A mistake behind so much text that the parser has moved its buffer on many times.
struct FarMistake {
  std::string name;
  std::string text;  ///< what stands at the far end; the place is that of its first byte…
  int further;       ///< …and at most this many columns on: the parser stops where it knows that something is wrong
};

TEST(Document, WhatTheParserSaysIsNotAtALengthTheTextDecides) {
  const auto read = read_document("<n><" + std::string(1500, 'a') + "></" + std::string(1500, 'b') + "></n>", "a.xml");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, ::testing::HasSubstr("tag mismatch"));
  EXPECT_LT(describe(read.error()).size(), 400U);
}

TEST(MistakePlace, IsRightFarIntoALongLine) {
  const std::vector<FarMistake> mistakes = {
      {"an undefined entity", "&undefined;", 11},
      {"the wrong end tag", "</wrong>", 8},
      {"a doubled attribute", "<e f='1' f='2'/>", 16},
      {"an ampersand", "& ", 3},
      {"a control character", "\x02", 2},
  };
  for (const FarMistake& mistake : mistakes)
    for (const std::size_t filler : {10U, 5'000U, 100'000U, 300'000U})
      for (const bool one_line : {true, false}) {
        SCOPED_TRACE(fmt::format("{} behind {} bytes, {}", mistake.name, filler, one_line ? "one line" : "two lines"));
        std::string before = "<root>\n<filler a='" + std::string(filler / 2, 'x') + "'/>";
        if (!one_line) before += '\n';
        before += std::string(filler / 2, 'y');
        const Error error = refused(before + mistake.text + "</root>");
        const Source start = place_of(before + "\xFF", "\xFF");
        EXPECT_EQ(error.where.line, start.line);
        EXPECT_GE(error.where.column, start.column);
        EXPECT_LE(error.where.column, start.column + mistake.further);
      }
}

TEST(MistakePlace, IsRightForADocumentTypeBehindALongComment) {
  for (const std::size_t filler : {10U, 5'000U, 100'000U}) {
    const std::string before = "<!--" + std::string(filler, 'x') + "-->";
    const Error error = refused(before + "<!DOCTYPE a []><a/>");
    EXPECT_THAT(error.message, HasSubstr("DOCTYPE"));
    EXPECT_EQ(error.where.line, 1);
    EXPECT_GE(error.where.column, static_cast<int>(before.size()) + 1);
    EXPECT_LE(error.where.column, static_cast<int>(before.size()) + 15);
  }
}

TEST(MistakePlace, IsRightForElementsThatNestTooDeepFarAway) {
  std::string text = "<a>\n<b c='" + std::string(100'000, 'x') + "'/>";
  const std::size_t start_of_line = 4;
  for (int i = 1; i < kMaxDepth; ++i) text += "<a>";
  const std::size_t start = text.size();
  const Error error = refused(text + "<d/>");
  EXPECT_EQ(place(error.where), fmt::format("a.xml:2:{}", start - start_of_line + 1));
}

}  // namespace
}  // namespace nwf::xml
