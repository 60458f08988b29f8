// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwf-hook/ask_nwfd.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "rpc/names.h"

namespace nwf::hook {
namespace {

using Clock = std::chrono::steady_clock;
/// As every client of nwfd: one that hangs is ended by its watchdog before this.
constexpr std::chrono::seconds kPatience{120};

/// D-Bus specification, "Message Format": the byte order mark, the kinds of messages, the header's fields.
constexpr char kByteOrder = std::endian::native == std::endian::little ? 'l' : 'B';
constexpr std::uint8_t kCall = 1, kReturn = 2, kError = 3, kVersion = 1;
constexpr std::uint8_t kPath = 1, kInterface = 2, kMember = 3, kSignature = 8;
/// "Message Protocol": no message is longer.
constexpr std::size_t kLongest = std::size_t{128} << 20;
/// Of the header the part that does not vary: it ends with the length of the fields.
constexpr std::size_t kFixed = 16;

/// Values one behind the other, each at a multiple of its size.
class Writer {
 public:
  void align(std::size_t to) { bytes_.resize((bytes_.size() + to - 1) / to * to); }
  void byte(std::uint8_t value) { bytes_ += static_cast<char>(value); }
  void number(std::size_t value) {
    align(4);
    put(bytes_.size(), value);
  }
  /// A string, an object path.
  void text(std::string_view value) {
    number(value.size());
    (bytes_ += value) += '\0';
  }
  void signature(std::string_view value) {
    byte(static_cast<std::uint8_t>(value.size()));
    (bytes_ += value) += '\0';
  }
  void array_of_bytes(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  /// Room for the length of what follows, which set_length() gives.
  std::size_t length() {
    number(0);
    return bytes_.size() - 4;
  }
  void set_length(std::size_t at, std::size_t from) { put(at, bytes_.size() - from); }
  std::size_t size() const { return bytes_.size(); }
  const std::string& bytes() const { return bytes_; }

 private:
  void put(std::size_t at, std::size_t value) {
    const auto four = static_cast<std::uint32_t>(value);
    if (bytes_.size() < at + 4) bytes_.resize(at + 4);
    std::memcpy(bytes_.data() + at, &four, 4);
  }
  std::string bytes_;
};

std::string call_of_hook(const std::string& program, const std::vector<std::string>& words,
                         const std::string& document) {
  Writer body;
  body.text(program);
  const std::size_t length = body.length();
  const std::size_t first = body.size();
  for (const std::string& word : words) body.text(word);
  body.set_length(length, first);
  body.array_of_bytes(document);

  Writer message;
  message.byte(static_cast<std::uint8_t>(kByteOrder));
  message.byte(kCall);
  message.byte(0);
  message.byte(kVersion);
  message.number(body.size());
  message.number(1);  // the serial number
  const std::size_t fields = message.length();
  const auto field = [&](std::uint8_t code, std::string_view type) {
    message.align(8);
    message.byte(code);
    message.signature(type);
  };
  const auto named = [&](std::uint8_t code, std::string_view type, std::string_view value) {
    field(code, type);
    message.text(value);
  };
  named(kPath, "o", rpc::kObjectPath);
  named(kInterface, "s", rpc::kInterface);
  named(kMember, "s", "Hook");
  field(kSignature, "g");
  message.signature("sasay");
  message.set_length(fields, kFixed);
  message.align(8);
  return message.bytes() + body.bytes();
}

class Connection {
 public:
  explicit Connection(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const timeval patience{kPatience.count(), 0};
    if (fd_ >= 0) setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    // sockets(7): every address begins like a sockaddr
    if (fd_ >= 0 && connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) close_now();
  }
  ~Connection() { close_now(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool open() const { return fd_ >= 0; }

  bool send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent < 0 && errno == EINTR) continue;
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// A line up to its \r\n, without it.
  bool take_line(std::string& line) {
    std::size_t end = 0;
    while ((end = read_.find("\r\n")) == std::string::npos)
      if (!more()) return false;
    line = read_.substr(0, end);
    read_.erase(0, end + 2);
    return true;
  }

  bool take(std::size_t size, std::string& bytes) {
    while (read_.size() < size)
      if (!more()) return false;
    bytes = read_.substr(0, size);
    read_.erase(0, size);
    return true;
  }

 private:
  bool more() {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(kPatience - (Clock::now() - began_)).count();
    pollfd readable{fd_, POLLIN, 0};
    const int ready = left > 0 ? poll(&readable, 1, static_cast<int>(left)) : 0;
    if (ready < 0 && errno == EINTR) return true;
    if (ready <= 0) return false;
    char some[4096];
    const ssize_t got = recv(fd_, some, sizeof some, 0);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    read_.append(some, static_cast<std::size_t>(got));
    return true;
  }

  void close_now() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  int fd_ = -1;
  Clock::time_point began_ = Clock::now();
  std::string read_;
};

/// Reads what Writer writes. Past the end of the bytes everything is 0 and empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::size_t number() {
    at_ = (at_ + 3) / 4 * 4;
    std::uint32_t four = 0;
    if (at_ <= bytes_.size() && bytes_.size() - at_ >= 4) std::memcpy(&four, bytes_.data() + at_, 4);
    at_ += 4;
    return four;
  }
  std::string text() {
    const std::size_t size = number();
    if (at_ > bytes_.size() || bytes_.size() - at_ < size) {
      at_ = bytes_.size();
      return {};
    }
    std::string text(bytes_.substr(at_, size));
    at_ += size + 1;
    return text;
  }
  std::size_t at() const { return at_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

struct Message {
  std::uint8_t kind = 0;
  std::string fields, body;
};

bool take_message(Connection& connection, Message& message) {
  std::string head;
  if (!connection.take(kFixed, head) || head[0] != kByteOrder) return false;
  message.kind = static_cast<std::uint8_t>(head[1]);
  Reader numbers(std::string_view(head).substr(4));
  const std::size_t body = numbers.number();
  numbers.number();
  const std::size_t fields = numbers.number();
  if (body > kLongest || fields > kLongest) return false;
  return connection.take((fields + 7) / 8 * 8, message.fields) && connection.take(body, message.body);
}

Answer refusal(const std::string& why) { return {true, {why}}; }

std::string hexadecimal(const std::string& text) {
  std::string digits;
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    digits += "0123456789abcdef"[byte >> 4U];
    digits += "0123456789abcdef"[byte & 15U];
  }
  return digits;
}

}  // namespace

std::optional<Answer> ask_nwfd(const std::string& socket, const std::string& program,
                               const std::vector<std::string>& words, const std::string& document) {
  Connection connection(socket);
  if (!connection.open()) return std::nullopt;
  // "Authentication Protocol": the socket says who we are. The call waits for the answer: sd-bus overlooks a message
  // that comes so early that it was read together with BEGIN.
  const std::string hello =
      std::string(1, '\0') + "AUTH EXTERNAL " + hexadecimal(std::to_string(geteuid())) + "\r\nBEGIN\r\n";
  std::string line;
  if (!connection.send(hello) || !connection.take_line(line) || !line.starts_with("OK ") ||
      !connection.send(call_of_hook(program, words, document)))
    return refusal("nwfd does not speak to us; see `nwfctl status`");
  Message message;
  do {
    if (!take_message(connection, message))
      return refusal("nwfd ended, or did not answer, before it said what it did; see `nwfctl status`, and try again");
  } while (message.kind != kReturn && message.kind != kError);
  Reader body(message.body);
  if (message.kind == kError) {
    if (message.fields.find("org.freedesktop.DBus.Error.UnknownMethod") != std::string::npos) return std::nullopt;
    return refusal(body.text());
  }
  Answer answer;
  const std::size_t size = body.number();
  while (body.at() < 4 + size && body.at() < message.body.size()) answer.lines.push_back(body.text());
  return answer;
}

}  // namespace nwf::hook
