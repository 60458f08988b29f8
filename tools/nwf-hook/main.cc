// SPDX-License-Identifier: GPL-2.0-or-later
// libvirt's qemu and network hook, and QEMU's script= and downscript=, by the name it is called by. What there is to do
// is host/hook.h's. Here is only what has to be in the program that libvirt starts and waits for: it loads nothing but
// the C library, and libnwf when no nwfd runs.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "host/hook.h"
#include "host/nwf.h"
#include "rpc/names.h"
#include "tools/nwf-hook/ask_nwfd.h"

namespace {

using nwf::hook::Answer;

/// Everything that `fd` gives; false with errno when it cannot be read.
bool read_all(int fd, std::string& text) {
  char some[16384];
  while (true) {
    const ssize_t got = read(fd, some, sizeof some);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0;
    text.append(some, static_cast<std::size_t>(got));
  }
}

/// What the call is about: for QEMU's script the file that describes the port, else what is on standard input.
bool read_document(const std::string& root, const std::string& program, const std::vector<std::string>& words,
                   std::string& text) {
  if (words.size() != 1) {
    if (words.size() < 3 || read_all(STDIN_FILENO, text)) return true;
    std::fprintf(stderr, "nwf-hook: standard input cannot be read: %s\n", std::strerror(errno));
    return false;
  }
  if (!program.ends_with("ifup")) return true;
  if (words[0].find('/') != std::string::npos) return true;  // no name of a port: it is refused where names are read
  const std::string path = root + nwf::host::kPortFiles + words[0] + ".xml";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool read = fd >= 0 && read_all(fd, text);
  if (!read)
    std::fprintf(stderr, "nwf-hook: port %s is not described: %s: %s; write the guest's <interface> there\n",
                 words[0].c_str(), path.c_str(), std::strerror(errno));
  if (fd >= 0) close(fd);
  return read;
}

/// libnwf, of the library that was installed with this program. It stays loaded until the process ends, which is soon:
/// libraries that it uses keep memory for as long as they are there, and would lose it.
class Library {
 public:
  Library() : handle_(dlopen("libnwf.so.0", RTLD_NOW | RTLD_LOCAL)) {}

  template <class F>
  F* function(const char* name) const {
    return handle_ == nullptr ? nullptr : reinterpret_cast<F*>(dlsym(handle_, name));
  }

 private:
  void* handle_;
};

Answer in_process(const std::string& root, const std::string& program, const std::vector<std::string>& words,
                  const std::string& document) {
  const Library library;
  auto* const open_host = library.function<decltype(nwf_host_open)>("nwf_host_open");
  auto* const close_host = library.function<decltype(nwf_host_close)>("nwf_host_close");
  auto* const hook = library.function<decltype(nwf_host_hook)>("nwf_host_hook");
  auto* const error_text = library.function<decltype(nwf_error_text)>("nwf_error_text");
  auto* const free_error = library.function<decltype(nwf_error_free)>("nwf_error_free");
  if (open_host == nullptr || close_host == nullptr || hook == nullptr || error_text == nullptr ||
      free_error == nullptr) {
    const char* why = dlerror();
    return {true, {std::string("no nwfd runs, and libnwf cannot be used: ") + (why == nullptr ? "" : why)}};
  }
  nwf_error* raw_error = nullptr;
  const auto refusal = [&] {
    const std::unique_ptr<nwf_error, decltype(free_error)> error(raw_error, free_error);
    return Answer{true, {error_text(error.get())}};
  };
  const std::unique_ptr<nwf_host, decltype(close_host)> host(open_host(root.c_str(), 0, &raw_error), close_host);
  if (host == nullptr) return refusal();
  std::vector<const char*> given;
  for (const std::string& word : words) given.push_back(word.c_str());
  char* raw_warnings = nullptr;
  if (hook(host.get(), program.c_str(), static_cast<int>(given.size()), given.data(), document.c_str(), &raw_warnings,
           &raw_error) != 0)
    return refusal();
  const std::unique_ptr<char, decltype(&std::free)> warnings(raw_warnings, &std::free);
  Answer answer;
  for (const char* line = warnings.get(); line != nullptr && *line != '\0';) {
    const char* end = std::strchr(line, '\n');
    answer.lines.emplace_back(line, end);
    line = end + 1;
  }
  return answer;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string program = argc > 0 ? argv[0] : "nwf-hook";
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  // A caller's words are all taken, so where else than / the state lies comes from outside them.
  const char* given = std::getenv("NWF_ROOT");
  std::string root = given == nullptr ? "" : given;
  while (!root.empty() && root.back() == '/') root.pop_back();
  std::string document;
  if (!read_document(root, program, words, document)) return 1;
  if (document.find('\0') != std::string::npos) {
    std::fputs("nwf-hook: the text has a zero byte in it: this is no XML\n", stderr);
    return 1;
  }
  auto answer = nwf::hook::ask_nwfd(nwf::rpc::socket_path(root), program, words, document);
  if (!answer) answer = in_process(root, program, words, document);
  for (const std::string& line : answer->lines)
    std::fprintf(stderr, "nwf-hook: %s%s\n", answer->refused ? "" : "warning: ", line.c_str());
  return answer->refused ? 1 : 0;
}
