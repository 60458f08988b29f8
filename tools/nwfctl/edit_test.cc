// SPDX-License-Identifier: GPL-2.0-or-later
// `filter edit` with small scripts as the editor.
#include "tools/nwfctl/edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "tools/nwfctl/fake_service_for_tests.h"
#include "tools/nwfctl/root_name.h"

namespace nwf::tools {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

class Edit : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "nwfctl-edit-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    fs::create_directory(directory_ / "tmp");
    tool_.environment = {{"TMPDIR", (directory_ / "tmp").string()}};
    tool_.service.filters["clean"] = "<filter name='clean'/>\n";
  }
  void TearDown() override { fs::remove_all(directory_); }

  // $EDITOR becomes a script whose last argument is the file.
  void editor(const std::string& script) {
    const fs::path path = directory_ / "editor";
    std::ofstream(path) << "#!/bin/sh\necho \"$@\" >> " << (directory_ / "calls").string() << "\nfor file; do :; done\n"
                        << script << "\n";
    fs::permissions(path, fs::perms::owner_all);
    tool_.environment["EDITOR"] = path.string() + "  -x --wait";
  }
  Ran edit(const std::string& answers = "") {
    tool_.input = answers;
    tool_.on_terminal = !answers.empty();
    return tool_({"filter", "edit", "clean", "--color", "never"});
  }
  std::vector<std::string> left_over() {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(directory_ / "tmp")) names.push_back(entry.path().string());
    return names;
  }
  std::string read(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  std::size_t calls() {
    const std::string text = read(directory_ / "calls");
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  fs::path directory_;
  Tool tool_;
};

TEST_F(Edit, DefinesTheChangedText) {
  editor("stat -c %a \"$file\" > " + (directory_ / "mode").string() + "; echo '<!-- seen -->' >> \"$file\"");
  const Ran ran = edit();
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "Network filter clean XML configuration edited.\n");
  EXPECT_EQ(tool_.service.filters["clean"], "<filter name='clean'/>\n<!-- seen -->\n");
  EXPECT_EQ(read(directory_ / "mode"), "600\n");
  EXPECT_THAT(read(directory_ / "calls"), MatchesRegex("-x --wait /.*/tmp/nwfctl-......\\.xml\n"));
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(Edit, EditorThatReplacesTheFile) {
  editor("echo \"<filter name='clean'><rule/></filter>\" > \"$file.new\"; mv \"$file.new\" \"$file\"");
  EXPECT_EQ(edit().code, 0);
  EXPECT_EQ(tool_.service.filters["clean"], "<filter name='clean'><rule/></filter>\n");
}

TEST_F(Edit, VisualComesBeforeEditor) {
  editor("exit 1");
  tool_.environment["VISUAL"] = "true";
  EXPECT_EQ(edit().out, "Network filter clean XML configuration not changed.\n");
  tool_.environment["VISUAL"] = "  ";
  EXPECT_EQ(edit().code, 1);
}

TEST_F(Edit, NoShellReadsTheEditor) {
  tool_.environment["EDITOR"] = "touch " + (directory_ / "tmp/a;true").string();
  EXPECT_EQ(edit().code, 0);
  EXPECT_TRUE(fs::exists(directory_ / "tmp/a;true"));
}

TEST_F(Edit, EditorThatDoesNotExistOrFails) {
  tool_.environment["EDITOR"] = "/nonexistent/editor";
  Ran ran = edit();
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err,
            "error: cannot start the editor '/nonexistent/editor': No such file or directory; "
            "name an editor in $VISUAL or $EDITOR\n");
  editor("exit 3");
  EXPECT_THAT(edit().err, HasSubstr("ended with status 3"));
  editor("kill -9 $$");
  EXPECT_THAT(edit().err, HasSubstr("was killed by signal 9"));
  EXPECT_THAT(left_over(), IsEmpty());
  editor("echo typed >> \"$file\"; exit 3");
  EXPECT_THAT(edit().err, HasSubstr("the edited text is kept in "));
  EXPECT_EQ(left_over().size(), 1u);
}

TEST_F(Edit, ErrorWithoutTerminalKeepsTheText) {
  editor("echo '<wrong/>' > \"$file\"");
  const Ran ran = edit();
  EXPECT_EQ(ran.code, 1);
  ASSERT_EQ(left_over().size(), 1u);
  const std::string path = left_over().front();
  EXPECT_EQ(ran.err, "error: " + path +
                         ":1:1: this is no <filter>; start with <filter name='…'>; the edited text is kept in " + path +
                         "\n");
  EXPECT_EQ(read(path), "<wrong/>\n");
  EXPECT_EQ(tool_.service.filters["clean"], "<filter name='clean'/>\n");
}

TEST_F(Edit, YesEditsAgain) {
  editor(
      "grep -q wrong \"$file\" && echo \"<filter name='clean'></filter>\" > \"$file\" || echo '<wrong/>' > \"$file\"");
  const Ran ran = edit("what?\ny\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(calls(), 2u);
  EXPECT_THAT(ran.err, HasSubstr("error: "));
  EXPECT_THAT(ran.err, HasSubstr("Failed. Try again? [y,n,f,?]: y - yes, start the editor again"));
  EXPECT_EQ(tool_.service.filters["clean"], "<filter name='clean'></filter>\n");
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(Edit, NoThrowsAway) {
  editor("echo '<wrong/>' > \"$file\"");
  const Ran ran = edit("n\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("error: the changes to filter 'clean' were thrown away\n"));
  EXPECT_THAT(left_over(), IsEmpty());
}

TEST_F(Edit, EndOfTheTerminalKeepsTheText) {
  editor("echo '<wrong/>' > \"$file\"");
  EXPECT_THAT(edit("?\n").err, HasSubstr("the edited text is kept in "));
  EXPECT_EQ(left_over().size(), 1u);
}

TEST_F(Edit, ForceDefinesTheSameTextOnceMore) {
  editor("echo '<!-- x -->' >> \"$file\"");
  tool_.service.next_error = Error{ErrorKind::Outdated, "the kernel's ruleset changed meanwhile"};
  const Ran ran = edit("f\n");
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(calls(), 1u);
}

TEST_F(Edit, RenamingIsRefused) {
  editor("sed -i s/clean/dirty/ \"$file\"");
  const Ran ran = edit();
  EXPECT_EQ(ran.code, 4);
  EXPECT_THAT(ran.err, HasSubstr("filter 'clean' cannot be renamed to 'dirty' by editing"));
  EXPECT_FALSE(tool_.service.filters.contains("dirty"));
  EXPECT_EQ(edit("f\nn\n").code, 1) << "force does not rename either";
  EXPECT_FALSE(tool_.service.filters.contains("dirty"));
}

// A service whose filter changes each time it is asked for the text: somebody else is busy.
class Busy : public Borrowed {
 public:
  explicit Busy(FakeService& to) : Borrowed(to), fake_(to) {}
  Result<std::string> filter_dumpxml(const std::string& name) override {
    auto now = Borrowed::filter_dumpxml(name);
    if (vanish) fake_.filters.erase(name);
    if (!vanish) fake_.filters[name] += "<!-- theirs -->";
    return now;
  }
  bool vanish = false;

 private:
  FakeService& fake_;
};

TEST_F(Edit, ChangesOfOthersAreNotOverwrittenSilently) {
  editor("echo '<!-- mine -->' >> \"$file\"");
  for (const bool vanish : {false, true}) {
    tool_.service.filters["clean"] = "<filter name='clean'/>\n";
    Busy busy(tool_.service);
    busy.vanish = vanish;
    std::istringstream in("f\n");
    std::ostringstream out;
    std::ostringstream err;
    Terminal terminal{in, out, err};
    terminal.environment = [&](const char* name) { return std::optional(tool_.environment[name]); };
    const auto refused = edit_filter(busy, "clean", terminal);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::Refused);
    EXPECT_THAT(refused.error().message,
                HasSubstr(vanish ? "was undefined by somebody else" : "was changed by somebody else"));
    EXPECT_THAT(tool_.service.filters["clean"], Not(HasSubstr("mine")));

    tool_.service.filters["clean"] = "<filter name='clean'/>\n";
    terminal.in_is_terminal = true;
    EXPECT_TRUE(edit_filter(busy, "clean", terminal)) << "f overwrites";
    EXPECT_THAT(tool_.service.filters["clean"], HasSubstr("mine"));
  }
}

TEST_F(Edit, TemporaryDirectoryThatCannotBeWritten) {
  tool_.environment["TMPDIR"] = "/nonexistent";
  editor("true");
  const Ran ran = edit();
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, HasSubstr("name a writable directory in $TMPDIR"));
}

TEST(RootName, Cases) {
  const std::pair<std::string, std::optional<std::string>> cases[] = {
      {"<filter name='a'/>", "a"},
      {"<filter chain=\"root\" name = \"a b\">", "a b"},
      {"<?xml version='1.0'?>\n<!-- <filter name='x'> -->\n<filter\n  priority='-5'\n  name='a'>", "a"},
      {"<filter name='a&amp;b&lt;&quot;'/>", "a&b<\""},
      {"<filter chain='name=x' name='a'/>", "a"},
      {"<filter name='a&#65;'/>", std::nullopt},
      {"<filter/>", std::nullopt},
      {"<filter chain='x'><rule name='a'/>", std::nullopt},
      {"<network name='a'/>", std::nullopt},
      {"<filter name='a", std::nullopt},
      {"<filter name=a>", std::nullopt},
      {"<!-- <filter name='a'/>", std::nullopt},
      {"", std::nullopt},
  };
  for (const auto& [xml, name] : cases) EXPECT_EQ(root_name(xml), name) << xml;
}

}  // namespace
}  // namespace nwf::tools
