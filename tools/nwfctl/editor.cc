// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfctl/editor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <system_error>

namespace nwf::tools {
namespace {

// Ctrl-C in the editor is the editor's: until it ends, the signals of the keyboard do not end us.
class KeyboardIgnored {
 public:
  KeyboardIgnored() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGINT, &ignore, &interrupt_);
    ::sigaction(SIGQUIT, &ignore, &quit_);
  }
  KeyboardIgnored(const KeyboardIgnored&) = delete;
  KeyboardIgnored& operator=(const KeyboardIgnored&) = delete;
  ~KeyboardIgnored() { restore(); }
  void restore() const {
    ::sigaction(SIGINT, &interrupt_, nullptr);
    ::sigaction(SIGQUIT, &quit_, nullptr);
  }

 private:
  struct sigaction interrupt_ {};
  struct sigaction quit_ {};
};

tl::unexpected<Error> cannot_start(const std::string& program, int code) {
  return fail(ErrorKind::Storage,
              fmt::format("cannot start the editor '{}': {}", program, std::generic_category().message(code)),
              "name an editor in $VISUAL or $EDITOR");
}

}  // namespace

std::vector<std::string> editor_words(const Terminal& terminal) {
  for (const char* variable : {"VISUAL", "EDITOR"}) {
    std::istringstream value(terminal.environment(variable).value_or(""));
    std::vector<std::string> words;
    for (std::string word; value >> word;) words.push_back(word);
    if (!words.empty()) return words;
  }
  return {"vi"};
}

Result<void> run_editor(const std::vector<std::string>& words, const std::string& file) {
  std::vector<std::string> all = words;
  all.push_back(file);
  std::vector<char*> vector;
  vector.reserve(all.size() + 1);
  for (std::string& word : all) vector.push_back(word.data());
  vector.push_back(nullptr);

  // The child writes why it could not start; a started editor closes its end unwritten.
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return cannot_start(words.front(), errno);
  const KeyboardIgnored ignored;
  const pid_t child = ::fork();
  if (child < 0) {
    const int code = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    return cannot_start(words.front(), code);
  }
  if (child == 0) {
    ignored.restore();
    ::execvp(vector.front(), vector.data());
    const int code = errno;
    [[maybe_unused]] const ssize_t written = ::write(ends[1], &code, sizeof code);
    ::_exit(127);
  }
  ::close(ends[1]);
  int code = 0;
  ssize_t count = 0;
  do {
    count = ::read(ends[0], &code, sizeof code);
  } while (count < 0 && errno == EINTR);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return cannot_start(words.front(), errno);
  }
  if (count == sizeof code) return cannot_start(words.front(), code);
  if (status == 0) return {};
  return fail(ErrorKind::Storage,
              WIFSIGNALED(status)
                  ? fmt::format("the editor '{}' was killed by signal {}", words.front(), WTERMSIG(status))
                  : fmt::format("the editor '{}' ended with status {}", words.front(), WEXITSTATUS(status)));
}

}  // namespace nwf::tools
