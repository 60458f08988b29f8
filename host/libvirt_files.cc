// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/libvirt_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <system_error>

#include "host/running_guests.h"
#include "xml/binding.h"
#include "xml/document.h"
#include "xml/domain.h"
#include "xml/filter.h"
#include "xml/write.h"

namespace nwf::host {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".xml";

tl::unexpected<Error> cannot_read(const std::string& path, int code) {
  const bool denied = code == EACCES || code == EPERM;
  return fail(denied ? ErrorKind::Denied : ErrorKind::Storage,
              fmt::format("cannot read {}: {}", path, std::generic_category().message(code)),
              denied ? "run as root" : "");
}

/// The .xml files of a directory, sorted; none when it is not there.
Result<std::vector<std::string>> files_in(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code failed;
  fs::directory_iterator entry(directory, failed);
  if (failed == std::errc::no_such_file_or_directory) return files;
  for (; !failed && entry != fs::directory_iterator(); entry.increment(failed)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.size() > kSuffix.size() && name.ends_with(kSuffix) && !name.starts_with('.') &&
        entry->is_regular_file(ignored))
      files.push_back(entry->path().string());
  }
  if (failed) return cannot_read(directory, failed.value());
  std::ranges::sort(files);
  return files;
}

Result<std::string> text_of(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return cannot_read(path, errno);
  std::ostringstream text;
  text << stream.rdbuf();
  if (stream.bad()) return cannot_read(path, EIO);
  return std::move(text).str();
}

const xml::Element* child_of(const xml::Element& element, std::string_view name) {
  const auto found =
      std::find_if(element.children.begin(), element.children.end(), [&](const auto& c) { return c.name == name; });
  return found == element.children.end() ? nullptr : &*found;
}

/// Blanks in place of a part of a text, so that every other place in it stays where it is.
void blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t i = begin; i < std::min(end, text.size()); ++i)
    if (text[i] != '\n') text[i] = ' ';
}

/// The <filterbinding> of a status file, without the MAC that libvirt repeats as a variable.
std::string binding_text(std::string text, const xml::Element& root) {
  const xml::Element* binding = root.name == "filterbindingstatus" ? child_of(root, "filterbinding") : &root;
  if (binding == nullptr || binding->end == 0) return text;
  const xml::Element* mac = child_of(*binding, "mac");
  const std::string* address = mac == nullptr ? nullptr : mac->attribute("address");
  if (const xml::Element* reference = child_of(*binding, "filterref"); reference != nullptr && address != nullptr)
    for (const xml::Element& parameter : reference->children) {
      const std::string *name = parameter.attribute("name"), *value = parameter.attribute("value");
      if (name != nullptr && value != nullptr && *name == "MAC" && *value == *address)
        blank(text, parameter.begin, parameter.end);
    }
  blank(text, 0, binding->begin);
  blank(text, binding->end, text.size());
  return text;
}

class Reader {
 public:
  explicit Reader(const std::string& root) : root_(root) {
    while (!root_.empty() && root_.back() == '/') root_.pop_back();
  }

  Result<LibvirtFiles> read() {
    NWF_CHECK(each("/etc/libvirt/nwfilter", [&](Document file) { return filter(std::move(file)); }));
    NWF_CHECK(each("/run/libvirt/nwfilter-binding", [&](Document file) { return binding(std::move(file)); }));
    NWF_CHECK(guests());
    NWF_TRY(const auto networks, files_in(root_ + "/etc/libvirt/qemu/networks"));
    for (const std::string& file : networks) files_.networks.push_back(fs::path(file).stem().string());
    if (mistake_) return fail(std::move(*mistake_));
    for (auto& [port, binding] : bindings_) files_.bindings.push_back(std::move(binding));
    return std::move(files_);
  }

 private:
  template <class Take>
  Result<void> each(const std::string& directory, Take take) {
    NWF_TRY(const auto files, files_in(root_ + directory));
    for (const std::string& file : files) {
      NWF_TRY(std::string text, text_of(file));
      if (auto taken = take(Document{file, std::move(text)}); !taken) wrong(std::move(taken).error());
    }
    return {};
  }

  Result<void> filter(Document file) {
    NWF_TRY(const xml::Element root, xml::read_document(file.text, file.file));
    NWF_TRY(auto parsed, xml::read_filter(root));
    warn(parsed.warnings);
    LibvirtFilter read{std::make_shared<const Filter>(std::move(parsed.value)), std::move(file), 0, 0};
    if (const xml::Element* uuid = child_of(root, "uuid")) read.uuid_begin = uuid->begin, read.uuid_end = uuid->end;
    files_.filters.push_back(std::move(read));
    return {};
  }

  Result<void> binding(Document file) {
    NWF_TRY(const xml::Element root, xml::read_document(file.text, file.file));
    file.text = binding_text(std::move(file.text), root);
    NWF_TRY(auto parsed, xml::read_binding(file.text, file.file));
    warn(parsed.warnings);
    const std::string port = parsed.value.port.text();
    const auto [there, fresh] = bindings_.emplace(port, LibvirtBinding{std::move(parsed.value), std::move(file)});
    if (!fresh)
      return fail({ErrorKind::Invalid,
                   fmt::format("port {} is bound in {} already", port, there->second.document.file),
                   root.source,
                   "delete one of the two bindings in libvirt",
                   {}});
    return {};
  }

  Result<void> guests() {
    NWF_TRY(const auto running, RunningGuests::open(root_ + "/run/libvirt/qemu"));
    auto all = running->all();
    std::ranges::sort(all, {}, &GuestFile::name);
    for (const GuestFile& guest : all)
      if (auto taken = this->guest(guest); !taken) wrong(std::move(taken).error());
    return {};
  }

  Result<void> guest(const GuestFile& file) {
    NWF_TRY(auto parsed, xml::read_domain(*file.text, file.path));
    warn(parsed.warnings);
    for (Binding& binding : parsed.value.bindings) {
      const std::string port = binding.port.text();
      // As if it stood alone in the guest's file, at the interface's place.
      Document alone{file.path, std::string(static_cast<std::size_t>(std::max(binding.source.line - 1, 0)), '\n') +
                                    std::string(static_cast<std::size_t>(std::max(binding.source.column - 1, 0)), ' ') +
                                    xml::write_binding(binding)};
      const auto [there, fresh] = bindings_.emplace(port, LibvirtBinding{binding, std::move(alone)});
      const Binding& bound = there->second.binding;
      if (!fresh && (bound.filter != binding.filter || bound.mac != binding.mac))
        files_.warnings.push_back(fmt::format(
            "{}:{}:{}: guest {} says filter {} and address {} of port {}, its binding {} and {}; the binding "
            "is what is in force, and taken",
            file.path, binding.source.line, binding.source.column, binding.owner.name, binding.filter,
            binding.mac.text(), port, bound.filter, bound.mac.text()));
    }
    return {};
  }

  void warn(const std::vector<Error>& warnings) {
    for (const Error& warning : warnings) files_.warnings.push_back(describe(warning));
  }
  void wrong(Error error) {
    if (!mistake_) {
      mistake_ = std::move(error);
      return;
    }
    std::vector<Error> more = std::move(error.more);
    error.more.clear();
    mistake_->more.push_back(std::move(error));
    for (Error& further : more) mistake_->more.push_back(std::move(further));
  }

  std::string root_;
  LibvirtFiles files_;
  std::map<std::string, LibvirtBinding> bindings_;
  std::optional<Error> mistake_;
};

}  // namespace

Document LibvirtFilter::without_uuid() const {
  Document without = document;
  blank(without.text, uuid_begin, uuid_end);
  return without;
}

Result<LibvirtFiles> read_libvirt_files(const std::string& root) { return Reader(root).read(); }

}  // namespace nwf::host
