// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/harness/running_program.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace nwf::test {

Result<std::unique_ptr<RunningProgram>> RunningProgram::start(const std::vector<std::string>& argv) {
  std::vector<std::string> words = argv;
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return fail(ErrorKind::Kernel, argv[0] + ": " + std::strerror(errno));
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execvp(pointers[0], pointers.data());
    _exit(127);
  }
  return std::unique_ptr<RunningProgram>(new RunningProgram(child));
}

RunningProgram::~RunningProgram() { stop(SIGTERM); }

bool RunningProgram::has_ended() {
  if (child_ >= 0 && waitpid(child_, nullptr, WNOHANG) == child_) child_ = -1;
  return child_ < 0;
}

int RunningProgram::stop(int signal) {
  if (has_ended()) return -1;
  int status = -1;
  kill(child_, signal);
  waitpid(std::exchange(child_, -1), &status, 0);
  return status;
}

}  // namespace nwf::test
