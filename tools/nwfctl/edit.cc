// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/edit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <system_error>
#include <utility>

#include "tools/nwfctl/editor.h"
#include "tools/nwfctl/input.h"
#include "tools/nwfctl/root_name.h"
#include "tools/nwfctl/text.h"

namespace nwf::tools {
namespace {

// The text while it is edited: readable by its owner only, gone with this object unless kept.
class EditedFile {
 public:
  explicit EditedFile(std::string path) : path_(std::move(path)) {}
  EditedFile(EditedFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  EditedFile& operator=(EditedFile&&) = delete;
  ~EditedFile() {
    if (!path_.empty() && !kept_) ::unlink(path_.c_str());
  }

  static Result<EditedFile> make(const std::string& text, const Terminal& terminal) {
    std::string directory = terminal.environment("TMPDIR").value_or("");
    if (directory.empty()) directory = "/tmp";
    constexpr std::string_view kSuffix = ".xml";
    std::string path = fmt::format("{}/nwfctl-XXXXXX{}", directory, kSuffix);
    const int fd = ::mkostemps(path.data(), static_cast<int>(kSuffix.size()), O_CLOEXEC);  // mode 0600
    if (fd < 0) return cannot_write(directory, errno);
    EditedFile file(path);
    const ssize_t written = ::write(fd, text.data(), text.size());
    const int code = written < 0 ? errno : ENOSPC;
    ::close(fd);
    if (written != static_cast<ssize_t>(text.size())) return cannot_write(path, code);
    return file;
  }

  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  static tl::unexpected<Error> cannot_write(const std::string& where, int code) {
    return fail(ErrorKind::Storage,
                fmt::format("cannot write the text to edit to {}: {}", where, std::generic_category().message(code)),
                "name a writable directory in $TMPDIR");
  }

  std::string path_;
  bool kept_ = false;
};

enum class Answer { EditAgain, Force, ThrowAway, None };

constexpr std::string_view kChoices =
    "y - yes, start the editor again\n"
    "n - no, throw away my changes\n"
    "f - force: define the text as it is, also over changes made by others meanwhile\n"
    "? - print this help\n";

Answer ask(const Error& error, Terminal& terminal) {
  if (!terminal.in_is_terminal) return Answer::None;
  terminal.err << to_text(error, Style{});
  while (true) {
    terminal.err << "Failed. Try again? [y,n,f,?]: " << std::flush;
    std::string line;
    if (!std::getline(terminal.in, line)) return Answer::None;
    if (line == "y" || line == "Y") return Answer::EditAgain;
    if (line == "n" || line == "N") return Answer::ThrowAway;
    if (line == "f" || line == "F") return Answer::Force;
    terminal.err << kChoices;
  }
}

// Refuses a text that names another filter: defining it would make a second one.
Result<void> check_name(const std::string& text, const std::string& name) {
  const auto given = root_name(text);
  if (!given || *given == name) return {};
  return fail(ErrorKind::Refused, fmt::format("filter '{}' cannot be renamed to '{}' by editing", name, *given),
              "keep the name, or define the new filter from a file and undefine the old one");
}

// Refuses to lose what somebody else did while the editor was open.
Result<void> check_unchanged(host::Service& service, const std::string& name, const std::string& before) {
  const auto now = service.filter_dumpxml(name);
  if (now && *now == before) return {};
  if (!now && now.error().kind != ErrorKind::NotFound) return fail(now.error());
  return fail(
      ErrorKind::Refused,
      fmt::format("filter '{}' was {} by somebody else while it was edited", name, now ? "changed" : "undefined"),
      fmt::format("compare with `nwfctl filter dumpxml {}` and edit again", name));
}

// The error, telling where the edited text can be found.
tl::unexpected<Error> kept(Error error, EditedFile& file) {
  file.keep();
  if (!error.remedy.empty()) error.remedy += "; ";
  error.remedy += fmt::format("the edited text is kept in {}", file.path());
  return fail(std::move(error));
}

}  // namespace

Result<FilterEdited> edit_filter(host::Service& service, const std::string& given_name, Terminal& terminal) {
  NWF_TRY(const host::FilterSummary filter, service.filter_lookup(given_name));
  NWF_TRY(const std::string before, service.filter_dumpxml(filter.name));
  NWF_TRY(EditedFile file, EditedFile::make(before, terminal));
  const std::vector<std::string> editor = editor_words(terminal);

  bool force = false;
  const auto define = [&](const std::string& text) -> Result<host::Defined> {
    NWF_CHECK(check_name(text, filter.name));
    if (!force) NWF_CHECK(check_unchanged(service, filter.name, before));
    return service.filter_define(text, file.path());
  };

  while (true) {
    const auto ran = run_editor(editor, file.path());
    auto text = read_input(file.path(), terminal.in);
    if (!ran) {
      if (text && *text == before) return fail(ran.error());
      return kept(ran.error(), file);
    }
    if (!text) return kept(std::move(text).error(), file);
    if (*text == before) return FilterEdited{filter.name, std::nullopt};

    for (bool edit_again = false; !edit_again;) {
      auto defined = define(*text);
      if (defined) return FilterEdited{filter.name, *std::move(defined)};
      switch (ask(defined.error(), terminal)) {
        case Answer::EditAgain:
          edit_again = true;
          break;
        case Answer::Force:
          force = true;
          break;
        case Answer::ThrowAway:
          return fail(ErrorKind::Invalid, fmt::format("the changes to filter '{}' were thrown away", filter.name));
        case Answer::None:
          return kept(std::move(defined).error(), file);
      }
    }
  }
}

}  // namespace nwf::tools
