// SPDX-License-Identifier: GPL-2.0-or-later
// What a stranger sends to nwfd's private socket: from an even first byte on, bytes as they are; from an odd one, the
// body of a call that the second byte chooses.
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "host/service_for_tests.h"
#include "rpc/handles.h"
#include "rpc/methods.h"
#include "rpc/names.h"
#include "rpc/server.h"
#include "tests/fuzz/must.h"

namespace {

using nwf::fuzz::must;
using nwf::rpc::Method;

/// D-Bus specification, "Message Format": little endian.
class Message {
 public:
  Message(const Method& method, std::string_view body) {
    bytes_ = std::string("l\1\0\1", 4);
    number(static_cast<std::uint32_t>(body.size()));
    number(1);
    number(0);  // length of the fields, below
    field(1, 'o', nwf::rpc::kObjectPath);
    field(2, 's', nwf::rpc::kInterface);
    field(3, 's', method.name);
    if (!method.in.empty()) field(8, 'g', method.in);
    const auto fields = static_cast<std::uint32_t>(bytes_.size() - 16);
    std::memcpy(bytes_.data() + 12, &fields, 4);
    pad(8);
    bytes_ += body;
  }
  const std::string& bytes() const { return bytes_; }

 private:
  void pad(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
  void number(std::uint32_t value) { bytes_.append(reinterpret_cast<const char*>(&value), 4); }
  void field(char code, char type, const std::string& text) {
    pad(8);
    bytes_ += code;
    bytes_ += '\1';
    bytes_ += type;
    bytes_ += '\0';
    if (type == 'g') {
      bytes_ += static_cast<char>(text.size());
    } else {
      pad(4);
      number(static_cast<std::uint32_t>(text.size()));
    }
    bytes_ += text;
    bytes_ += '\0';
  }
  std::string bytes_;
};

/// As in a daemon, one server takes all that come, whatever those before them sent.
struct Answering {
  nwf::host::PlainService service;
  nwf::rpc::Loop loop = new_loop();
  std::unique_ptr<nwf::rpc::Server> server = nwf::rpc::Server::open(loop.get(), service, ours());

  static nwf::rpc::Loop new_loop() {
    sd_event* made = nullptr;
    must(sd_event_new(&made) >= 0, "there is a loop", "");
    return nwf::rpc::Loop(made);
  }
  static nwf::rpc::Policy ours() {
    nwf::rpc::Policy policy;
    policy.group = getgid();
    return policy;
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  // The authentication that every client begins with: EXTERNAL, user 0 as the digit's number.
  std::string sent = std::string("\0AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n", 45);
  const auto methods = nwf::rpc::methods();
  if (data[0] % 2 == 0)
    sent += rest;
  else
    sent += Message(methods[data[1] % methods.size()], rest).bytes();

  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return 0;
  static Answering answering;
  must(answering.server->serve(ends[0]).has_value(), "a connection is taken", "");
  must(write(ends[1], sent.data(), sent.size()) == static_cast<ssize_t>(sent.size()), "all is sent", "");
  shutdown(ends[1], SHUT_WR);
  // At the end of what was sent the server lets the connection go.
  for (int i = 0; i < 64 && answering.server->connections() > 0; ++i)
    must(sd_event_run(answering.loop.get(), 0) >= 0, "the loop goes on", "");
  must(answering.server->connections() == 0, "a connection that ended is let go", "");
  answering.service.asked.clear();
  close(ends[1]);
  return 0;
}
