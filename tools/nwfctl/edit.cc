// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/edit.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <functional>
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

// What is edited: its kind and name, and how its text is read and defined.
struct Object {
  std::string_view noun;
  std::string name;
  std::function<Result<std::string>()> dump;
  std::function<std::optional<std::string>(const std::string&)> name_in;
  std::function<Result<void>(const std::string& text, const std::string& file)> define;
};

// Refuses a text that names another object: defining it would make a second one.
Result<void> check_name(const Object& object, const std::string& text) {
  const auto given = object.name_in(text);
  if (!given || *given == object.name) return {};
  return fail(ErrorKind::Refused,
              fmt::format("{} '{}' cannot be renamed to '{}' by editing", object.noun, object.name, *given),
              fmt::format("keep the name, or define the new {} from a file and undefine the old one", object.noun));
}

// Refuses to lose what somebody else did while the editor was open.
Result<void> check_unchanged(const Object& object, const std::string& before) {
  const auto now = object.dump();
  if (now && *now == before) return {};
  if (!now && now.error().kind != ErrorKind::NotFound) return fail(now.error());
  return fail(ErrorKind::Refused,
              fmt::format("{} '{}' was {} by somebody else while it was edited", object.noun, object.name,
                          now ? "changed" : "undefined"),
              fmt::format("compare with `nwfctl {} dumpxml {}` and edit again",
                          object.noun == "network" ? "net" : object.noun, object.name));
}

// The error, telling where the edited text can be found.
tl::unexpected<Error> kept(Error error, EditedFile& file) {
  file.keep();
  if (!error.remedy.empty()) error.remedy += "; ";
  error.remedy += fmt::format("the edited text is kept in {}", file.path());
  return fail(std::move(error));
}

// True when the text was changed and defined.
Result<bool> edit(const Object& object, Terminal& terminal) {
  NWF_TRY(const std::string before, object.dump());
  NWF_TRY(EditedFile file, EditedFile::make(before, terminal));
  const std::vector<std::string> editor = editor_words(terminal);

  bool force = false;
  const auto define = [&](const std::string& text) -> Result<void> {
    NWF_CHECK(check_name(object, text));
    if (!force) NWF_CHECK(check_unchanged(object, before));
    return object.define(text, file.path());
  };

  while (true) {
    const auto ran = run_editor(editor, file.path());
    auto text = read_input(file.path(), terminal.in);
    if (!ran) {
      if (text && *text == before) return fail(ran.error());
      return kept(ran.error(), file);
    }
    if (!text) return kept(std::move(text).error(), file);
    if (*text == before) return false;

    for (bool edit_again = false; !edit_again;) {
      auto defined = define(*text);
      if (defined) return true;
      switch (ask(defined.error(), terminal)) {
        case Answer::EditAgain:
          edit_again = true;
          break;
        case Answer::Force:
          force = true;
          break;
        case Answer::ThrowAway:
          return fail(ErrorKind::Invalid,
                      fmt::format("the changes to {} '{}' were thrown away", object.noun, object.name));
        case Answer::None:
          return kept(std::move(defined).error(), file);
      }
    }
  }
}

// The name that a network's XML gives it, without reading the XML whole; it judges nothing.
std::optional<std::string> network_name_in(const std::string& xml) {
  constexpr std::string_view kStart = "<name>";
  const std::size_t start = xml.find(kStart);
  if (start == std::string::npos) return std::nullopt;
  const std::size_t end = xml.find('<', start + kStart.size());
  if (end == std::string::npos) return std::nullopt;
  const std::string name = xml.substr(start + kStart.size(), end - start - kStart.size());
  // With blanks or an entity in it, it is the reader's business.
  if (name.find_first_of(" \t\n&") != std::string::npos) return std::nullopt;
  return name;
}

}  // namespace

Result<FilterEdited> edit_filter(host::Service& service, const std::string& given_name, Terminal& terminal) {
  NWF_TRY(const host::FilterSummary filter, service.filter_lookup(given_name));
  FilterEdited edited{filter.name, std::nullopt};
  const Object object{"filter", filter.name, [&] { return service.filter_dumpxml(filter.name); }, root_name,
                      [&](const std::string& text, const std::string& file) -> Result<void> {
                        NWF_TRY(edited.result, service.filter_define(text, file));
                        return {};
                      }};
  NWF_CHECK(edit(object, terminal));
  return edited;
}

Result<NetworkEdited> edit_network(host::Service& service, const std::string& given_name, Terminal& terminal) {
  NWF_TRY(host::NetworkService* const networks, service.networks());
  NWF_TRY(const host::NetworkSummary network, networks->net_info(given_name));
  NetworkEdited edited{network.name, std::nullopt};
  const Object object{"network", network.name, [&] { return networks->net_dumpxml(network.name, true); },
                      network_name_in,
                      [&](const std::string& text, const std::string& file) -> Result<void> {
                        NWF_TRY(edited.result, networks->net_define(text, file));
                        return {};
                      }};
  NWF_CHECK(edit(object, terminal));
  return edited;
}

}  // namespace nwf::tools
