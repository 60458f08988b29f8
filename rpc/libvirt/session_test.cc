// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/libvirt/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <list>

#include "rpc/libvirt/memory_service_for_tests.h"

namespace nwf::rpc::libvirt {
namespace {

using ::testing::ElementsAre;

struct Reply {
  Header header;
  std::vector<std::uint8_t> payload;
  XdrReader reader() const { return XdrReader(payload); }
};

struct Problem {
  std::int32_t code = 0;
  std::int32_t domain = 0;
  std::string message;
};

class SessionTest : public ::testing::Test {
 protected:
  static std::vector<std::uint8_t> message(const Header& header, const std::vector<std::uint8_t>& payload) {
    XdrWriter out;
    out.word(static_cast<std::uint32_t>(kLengthBytes + kHeaderBytes + payload.size()));
    out.word(header.program);
    out.word(header.version);
    out.integer(header.procedure);
    out.word(header.type);
    out.word(header.serial);
    out.word(header.status);
    std::vector<std::uint8_t> bytes = out.bytes();
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  }
  std::vector<std::uint8_t> call_bytes(Procedure procedure, const XdrWriter& arguments) {
    Header header;
    header.procedure = static_cast<std::int32_t>(procedure);
    header.serial = ++serial_;
    return message(header, arguments.bytes());
  }
  /// All whole replies that wait to be sent, taken.
  std::vector<Reply> replies() {
    std::vector<Reply> list;
    const auto bytes = session_.output();
    std::size_t at = 0;
    while (at + kLengthBytes + kHeaderBytes <= bytes.size()) {
      XdrReader reader(std::span<const std::uint8_t>(bytes).subspan(at));
      const std::size_t length = reader.word();
      Reply reply;
      reply.header.program = reader.word();
      reply.header.version = reader.word();
      reply.header.procedure = reader.integer();
      reply.header.type = reader.word();
      reply.header.serial = reader.word();
      reply.header.status = reader.word();
      const auto from = bytes.begin() + static_cast<std::ptrdiff_t>(at + kLengthBytes + kHeaderBytes);
      reply.payload.assign(from, bytes.begin() + static_cast<std::ptrdiff_t>(at + length));
      list.push_back(std::move(reply));
      at += length;
    }
    EXPECT_EQ(at, bytes.size());
    session_.sent(bytes.size());
    return list;
  }
  /// The reply; it stays for as long as the test, and with it what reads from it.
  const Reply& call(Procedure procedure, const XdrWriter& arguments = {}) {
    session_.feed(call_bytes(procedure, arguments));
    auto list = replies();
    EXPECT_EQ(list.size(), 1U);
    kept_.push_back(list.empty() ? Reply{} : std::move(list[0]));
    EXPECT_EQ(kept_.back().header.serial, serial_);
    EXPECT_EQ(kept_.back().header.type, static_cast<std::uint32_t>(MessageType::Reply));
    return kept_.back();
  }
  static Problem problem(const Reply& reply) {
    EXPECT_EQ(reply.header.status, static_cast<std::uint32_t>(MessageStatus::Error));
    XdrReader reader = reply.reader();
    Problem found;
    found.code = reader.integer();
    found.domain = reader.integer();
    found.message = reader.optional_text(kMaxString).value_or("");
    EXPECT_EQ(reader.integer(), 2);  // VIR_ERR_ERROR
    EXPECT_FALSE(reader.optional_text(0).has_value());
    reader.optional_text(kMaxString);
    reader.optional_text(kMaxString);
    reader.optional_text(kMaxString);
    reader.integer();
    reader.integer();
    EXPECT_FALSE(reader.optional_text(0).has_value());
    EXPECT_TRUE(reader.complete());
    return found;
  }
  static XdrWriter texts(std::initializer_list<std::string> values, std::initializer_list<std::uint32_t> words = {}) {
    XdrWriter out;
    for (const std::string& value : values) out.text(value);
    for (const std::uint32_t word : words) out.word(word);
    return out;
  }
  const Reply& open(const std::string& name = "nwfilter:///system", std::uint32_t flags = 0) {
    XdrWriter arguments;
    arguments.optional_text(name);
    arguments.word(flags);
    return call(Procedure::ConnectOpen, arguments);
  }
  static XdrWriter filter(const std::string& name) {
    XdrWriter out;
    out.text(name);
    out.uuid(MemoryService::uuid_of(name).bytes);
    return out;
  }

  MemoryService service_;
  Session session_{[this]() -> host::Service& { return service_; }, Access::ReadWrite};
  std::uint32_t serial_ = 0;
  std::list<Reply> kept_;
};

TEST_F(SessionTest, ConversationAsVirshHasIt) {
  service_.filters = {{"clean", "clean text"}, {"web", "web text"}};
  XdrReader auth = call(Procedure::AuthList).reader();
  EXPECT_EQ(auth.word(), 1U);
  EXPECT_EQ(auth.integer(), kAuthNone);
  XdrWriter feature;
  feature.integer(kFeatureKeepAlive);
  EXPECT_EQ(call(Procedure::ConnectSupportsFeature, feature).reader().integer(), 1);
  EXPECT_EQ(open().header.status, 0U);
  XdrWriter events;
  events.integer(14);
  EXPECT_EQ(call(Procedure::ConnectSupportsFeature, events).reader().integer(), 0);
  const Reply& all = call(Procedure::FilterListAll, texts({}, {1, 0}));
  XdrReader list = all.reader();
  ASSERT_EQ(list.word(), 2U);
  EXPECT_EQ(list.text(100), "clean");
  EXPECT_EQ(list.uuid(), MemoryService::uuid_of("clean").bytes);
  EXPECT_EQ(list.text(100), "web");
  list.uuid();
  EXPECT_EQ(list.word(), 2U);
  EXPECT_TRUE(list.complete());
  EXPECT_FALSE(session_.ended());
  call(Procedure::ConnectClose);
  EXPECT_TRUE(session_.ended());
}

TEST_F(SessionTest, AnyPiecesGiveTheSameReplies) {
  service_.filters = {{"clean", "clean text"}};
  XdrWriter arguments;
  arguments.optional_text("nwfilter:///system");
  arguments.word(0);
  auto bytes = call_bytes(Procedure::ConnectOpen, arguments);
  const auto second = call_bytes(Procedure::FilterLookupByName, texts({"clean"}));
  bytes.insert(bytes.end(), second.begin(), second.end());
  for (const std::uint8_t byte : bytes) session_.feed({&byte, 1});
  const auto pieces = replies();
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[1].header.status, 0U);
  EXPECT_EQ(pieces[1].reader().text(100), "clean");
}

TEST_F(SessionTest, NothingButGreetingsBeforeOpen) {
  const auto found = problem(call(Procedure::FilterListAll, texts({}, {1, 0})));
  EXPECT_EQ(found.message, "internal error: connection not open");
}

TEST_F(SessionTest, OpensOnlyWhatItIs) {
  EXPECT_EQ(problem(open("qemu:///system")).message, "no connection driver available for qemu:///system");
  EXPECT_EQ(problem(open("nwfilter:///session")).code, 1);
  EXPECT_EQ(open("").header.status, 0U);
  EXPECT_EQ(problem(open()).message, "internal error: connection already open");
}

TEST_F(SessionTest, FiltersByNameAndUuid) {
  service_.filters = {{"clean", "clean text"}};
  open();
  EXPECT_EQ(call(Procedure::FilterLookupByName, texts({"clean"})).reader().text(100), "clean");
  XdrWriter uuid;
  uuid.uuid(MemoryService::uuid_of("clean").bytes);
  EXPECT_EQ(call(Procedure::FilterLookupByUuid, uuid).reader().text(100), "clean");
  const auto by_name = problem(call(Procedure::FilterLookupByName, texts({"nobody"})));
  EXPECT_EQ(by_name.code, 62);
  EXPECT_EQ(by_name.domain, 33);
  EXPECT_EQ(by_name.message, "Network filter not found: no nwfilter with matching name 'nobody'");
  // A name is a name here, even one that is somebody's UUID.
  EXPECT_EQ(problem(call(Procedure::FilterLookupByName, texts({MemoryService::uuid_of("clean").text()}))).code, 62);
  XdrWriter other;
  other.uuid({});
  EXPECT_EQ(problem(call(Procedure::FilterLookupByUuid, other)).message,
            "Network filter not found: no nwfilter with matching uuid '00000000-0000-0000-0000-000000000000'");
}

TEST_F(SessionTest, DefineDumpUndefine) {
  open();
  EXPECT_EQ(call(Procedure::FilterDefine, texts({"web one"})).reader().text(100), "web");
  EXPECT_EQ(call(Procedure::FilterDefineFlags, texts({"web two"}, {kValidate})).reader().text(100), "web");
  XdrWriter arguments = filter("web");
  arguments.word(0);
  EXPECT_EQ(call(Procedure::FilterGetXml, arguments).reader().text(100), "web two");
  service_.in_use = true;
  EXPECT_EQ(problem(call(Procedure::FilterUndefine, filter("web"))).message,
            "Requested operation is not valid: nwfilter is in use");
  service_.in_use = false;
  EXPECT_EQ(call(Procedure::FilterUndefine, filter("web")).header.status, 0U);
  EXPECT_EQ(problem(call(Procedure::FilterUndefine, filter("web"))).code, 62);
  const auto wrong = problem(call(Procedure::FilterDefine, texts({""})));
  EXPECT_EQ(wrong.code, 27);
  EXPECT_EQ(wrong.message, "XML error: XML:1:1: the text is empty; write some");
}

TEST_F(SessionTest, TheOldListCalls) {
  service_.filters = {{"a", ""}, {"b", ""}, {"c", ""}};
  open();
  EXPECT_EQ(call(Procedure::FilterCount).reader().integer(), 3);
  XdrReader names = call(Procedure::FilterNames, texts({}, {2})).reader();
  EXPECT_EQ(names.word(), 2U);
  EXPECT_EQ(problem(call(Procedure::FilterNames, texts({}, {99999}))).code, 39);
}

TEST_F(SessionTest, Bindings) {
  open();
  XdrReader made = call(Procedure::BindingCreate, texts({"vnet0 text"}, {0})).reader();
  EXPECT_EQ(made.text(100), "vnet0");
  EXPECT_EQ(made.text(100), "clean");
  EXPECT_EQ(problem(call(Procedure::BindingCreate, texts({"vnet0 text"}, {0}))).code, 9);
  EXPECT_EQ(call(Procedure::BindingLookupByPort, texts({"vnet0"})).reader().text(100), "vnet0");
  EXPECT_EQ(call(Procedure::BindingGetXml, texts({"vnet0", "whatever"}, {0})).header.status, 0U);
  XdrReader list = call(Procedure::BindingListAll, texts({}, {0, 0})).reader();
  EXPECT_EQ(list.word(), 0U);
  EXPECT_EQ(list.word(), 1U);
  EXPECT_EQ(call(Procedure::BindingDelete, texts({"vnet0", ""})).header.status, 0U);
  const auto gone = problem(call(Procedure::BindingDelete, texts({"vnet0", ""})));
  EXPECT_EQ(gone.code, 101);
  EXPECT_EQ(gone.message, "Network filter binding not found: no nwfilter binding for port dev 'vnet0'");
}

TEST_F(SessionTest, WhoMayOnlyReadWritesNothing) {
  service_.filters = {{"clean", "clean text"}};
  service_.bindings = {{"vnet0", "clean"}};
  open("nwfilter:///system", kOpenReadOnly);
  EXPECT_EQ(problem(call(Procedure::FilterDefine, texts({"web one"}))).message,
            "operation forbidden: read only access prevents virNWFilterDefineXML");
  EXPECT_EQ(problem(call(Procedure::FilterDefineFlags, texts({"web one"}, {0}))).code, 29);
  EXPECT_EQ(problem(call(Procedure::FilterUndefine, filter("clean"))).code, 29);
  EXPECT_EQ(problem(call(Procedure::BindingCreate, texts({"vnet1 text"}, {0}))).code, 29);
  EXPECT_EQ(problem(call(Procedure::BindingDelete, texts({"vnet0", ""}))).code, 29);
  EXPECT_EQ(call(Procedure::FilterLookupByName, texts({"clean"})).header.status, 0U);
  EXPECT_EQ(service_.filters.size(), 1U);
  EXPECT_EQ(service_.bindings.size(), 1U);
}

TEST_F(SessionTest, AReadOnlySocketCannotBeOpenedForMore) {
  Session reading([this]() -> host::Service& { return service_; }, Access::ReadOnly);
  XdrWriter arguments;
  arguments.optional_text("nwfilter:///system");
  arguments.word(0);
  reading.feed(call_bytes(Procedure::ConnectOpen, arguments));
  reading.feed(call_bytes(Procedure::FilterDefine, texts({"web one"})));
  EXPECT_TRUE(service_.filters.empty());
}

TEST_F(SessionTest, ArgumentsThatAreNoneAreRefusedAndTheNextCallServed) {
  open();
  XdrWriter too_long;
  too_long.word(0x7fffffff);
  for (const XdrWriter& arguments : {XdrWriter{}, too_long, texts({"clean"}, {0})})
    EXPECT_EQ(problem(call(Procedure::FilterLookupByName, arguments)).message, "Unable to decode message payload");
  EXPECT_EQ(call(Procedure::FilterCount).header.status, 0U);
}

TEST_F(SessionTest, FlagsNobodyKnowsAreRefused) {
  open();
  EXPECT_EQ(problem(call(Procedure::FilterListAll, texts({}, {1, 4}))).message,
            "invalid argument: unsupported flags (0x4) in function virConnectListAllNWFilters");
  EXPECT_EQ(problem(call(Procedure::BindingCreate, texts({"vnet0 text"}, {3}))).code, 8);
}

TEST_F(SessionTest, CallsOfOtherDriversAndOfNobody) {
  open();
  EXPECT_EQ(problem(call(static_cast<Procedure>(23))).code, 3);
  EXPECT_EQ(problem(call(static_cast<Procedure>(9999))).code, 39);
  EXPECT_EQ(problem(call(static_cast<Procedure>(-1))).code, 39);
}

TEST_F(SessionTest, OtherProgramsVersionsAndKindsAreRefused) {
  Header header;
  header.procedure = 1;
  header.version = 2;
  session_.feed(message(header, {}));
  header.version = 1;
  header.program = 7;
  session_.feed(message(header, {}));
  header.program = kRemoteProgram;
  header.type = static_cast<std::uint32_t>(MessageType::Reply);
  session_.feed(message(header, {}));
  header.type = static_cast<std::uint32_t>(MessageType::Stream);
  session_.feed(message(header, {1, 2, 3, 4}));
  const auto list = replies();
  ASSERT_EQ(list.size(), 3U);  // none to a stream's data
  EXPECT_EQ(problem(list[0]).message, "Cannot find program 536903814 version 2");
  EXPECT_EQ(problem(list[1]).message, "Cannot find program 7 version 1");
  EXPECT_EQ(problem(list[2]).message, "Unexpected message type 1");
}

TEST_F(SessionTest, KeepAliveIsAnswered) {
  Header ping;
  ping.program = kKeepAliveProgram;
  ping.procedure = kPing;
  ping.type = static_cast<std::uint32_t>(MessageType::Message);
  session_.feed(message(ping, {}));
  const auto list = replies();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].header.program, kKeepAliveProgram);
  EXPECT_EQ(list[0].header.procedure, kPong);
  EXPECT_EQ(list[0].header.type, static_cast<std::uint32_t>(MessageType::Message));
}

TEST_F(SessionTest, ALengthThatCannotBeEndsIt) {
  for (const std::uint32_t length : {0U, 27U, static_cast<std::uint32_t>(kMaxMessage) + 1, 0xffffffffU}) {
    Session session([this]() -> host::Service& { return service_; }, Access::ReadWrite);
    XdrWriter out;
    out.word(length);
    session.feed(out.bytes());
    EXPECT_TRUE(session.ended()) << length;
    EXPECT_TRUE(session.output().empty());
    EXPECT_EQ(session.held_bytes(), 0U);
  }
}

TEST_F(SessionTest, ALongMessageIsKeptOnlyAsFarAsItCame) {
  XdrWriter out;
  out.word(static_cast<std::uint32_t>(kMaxMessage));
  session_.feed(out.bytes());
  EXPECT_FALSE(session_.ended());
  EXPECT_EQ(session_.held_bytes(), 4U);
}

TEST_F(SessionTest, CallsWaitWhileOutputDoes) {
  service_.filters = {{"big", "big " + std::string(100000, 'x')}};
  open();
  XdrWriter arguments = filter("big");
  arguments.word(0);
  std::vector<std::uint8_t> many;
  for (int i = 0; i < 100; ++i) {
    const auto one = call_bytes(Procedure::FilterGetXml, arguments);
    many.insert(many.end(), one.begin(), one.end());
  }
  session_.feed(many);
  EXPECT_TRUE(session_.paused());
  EXPECT_LT(session_.output().size(), 2 * Session::kPause + 100000);
  std::size_t served = 0;
  for (auto list = replies(); !list.empty(); list = replies()) served += list.size();
  EXPECT_EQ(served, 100U);
}

TEST(Xdr, WordsAndStringsAsInTheStandard) {
  XdrWriter out;
  out.text("abcde");
  out.integer(-2);
  out.long_word(0x0102030405060708);
  EXPECT_THAT(out.bytes(), ElementsAre(0, 0, 0, 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 0, 0xff, 0xff, 0xff, 0xfe, 1, 2, 3, 4,
                                       5, 6, 7, 8));
}

TEST(Xdr, NeverReadsBeyondTheEnd) {
  const std::vector<std::uint8_t> bytes{0, 0, 0, 5, 'a', 'b', 'c', 'd', 'e'};  // its padding is missing
  XdrReader reader(bytes);
  EXPECT_EQ(reader.text(100), "");
  EXPECT_FALSE(reader.good());
  EXPECT_EQ(reader.word(), 0U);
  XdrReader limited(bytes);
  limited.text(4);
  EXPECT_FALSE(limited.good());
}

}  // namespace
}  // namespace nwf::rpc::libvirt
