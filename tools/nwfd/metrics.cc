// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/metrics.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "rpc/handles.h"

namespace nwf::tools {
namespace {

using rpc::EventSource;

/// Most connections that are kept while nothing is asked on them.
constexpr std::size_t kMaxAskers = 16;

/// A label's value, escaped as the format says.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out + "\"";
}

/// The bound of a class as the format wants it: 1.0, not 1.
std::string canonical(double number) {
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help, std::string_view unit = "") {
    text_ += fmt::format("# TYPE {} {}\n", name, type);
    if (!unit.empty()) text_ += fmt::format("# UNIT {} {}\n", name, unit);
    text_ += fmt::format("# HELP {} {}\n", name, help);
  }
  template <class T>
  void sample(std::string_view name, const std::string& labels, T value) {
    text_ += fmt::format("{}{}{}{} {}\n", name, labels.empty() ? "" : "{", labels, labels.empty() ? "" : "}", value);
  }
  void histogram(std::string_view name, std::string_view help, const host::Latency& latency) {
    family(name, "histogram", help, "seconds");
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < latency.classes.size(); ++i) {
      below += latency.classes[i];
      const std::string end =
          i < host::kLatencyClasses.size() ? canonical(static_cast<double>(host::kLatencyClasses[i]) / 1e6) : "+Inf";
      sample(fmt::format("{}_bucket", name), fmt::format("le=\"{}\"", end), below);
    }
    sample(fmt::format("{}_count", name), "", latency.count);
    sample(fmt::format("{}_sum", name), "", static_cast<double>(latency.sum_us) / 1e6);
  }
  std::string end() && { return std::move(text_) + "# EOF\n"; }

 private:
  std::string text_;
};

class Socket final : public MetricsSocket {
 public:
  Socket(sd_event* loop, Make make) : loop_(loop), make_(std::move(make)) {}

  Result<void> watch(int listening) {
    sd_event_source* made = nullptr;
    const auto on_connection = [](sd_event_source*, int fd, std::uint32_t, void* self) {
      static_cast<Socket*>(self)->take_in(fd);
      return 0;
    };
    if (sd_event_add_io(loop_, &made, listening, EPOLLIN, on_connection, this) < 0) {
      close(listening);
      return fail(ErrorKind::Kernel, "cannot watch the metrics socket");
    }
    sd_event_source_set_io_fd_own(made, 1);
    listening_.reset(made);
    return {};
  }

 private:
  /// An answer before the question would close the connection under the asker's hands.
  void take_in(int listening) {
    const int fd = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    const auto on_question = [](sd_event_source* source, int connection, std::uint32_t, void* self) {
      static_cast<Socket*>(self)->answer(source, connection);
      return 0;
    };
    sd_event_source* made = nullptr;
    if (sd_event_add_io(loop_, &made, fd, EPOLLIN, on_question, this) < 0) {
      close(fd);
      return;
    }
    sd_event_source_set_io_fd_own(made, 1);
    askers_.emplace_back(made);
    // Who connects and says nothing gives way.
    if (askers_.size() > kMaxAskers) askers_.erase(askers_.begin());
  }

  void answer(sd_event_source* source, int fd) {
    const auto text = make_();
    const std::string body = text ? *text : describe(text.error()) + "\n";
    const std::string response =
        fmt::format("HTTP/1.0 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                    text ? "200 OK" : "503 Service Unavailable",
                    text ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; charset=utf-8",
                    body.size(), body);
    const int room = static_cast<int>(std::min<std::size_t>(response.size() * 2, 64U << 20U));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    [[maybe_unused]] const ssize_t sent = send(fd, response.data(), response.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    // Closing with something unread would reset the connection before our text is read.
    shutdown(fd, SHUT_WR);
    char request[4096];
    while (recv(fd, request, sizeof request, MSG_DONTWAIT) > 0) {
    }
    std::erase_if(askers_, [&](const EventSource& asker) { return asker.get() == source; });
  }

  sd_event* loop_;
  Make make_;
  EventSource listening_;
  std::vector<EventSource> askers_;  ///< in the order they came
};

}  // namespace

std::string to_openmetrics(const host::Figures& figures) {
  Writer out;
  out.family("nwf_build", "info", "The daemon's release, and whose the kernel's tables are.");
  out.sample("nwf_build_info", fmt::format("version={},tables={}", quoted(figures.version), quoted(figures.tables)), 1);
  out.family("nwf_uptime_seconds", "gauge", "Since the daemon started.", "seconds");
  out.sample("nwf_uptime_seconds", "", static_cast<double>(figures.uptime_us) / 1e6);
  out.family("nwf_resident_bytes", "gauge", "Memory of the daemon.", "bytes");
  out.sample("nwf_resident_bytes", "", figures.resident_bytes);
  out.family("nwf_clients", "gauge", "Connections of the private socket.");
  out.sample("nwf_clients", "", figures.clients);
  out.family("nwf_events", "counter", "What happened, by kind.");
  for (const auto& [kind, count] : figures.events)
    out.sample("nwf_events_total", fmt::format("kind={}", quoted(kind)), count);
  out.histogram("nwf_transaction_seconds", "Kernel transactions that were applied.", figures.transactions);
  out.family("nwf_transactions_refused", "counter", "Kernel transactions refused or outdated.");
  out.sample("nwf_transactions_refused_total", "", figures.transactions_refused);
  out.histogram("nwf_heal_seconds", "From the news of somebody else's change to its undoing.", figures.heals);
  const host::LearnerFigures& learner = figures.learner;
  out.family("nwf_learner_frames", "counter", "Frames that were looked at to learn addresses.");
  out.sample("nwf_learner_frames_total", "", learner.frames);
  out.family("nwf_learner_frames_lost", "counter", "Frames for which there was no room.");
  out.sample("nwf_learner_frames_lost_total", "", learner.lost);
  out.family("nwf_learner_changes", "counter",
             "Changes of what is believed of ports' addresses; ended: of leases that ended.");
  out.sample("nwf_learner_changes_total", "kind=\"learned\"", learner.learned - learner.ended);
  out.sample("nwf_learner_changes_total", "kind=\"ended\"", learner.ended);
  out.sample("nwf_learner_changes_total", "kind=\"refused\"", learner.refused);
  out.histogram("nwf_learn_seconds", "From a frame to what it teaches in force.", learner.latency);
  out.family("nwf_learner_untrusted", "counter", "Messages of servers and routers that nobody trusts.");
  out.sample("nwf_learner_untrusted_total", "", learner.untrusted);
  out.family("nwf_learner_limited", "counter", "Times that an interface sent too much and was not listened to.");
  out.sample("nwf_learner_limited_total", "", learner.limited);
  out.family("nwf_ports", "gauge", "Bound ports, by whether their interface exists.");
  const auto there = std::ranges::count_if(figures.ports, &host::PortFigures::there);
  out.sample("nwf_ports", "there=\"true\"", there);
  out.sample("nwf_ports", "there=\"false\"", static_cast<std::ptrdiff_t>(figures.ports.size()) - there);
  struct Column {
    const char* name;
    const char* help;
    std::uint64_t host::PortFigures::*member;
  };
  constexpr Column kColumns[] = {
      {"nwf_port_out_frames", "Frames the guest sent, before any rule.", &host::PortFigures::frames_out},
      {"nwf_port_out_bytes", "Bytes the guest sent, before any rule.", &host::PortFigures::bytes_out},
      {"nwf_port_in_frames", "Frames that came to the guest.", &host::PortFigures::frames_in},
      {"nwf_port_in_bytes", "Bytes that came to the guest.", &host::PortFigures::bytes_in}};
  for (const Column& column : kColumns) {
    out.family(column.name, "counter", column.help);
    for (const host::PortFigures& port : figures.ports)
      if (port.there)
        out.sample(fmt::format("{}_total", column.name),
                   fmt::format("port={},filter={}", quoted(port.port), quoted(port.filter)), port.*column.member);
  }
  struct DropColumn {
    const char* name;
    const char* help;
    std::uint64_t host::PortDrops::*member;
  };
  constexpr DropColumn kDropColumns[] = {
      {"nwf_dropped_packets", "Packets that a rule dropped, by port and rule.", &host::PortDrops::packets},
      {"nwf_dropped_bytes", "Their bytes, without Ethernet headers.", &host::PortDrops::bytes}};
  for (const DropColumn& column : kDropColumns) {
    out.family(column.name, "counter", column.help);
    for (const host::PortDrops& drop : figures.drops)
      out.sample(fmt::format("{}_total", column.name),
                 fmt::format("port={},filter={},layer=\"{}\",direction=\"{}\",rule={}", quoted(drop.port),
                             quoted(drop.filter), drop.layer == Layer::Ethernet ? "ethernet" : "inet",
                             drop.direction == Direction::Out ? "out" : "in", quoted(drop.rule)),
                 drop.*column.member);
  }
  return std::move(out).end();
}

Result<std::unique_ptr<MetricsSocket>> MetricsSocket::open(sd_event* loop, int listening, Make make) {
  auto socket = std::make_unique<Socket>(loop, std::move(make));
  NWF_CHECK(socket->watch(listening));
  return std::unique_ptr<MetricsSocket>(std::move(socket));
}

}  // namespace nwf::tools
