// SPDX-License-Identifier: GPL-2.0-or-later
// Words in, exit codes and messages out.
#include "tools/nwfctl/arguments.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tools/nwfctl/exit_code.h"
#include "tools/nwfctl/fake_service_for_tests.h"
#include "tools/nwfctl/input.h"
#include "tools/nwfctl/suggest.h"

namespace nwf::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ExitCode, OneForEachKind) {
  const std::pair<ErrorKind, int> table[] = {
      {ErrorKind::Invalid, 1},     {ErrorKind::NotFound, 3}, {ErrorKind::Refused, 4}, {ErrorKind::Denied, 1},
      {ErrorKind::Unsupported, 1}, {ErrorKind::Outdated, 1}, {ErrorKind::Storage, 1}, {ErrorKind::Kernel, 1}};
  for (const auto& [kind, code] : table) EXPECT_EQ(exit_code(kind), code) << kind_name(kind);
}

struct Case {
  std::vector<std::string> words;
  int code;
  std::string says;  // part of what is printed, on standard output when the code is 0, else on standard error
};

class Words : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"clean", "used", "list", "filter", "status", "-odd", "[a,b]", "++", "help"}) {
      tool.service.filters[name] = std::string("<filter name='") + name + "'/>";
    }
    for (const char* port : {"vnet0", "list", "delete"}) tool.service.bindings[port] = {port, "clean", false};
    tool.input = "<filter name='clean'/>";
  }
  void expect(const std::vector<Case>& cases) {
    for (const Case& c : cases) {
      const Ran ran = tool(c.words);
      EXPECT_EQ(ran.code, c.code) << ::testing::PrintToString(c.words) << "\n" << ran.out << ran.err;
      EXPECT_THAT(c.code == 0 ? ran.out : ran.err, HasSubstr(c.says)) << ::testing::PrintToString(c.words);
    }
  }
  Tool tool;
};

TEST_F(Words, OfNwfctl) {
  expect({
      {{"filter", "list"}, 0, "UUID"},
      {{"filter", "define", "-"}, 0, "Network filter clean defined from -"},
      {{"filter", "define", "--file", "-"}, 0, "defined from -"},
      {{"filter", "undefine", "missing"}, 3, "there is no filter 'missing'"},
      {{"filter", "undefine", "used"}, 4, "error: filter 'used' is in use by port vnet0; delete the binding first"},
      {{"filter", "dumpxml", "missing"}, 3, ""},
      {{"filter", "edit", "missing"}, 3, ""},
      {{"binding", "delete", "vnet9"}, 3, "there is no binding on port 'vnet9'"},
      {{"binding", "dumpxml", "vnet9"}, 3, ""},
      {{"binding", "rules", "vnet9"}, 3, ""},
      {{"binding", "set", "vnet9", "IP=1"}, 3, ""},
      {{"status"}, 0, "In sync"},
      {{"reconcile"}, 0, "kernel"},
      {{"backend"}, 0, "nftables"},
      {{"backend", "iptables-legacy"}, 0, "iptables-legacy"},
      {{"export", "--format", "iptables"}, 0, "*filter"},
      {{"export"}, 2, "--format"},
      {{"export", "--format", "ipchains"}, 2, "ipchains"},
  });
}

TEST_F(Words, OfVirsh) {
  expect({
      {{"nwfilter-define", "-"}, 0, "Network filter clean defined from -"},
      {{"nwfilter-define", "--file", "-", "--validate"}, 0, "defined from -"},
      {{"nwfilter-dumpxml", "clean"}, 0, "<filter name='clean'/>"},
      {{"nwfilter-dumpxml", "--nwfilter", "clean"}, 0, "<filter name='clean'/>"},
      {{"nwfilter-list"}, 0, "clean"},
      {{"nwfilter-undefine", "clean"}, 0, "Network filter clean undefined"},
      {{"nwfilter-edit", "missing"}, 3, "missing"},
      {{"nwfilter-binding-create", "-", "--validate"}, 0, "Network filter binding on vnet0 created from -"},
      {{"nwfilter-binding-dumpxml", "vnet0"}, 0, "<filterbinding/>"},
      {{"nwfilter-binding-list"}, 0, "Port Dev"},
      {{"nwfilter-binding-delete", "--binding", "vnet0"}, 0, "Network filter binding on vnet0 deleted"},
  });
}

TEST_F(Words, NamesThatAreAlsoWordsOfOurs) {
  expect({
      {{"filter", "dumpxml", "list"}, 0, "name='list'"},
      {{"filter", "dumpxml", "filter"}, 0, "name='filter'"},
      {{"filter", "dumpxml", "status"}, 0, "name='status'"},
      {{"filter", "dumpxml", "[a,b]"}, 0, "name='[a,b]'"},
      {{"filter", "dumpxml", "++"}, 0, "name='++'"},
      {{"filter", "dumpxml", "--", "-odd"}, 0, "name='-odd'"},
      {{"filter", "dumpxml", "--", "help"}, 0, "name='help'"},
      {{"filter", "dumpxml", "--nwfilter", "help"}, 0, "name='help'"},
      {{"binding", "delete", "list"}, 0, "on list deleted"},
      {{"binding", "delete", "delete"}, 0, "on delete deleted"},
  });
}

TEST_F(Words, WrongOnes) {
  expect({
      {{"fitler", "list"}, 2, "error: there is no command 'fitler'; did you mean 'filter'?"},
      {{"nwfilter-lst"}, 2, "did you mean 'nwfilter-list'?"},
      {{"statsu"}, 2, "did you mean 'status'?"},
      {{"filter", "lsit"}, 2, "error: there is no verb of filter 'lsit'; did you mean 'list'?"},
      {{"binding", "edit-it-all"}, 2, "one of: create, delete, dumpxml, list, set, rules"},
      {{"filter"}, 2, "error: filter needs a verb"},
      {{"filter", "define"}, 2, "FILE is required"},
      {{"filter", "undefine"}, 2, "NAME is required"},
      {{"filter", "undefine", "a", "b"}, 2, "see `nwfctl filter undefine --help`"},
      {{"filter", "list", "--nonsense"}, 2, "--nonsense"},
      {{"filter", "list", "x"}, 2, "x"},
      {{"filter", "list", "--color", "blue"}, 2, "--color"},
      {{"filter", "list", "--root"}, 2, "--root"},
      {{"filter", "define", "-", "-"}, 2, "standard input can be read only once"},
      {{"binding", "set", "vnet0"}, 2, "required"},
      {{"binding", "set", "vnet0", "IP"}, 2, "'IP': there is no '='; write NAME=VALUE, or NAME=V1,V2 for a list"},
      {{"binding", "set", "vnet0", "=1"}, 2, "no name before"},
      {{"binding", "set", "vnet0", "IP="}, 2, "a value is empty"},
      {{"binding", "set", "vnet0", "IP=1,,2"}, 2, "a value is empty"},
  });
}

TEST_F(Words, Help) {
  expect({
      {{"help"}, 0, "Usage: nwfctl"},
      {{"--help"}, 0, "nwfilter-binding-create"},
      {{"-h"}, 0, "Usage: nwfctl"},
      {{"filter", "help"}, 0, "undefine NAME"},
      {{"help", "binding"}, 0, "set PORT NAME=VALUE…"},
      {{"filter", "define", "help"}, 0, "nwfctl filter define"},
      {{"help", "filter", "define"}, 0, "nwfctl filter define"},
      {{"nwfilter-define", "--help"}, 0, "nwfctl nwfilter-define"},
      {{"--version"}, 0, "nwfctl 0."},
  });
  const Ran bare = tool({});
  EXPECT_EQ(bare.code, 2);
  EXPECT_EQ(bare.out, "");
  EXPECT_THAT(bare.err, StartsWith("Usage: nwfctl"));
}

TEST_F(Words, SettingsStandAnywhere) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--root", "/srv/x", "--json", "filter", "list"},
                                             {"filter", "--root=/srv/x", "list", "--json"},
                                             {"filter", "list", "--json", "--root", "/srv/x"},
                                             {"--json", "nwfilter-list", "--root", "/srv/x"}}) {
    const Ran ran = tool(words);
    EXPECT_EQ(ran.code, 0) << ran.err;
    EXPECT_THAT(ran.out, StartsWith("{"));
    EXPECT_EQ(tool.root, "/srv/x");
  }
  EXPECT_EQ(tool({"filter", "list"}).code, 0);
  EXPECT_EQ(tool.root, "");
}

TEST_F(Words, OfImportThatDoNotGoTogether) {
  for (const auto& [words, says] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"import"}, "SOURCE is required"},
           {{"import", "xen"}, "cannot import from 'xen': only from libvirt"},
           {{"import", "--undo", "xen"}, "nothing is imported from 'xen'"},
           {{"import", "--undo", "--keep"}, "--keep does not go with --undo"},
           {{"import", "--undo", "--remove-chains"}, "--remove-chains does not go with --undo"},
           {{"import", "libvirt", "--yes", "--dry-run"}, "--yes does not go with --dry-run"}}) {
    const Ran ran = tool(words);
    EXPECT_EQ(ran.code, 2);
    EXPECT_THAT(ran.err, HasSubstr(says));
  }
}

TEST_F(Words, AssignmentsMakeLists) {
  EXPECT_EQ(
      tool({"binding", "set", "vnet0", "IP=10.0.0.1,10.0.0.2", "MAC=52:54:00:00:00:01", "IP=10.0.0.3", "X=a=b"}).code,
      0);
  const Variables expected{
      {"IP", {"10.0.0.1", "10.0.0.2", "10.0.0.3"}}, {"MAC", {"52:54:00:00:00:01"}}, {"X", {"a=b"}}};
  EXPECT_EQ(tool.service.last_values, expected);
}

TEST(EveryCommand, HasHelpAndNoNameTwice) {
  Tool tool;
  std::vector<std::string> seen;
  for (const Command& command : commands()) {
    std::vector<std::string> words;
    if (!command.noun.empty()) words.emplace_back(command.noun);
    words.emplace_back(command.verb);
    std::string joined = std::string(command.noun) + " " + std::string(command.verb);
    EXPECT_EQ(std::ranges::find(seen, joined), seen.end());
    seen.push_back(joined);
    words.emplace_back("--help");
    const Ran ran = tool(words);
    EXPECT_EQ(ran.code, 0);
    EXPECT_THAT(ran.out, HasSubstr(std::string(command.summary)));
    EXPECT_THAT(ran.out, HasSubstr("--json"));
  }
}

TEST(EveryCommand, IsInTheManualAndInJsonMd) {
  const auto read = [](const std::string& file) {
    std::ifstream in(std::string(NWF_SOURCE_DIR) + "/docs/" + file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  const std::string manual = read("man/nwfctl.8.md");
  const std::string json = read("json.md");
  for (const Command& command : commands()) {
    const std::string words = fmt::format("{}{}{}", command.noun, command.noun.empty() ? "" : " ", command.verb);
    EXPECT_THAT(manual, HasSubstr("\n### " + words));
    EXPECT_THAT(manual, HasSubstr("nwfctl " + std::string(words))) << "an example";
    EXPECT_THAT(manual, HasSubstr(std::string(command.virsh)));
    EXPECT_THAT(json, HasSubstr("\n## " + words));
  }
  for (int kind = 0; kind <= static_cast<int>(ErrorKind::Kernel); ++kind) {
    EXPECT_THAT(json, HasSubstr(fmt::format("| `{}` |", kind_name(static_cast<ErrorKind>(kind)))));
  }
}

class InputFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "nwfctl-input-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(directory_ / name) << text;
    return (directory_ / name).string();
  }
  std::filesystem::path directory_;
  std::istringstream none_;
};

TEST_F(InputFile, IsReadWhole) {
  EXPECT_EQ(*read_input(write("a.xml", "text\n"), none_), "text\n");
  std::istringstream in("from standard input");
  EXPECT_EQ(*read_input("-", in), "from standard input");
}

TEST_F(InputFile, HasALimit) {
  const std::string most(kMaxInput, 'x');
  EXPECT_EQ(read_input(write("most", most), none_)->size(), kMaxInput);
  const auto more = read_input(write("more", most + "x"), none_);
  ASSERT_FALSE(more);
  EXPECT_THAT(more.error().message, HasSubstr("is larger than 4 MiB"));
  std::istringstream in(most + "x");
  EXPECT_THAT(read_input("-", in).error().message, HasSubstr("standard input is larger than 4 MiB"));
}

TEST_F(InputFile, MissingAndDirectory) {
  const auto missing = read_input((directory_ / "none.xml").string(), none_);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::Storage) << "a missing FILE is no missing object";
  EXPECT_THAT(missing.error().message, HasSubstr("none.xml: No such file or directory"));
  const auto directory = read_input(directory_.string(), none_);
  ASSERT_FALSE(directory);
  EXPECT_THAT(directory.error().message, HasSubstr("Is a directory"));
}

TEST(Nearest, FindsTypingErrorsOnly) {
  const std::vector<std::string_view> known = {"define", "undefine", "list", "edit"};
  EXPECT_EQ(nearest("defien", known), "define");
  EXPECT_EQ(nearest("lst", known), "list");
  EXPECT_EQ(nearest("unefine", known), "undefine");
  EXPECT_EQ(nearest("frobnicate", known), "");
}

TEST(Output, ThatCannotBeWrittenIsNoSuccess) {
  std::istringstream in;
  std::ofstream full("/dev/full");
  std::ostringstream err;
  Terminal terminal{in, full, err};
  terminal.environment = [](const char*) { return std::nullopt; };
  FakeService service;
  const auto open = [&](const std::string&) -> Result<std::unique_ptr<host::Service>> {
    return std::make_unique<Borrowed>(service);
  };
  EXPECT_EQ(run({"filter", "list"}, terminal, open), 1);
  EXPECT_EQ(err.str(), "error: cannot write the output\n");
}

TEST(Service, ThatCannotBeOpened) {
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  Terminal terminal{in, out, err};
  terminal.environment = [](const char*) { return std::nullopt; };
  const auto open = [](const std::string&) -> Result<std::unique_ptr<host::Service>> {
    return fail(ErrorKind::Denied, "not allowed to change rules", "run as root");
  };
  EXPECT_EQ(run({"status"}, terminal, open), 1);
  EXPECT_EQ(err.str(), "error: not allowed to change rules; run as root\n");
}

}  // namespace
}  // namespace nwf::tools
