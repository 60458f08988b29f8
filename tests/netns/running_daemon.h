// SPDX-License-Identifier: GPL-2.0-or-later
// An nwfd of the test's own, in the test's namespaces, ended with it.
#pragma once

#include <signal.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "host/service.h"
#include "rpc/client.h"
#include "rpc/names.h"
#include "tests/harness/network.h"
#include "tests/harness/running_program.h"

namespace nwf::test {

class RunningDaemon {
 public:
  /// Starts `program` (and options after blanks) below `root`, with the further options, and waits until it answers.
  static Result<std::unique_ptr<RunningDaemon>> start(const std::string& program, const std::string& root,
                                                      const std::vector<std::string>& options = {}) {
    std::vector<std::string> words;
    std::istringstream split(program);
    for (std::string word; split >> word;) words.push_back(word);
    words.insert(words.end(), {"--root", root});
    words.insert(words.end(), options.begin(), options.end());
    NWF_TRY(auto running, RunningProgram::start(words));
    std::unique_ptr<RunningDaemon> daemon(new RunningDaemon(std::move(running), rpc::socket_path(root)));
    const auto answers_or_ended = [&] {
      if (daemon->program_->has_ended()) return true;
      const auto service = daemon->connect();
      return service && *service != nullptr && (*service)->filter_list().has_value();
    };
    if (!wait_for(answers_or_ended, std::chrono::seconds(30)) || daemon->pid() < 0)
      return fail(ErrorKind::Kernel, program + " does not come to answer");
    return daemon;
  }

  Result<std::unique_ptr<host::Service>> connect() const { return rpc::connect(socket_); }
  pid_t pid() const { return program_->pid(); }
  /// Sends the signal and waits for the end. The wait status, or -1 when it had ended before.
  int stop(int signal) { return program_->stop(signal); }

 private:
  RunningDaemon(std::unique_ptr<RunningProgram> program, std::string socket)
      : program_(std::move(program)), socket_(std::move(socket)) {}
  std::unique_ptr<RunningProgram> program_;
  std::string socket_;
};

}  // namespace nwf::test
