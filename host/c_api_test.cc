// SPDX-License-Identifier: GPL-2.0-or-later
// nwf.h without a kernel: filters, errors, threads. Bindings are in tests/netns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "host/nwf.h"

namespace {

using ::testing::HasSubstr;

struct Free {
  void operator()(nwf_host* host) const { nwf_host_close(host); }
  void operator()(nwf_filter* filter) const { nwf_filter_free(filter); }
  void operator()(nwf_binding* binding) const { nwf_binding_free(binding); }
  void operator()(nwf_error* error) const { nwf_error_free(error); }
  void operator()(char* text) const { std::free(text); }
  void operator()(nwf_filter** list) const { std::free(list); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

class CApi : public ::testing::Test {
 protected:
  CApi() {
    std::string pattern = std::filesystem::temp_directory_path() / "nwf-c-api-XXXXXX";
    root_ = mkdtemp(pattern.data());
    host_.reset(nwf_host_open(root_.c_str(), 0, nullptr));
  }
  ~CApi() override {
    host_.reset();
    std::filesystem::remove_all(root_);
  }
  CApi(const CApi&) = delete;
  CApi& operator=(const CApi&) = delete;

  Owned<nwf_filter> define(const std::string& xml) {
    nwf_error* error = nullptr;
    Owned<nwf_filter> filter(nwf_filter_define_xml(host_.get(), xml.c_str(), &error));
    error_.reset(error);
    return filter;
  }

  std::string root_;
  Owned<nwf_host> host_;
  Owned<nwf_error> error_;
};

TEST_F(CApi, DefinesFindsDumpsAndUndefines) {
  ASSERT_NE(host_, nullptr);
  const char* uuid = "11111111-2222-4333-8444-555555555555";
  const auto filter = define("<filter name='one'><uuid>11111111-2222-4333-8444-555555555555</uuid></filter>");
  ASSERT_NE(filter, nullptr) << nwf_error_text(error_.get());
  EXPECT_EQ(error_, nullptr);
  EXPECT_STREQ(nwf_filter_get_name(filter.get()), "one");
  char text[NWF_UUID_TEXT];
  nwf_filter_get_uuid_string(filter.get(), text);
  EXPECT_STREQ(text, uuid);
  unsigned char bytes[NWF_UUID_BYTES];
  nwf_filter_get_uuid(filter.get(), bytes);
  EXPECT_EQ(bytes[0], 0x11);
  EXPECT_EQ(bytes[15], 0x55);

  const Owned<nwf_filter> by_name(nwf_filter_lookup_by_name(host_.get(), "one", nullptr));
  const Owned<nwf_filter> by_bytes(nwf_filter_lookup_by_uuid(host_.get(), bytes, nullptr));
  const Owned<nwf_filter> by_text(nwf_filter_lookup_by_uuid_string(host_.get(), uuid, nullptr));
  for (const auto* found : {&by_name, &by_bytes, &by_text}) {
    ASSERT_NE(*found, nullptr);
    EXPECT_STREQ(nwf_filter_get_name(found->get()), "one");
  }
  const Owned<char> xml(nwf_filter_get_xml_desc(by_name.get(), 0, nullptr));
  ASSERT_NE(xml, nullptr);
  EXPECT_THAT(std::string(xml.get()), HasSubstr("<filter name='one' chain='root'>"));
  ASSERT_NE(define(xml.get()), nullptr) << "what is dumped can be defined";

  EXPECT_EQ(nwf_filter_undefine(by_name.get(), nullptr), 0);
  nwf_error* error = nullptr;
  EXPECT_EQ(nwf_filter_lookup_by_name(host_.get(), "one", &error), nullptr);
  error_.reset(error);
  EXPECT_EQ(nwf_error_code(error_.get()), NWF_NOT_FOUND);
}

TEST_F(CApi, ListsTheStockFiltersByName) {
  nwf_filter** filters = nullptr;
  const long count = nwf_list_all_filters(host_.get(), &filters, nullptr);
  const Owned<nwf_filter*> array(filters);
  ASSERT_GT(count, 20);
  std::vector<std::string> names;
  for (long i = 0; i < count; ++i) {
    names.emplace_back(nwf_filter_get_name(filters[i]));
    nwf_filter_free(filters[i]);
  }
  EXPECT_EQ(filters[count], nullptr);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_THAT(names, ::testing::Contains("clean-traffic"));
  EXPECT_EQ(nwf_list_all_filters(host_.get(), nullptr, nullptr), count) << "to count only";
  EXPECT_EQ(nwf_list_all_bindings(host_.get(), nullptr, nullptr), 0);
}

TEST_F(CApi, AnErrorSaysWhatWhereAndWhatIsRightForEveryMistake) {
  EXPECT_EQ(
      define("<filter name='x'>\n <rule action='dorp' direction='out'>\n  <tcp dstportstart='70000'/></rule></filter>"),
      nullptr);
  const nwf_error* error = error_.get();
  ASSERT_NE(error, nullptr);
  EXPECT_EQ(nwf_error_code(error), NWF_INVALID);
  EXPECT_THAT(nwf_error_message(error), HasSubstr("'dorp' is no action"));
  EXPECT_THAT(nwf_error_remedy(error), HasSubstr("drop"));
  EXPECT_STREQ(nwf_error_file(error), "text");
  EXPECT_EQ(nwf_error_line(error), 2);
  EXPECT_EQ(nwf_error_column(error), 2);
  const nwf_error* next = nwf_error_next(error);
  ASSERT_NE(next, nullptr);
  EXPECT_EQ(nwf_error_line(next), 3);
  EXPECT_THAT(nwf_error_message(next), HasSubstr("70000"));
  EXPECT_EQ(nwf_error_next(next), nullptr);
  EXPECT_THAT(nwf_error_text(error), HasSubstr("text:2:2: 'dorp'"));
  EXPECT_THAT(nwf_error_text(error), HasSubstr("\ntext:3:3: "));
}

TEST_F(CApi, VeryManyMistakesAreOneChain) {
  std::string text = "<filter name='x'>";
  for (int i = 0; i < 100'000; ++i) text += "<a/>";
  EXPECT_EQ(define(text + "</filter>"), nullptr);
  long count = 0;
  for (const nwf_error* error = error_.get(); error != nullptr; error = nwf_error_next(error)) ++count;
  EXPECT_EQ(count, 100'000);
}

TEST_F(CApi, ValidateChangesNothing) {
  EXPECT_EQ(nwf_filter_validate_xml(host_.get(), "<filter name='two'/>", nullptr), 0);
  EXPECT_EQ(nwf_filter_lookup_by_name(host_.get(), "two", nullptr), nullptr);
  nwf_error* error = nullptr;
  EXPECT_EQ(nwf_filter_validate_xml(host_.get(), "<filter/>", &error), -1);
  error_.reset(error);
  EXPECT_EQ(nwf_error_code(error_.get()), NWF_INVALID);
}

TEST_F(CApi, ANameIsNotLookedUpAsAUuid) {
  const auto filter = define("<filter name='one'><uuid>11111111-2222-4333-8444-555555555555</uuid></filter>");
  ASSERT_NE(filter, nullptr);
  EXPECT_EQ(nwf_filter_lookup_by_name(host_.get(), "11111111-2222-4333-8444-555555555555", nullptr), nullptr);
  nwf_error* error = nullptr;
  EXPECT_EQ(nwf_filter_lookup_by_uuid_string(host_.get(), "one", &error), nullptr);
  error_.reset(error);
  EXPECT_EQ(nwf_error_code(error_.get()), NWF_ARGUMENT);
}

TEST_F(CApi, WhatIsMissingIsAnErrorAndNoCrash) {
  nwf_error* error = nullptr;
  const auto told = [&](bool failed) {
    EXPECT_TRUE(failed);
    EXPECT_EQ(nwf_error_code(error), NWF_ARGUMENT);
    nwf_error_free(error);
    error = nullptr;
  };
  told(nwf_host_open("", 1, &error) == nullptr);
  told(nwf_host_reconcile(nullptr, &error) == -1);
  told(nwf_filter_define_xml(host_.get(), nullptr, &error) == nullptr);
  told(nwf_filter_define_xml(nullptr, "<filter name='x'/>", &error) == nullptr);
  told(nwf_filter_validate_xml(nullptr, "", &error) == -1);
  told(nwf_filter_undefine(nullptr, &error) == -1);
  told(nwf_filter_lookup_by_name(host_.get(), nullptr, &error) == nullptr);
  told(nwf_filter_lookup_by_uuid(host_.get(), nullptr, &error) == nullptr);
  told(nwf_filter_get_xml_desc(nullptr, 0, &error) == nullptr);
  told(nwf_list_all_filters(nullptr, nullptr, &error) == -1);
  told(nwf_binding_create_xml(host_.get(), nullptr, &error) == nullptr);
  told(nwf_binding_delete(nullptr, &error) == -1);
  told(nwf_binding_lookup_by_port_dev(host_.get(), nullptr, &error) == nullptr);
  told(nwf_binding_get_xml_desc(nullptr, 0, &error) == nullptr);
  told(nwf_list_all_bindings(nullptr, nullptr, &error) == -1);
  EXPECT_STREQ(nwf_filter_get_name(nullptr), "");
  EXPECT_STREQ(nwf_binding_get_port_dev(nullptr), "");
  EXPECT_STREQ(nwf_error_text(nullptr), "");
  EXPECT_EQ(nwf_error_code(nullptr), NWF_OK);
  nwf_filter_free(nullptr);
  nwf_binding_free(nullptr);
  nwf_error_free(nullptr);
  nwf_host_close(nullptr);
}

TEST_F(CApi, AHooksCallIsToldWhatItDoesWrong) {
  const auto call = [&](const char* program, std::vector<const char*> words, const char* document, char** warnings) {
    nwf_error* error = nullptr;
    const int done =
        nwf_host_hook(host_.get(), program, static_cast<int>(words.size()), words.data(), document, warnings, &error);
    error_.reset(error);
    return done;
  };
  EXPECT_EQ(call(nullptr, {"d1", "start", "begin", "-"}, "", nullptr), -1);
  EXPECT_EQ(nwf_error_code(error_.get()), NWF_ARGUMENT);
  EXPECT_EQ(call("qemu", {"d1"}, "", nullptr), -1);
  EXPECT_THAT(nwf_error_text(error_.get()), HasSubstr("a port alone"));
  EXPECT_EQ(call("qemu", {"d1", "start", "begin", "-"}, "<domain>", nullptr), -1);
  EXPECT_EQ(nwf_error_code(error_.get()), NWF_INVALID);
  EXPECT_THAT(nwf_error_text(error_.get()), HasSubstr("d1, start begin:1"));
  char* warnings = nullptr;
  EXPECT_EQ(call("qemu", {"d1", "prepare", "begin", "-"}, "<domain/>", &warnings), 0);
  EXPECT_EQ(error_, nullptr);
  EXPECT_STREQ(Owned<char>(warnings).get(), "");
}

TEST_F(CApi, AFilterOutlivesItsHost) {
  const auto filter = define("<filter name='one'/>");
  ASSERT_NE(filter, nullptr);
  host_.reset();
  const Owned<char> xml(nwf_filter_get_xml_desc(filter.get(), 0, nullptr));
  ASSERT_NE(xml, nullptr);
  EXPECT_THAT(std::string(xml.get()), HasSubstr("'one'"));
}

TEST_F(CApi, ManyThreadsMayUseOneHandle) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([this, t] {
      for (int i = 0; i < 10; ++i) {
        const std::string name = "t" + std::to_string(t) + "-" + std::to_string(i);
        const Owned<nwf_filter> made(
            nwf_filter_define_xml(host_.get(), ("<filter name='" + name + "'/>").c_str(), nullptr));
        ASSERT_NE(made, nullptr);
        const Owned<char> xml(nwf_filter_get_xml_desc(made.get(), 0, nullptr));
        ASSERT_NE(xml, nullptr);
        EXPECT_GT(nwf_list_all_filters(host_.get(), nullptr, nullptr), 0);
        nwf_error* error = nullptr;
        EXPECT_EQ(nwf_filter_define_xml(host_.get(), "<filter/>", &error), nullptr);
        nwf_error_free(error);
        if (i % 2 == 0) {
          EXPECT_EQ(nwf_filter_undefine(made.get(), nullptr), 0);
        }
      }
    });
  for (std::thread& thread : threads) thread.join();
  const Owned<nwf_filter> left(nwf_filter_lookup_by_name(host_.get(), "t3-9", nullptr));
  EXPECT_NE(left, nullptr);
  EXPECT_EQ(nwf_filter_lookup_by_name(host_.get(), "t3-8", nullptr), nullptr);
}

}  // namespace
