// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nwfd/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "rpc/handles.h"

namespace nwf::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

host::Figures some() {
  host::Figures figures;
  figures.version = "1.2";
  figures.tables = "owned";
  figures.uptime_us = 1'500'000;
  figures.resident_bytes = 8192;
  figures.events = {{"bound", 3}, {"healed", 1}};
  figures.transactions.add(15);
  figures.transactions.add(15);
  figures.transactions.add(300);
  figures.transactions_refused = 2;
  figures.learner.learned = 5;
  figures.learner.ended = 2;
  figures.ports = {{"vnet0", "a\"b\\c\nd", "br0", true, 1, 60, 2, 120}, {"vnet1", "web", "", false, 0, 0, 0, 0}};
  figures.drops = {{"vnet0", "web", Layer::Ethernet, Direction::Out, "web rule 2 line 5", 7, 420}};
  return figures;
}

TEST(OpenMetrics, WhatIsCountedIsThere) {
  const std::string text = to_openmetrics(some());
  EXPECT_THAT(text, HasSubstr("nwf_build_info{version=\"1.2\",tables=\"owned\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("nwf_uptime_seconds 1.5\n"));
  EXPECT_THAT(text, HasSubstr("nwf_events_total{kind=\"bound\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transactions_refused_total 2\n"));
  EXPECT_THAT(text, HasSubstr("nwf_learner_changes_total{kind=\"learned\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("nwf_learner_changes_total{kind=\"ended\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("nwf_ports{there=\"true\"} 1\nnwf_ports{there=\"false\"} 1\n"));
  EXPECT_THAT(text, Not(HasSubstr("port=\"vnet1\""))) << "nothing is known of a port that is not there";
}

TEST(OpenMetrics, DropsAreCountedByPortAndRule) {
  const std::string labels =
      "{port=\"vnet0\",filter=\"web\",layer=\"ethernet\",direction=\"out\",rule=\"web rule 2 line 5\"}";
  EXPECT_THAT(to_openmetrics(some()), HasSubstr("nwf_dropped_packets_total" + labels + " 7\n"));
  EXPECT_THAT(to_openmetrics(some()), HasSubstr("nwf_dropped_bytes_total" + labels + " 420\n"));
}

TEST(OpenMetrics, ALabelIsEscaped) {
  EXPECT_THAT(to_openmetrics(some()),
              HasSubstr("nwf_port_in_bytes_total{port=\"vnet0\",filter=\"a\\\"b\\\\c\\nd\"} 120\n"));
}

TEST(OpenMetrics, AHistogramCountsUpwards) {
  const std::string text = to_openmetrics(some());
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_bucket{le=\"1e-05\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_bucket{le=\"2e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_bucket{le=\"0.0002\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_bucket{le=\"0.0005\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_bucket{le=\"1.0\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("nwf_transaction_seconds_count 3\nnwf_transaction_seconds_sum 0.00033\n"));
}

/// The text format's own rules: each family once, with its type before its samples, names that end as the type asks.
TEST(OpenMetrics, TheFormatIsKept) {
  const std::map<std::string, std::set<std::string>> suffixes{
      {"gauge", {""}}, {"info", {"_info"}}, {"counter", {"_total"}}, {"histogram", {"_bucket", "_count", "_sum"}}};
  const std::regex sample("([a-z_]+)(\\{([a-z]+=\"([^\"\\\\]|\\\\.)*\",?)*\\})? [0-9+.eE-]+");
  std::istringstream lines(to_openmetrics(some()));
  std::set<std::string> families;
  std::string line, family, type, last;
  while (std::getline(lines, line)) {
    last = line;
    std::istringstream words(line);
    std::string hash, what, name;
    if (words >> hash >> what >> name; hash == "#") {
      if (what != "TYPE") {
        EXPECT_TRUE(what == "EOF" || name == family) << line;
        EXPECT_TRUE(what != "UNIT" || name.ends_with("_" + line.substr(line.rfind(' ') + 1))) << line;
        continue;
      }
      family = name;
      words >> type;
      EXPECT_TRUE(suffixes.contains(type)) << line;
      EXPECT_TRUE(families.insert(family).second) << line << ": twice";
      continue;
    }
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(line, parts, sample)) << line;
    const std::string found = parts[1];
    ASSERT_TRUE(found.starts_with(family)) << line;
    EXPECT_TRUE(suffixes.at(type).contains(found.substr(family.size()))) << line << ", a " << type;
  }
  EXPECT_EQ(last, "# EOF");
}

/// A listening socket without a name in the file system, and one that connects to it.
class MetricsOnASocket : public ::testing::Test {
 protected:
  void SetUp() override {
    sd_event* made = nullptr;
    ASSERT_GE(sd_event_new(&made), 0);
    loop_.reset(made);
    listening_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un any{AF_UNIX, {}};
    // unix(7): an address of a family alone lets the kernel choose an abstract name
    ASSERT_EQ(bind(listening_, reinterpret_cast<const sockaddr*>(&any), sizeof(sa_family_t)), 0);
    ASSERT_EQ(listen(listening_, 32), 0);
  }
  int connected() const {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&address), size), 0);
    return fd;
  }
  void turn() {
    while (sd_event_run(loop_.get(), 0) > 0) {
    }
  }
  std::string asked(int fd) {
    EXPECT_EQ(write(fd, "GET / HTTP/1.0\r\n\r\n", 18), 18);
    turn();
    std::string text;
    char part[512];
    for (ssize_t got = 0; (got = read(fd, part, sizeof part)) > 0;) text.append(part, static_cast<std::size_t>(got));
    close(fd);
    return text;
  }
  rpc::Loop loop_;
  int listening_ = -1;
};

TEST_F(MetricsOnASocket, WhoAsksIsAnswered) {
  const auto socket = MetricsSocket::open(loop_.get(), listening_, [] { return Result<std::string>("# EOF\n"); });
  ASSERT_TRUE(socket.has_value());
  const std::string text = asked(connected());
  EXPECT_THAT(text,
              ::testing::StartsWith("HTTP/1.0 200 OK\r\nContent-Type: application/openmetrics-text; version=1.0.0"));
  EXPECT_THAT(text, HasSubstr("Content-Length: 6\r\n"));
  EXPECT_THAT(text, ::testing::EndsWith("\r\n\r\n# EOF\n"));
}

TEST_F(MetricsOnASocket, WhatCannotBeFoundOutIsSaid) {
  const auto socket = MetricsSocket::open(
      loop_.get(), listening_, []() -> Result<std::string> { return fail(ErrorKind::Kernel, "no interfaces"); });
  ASSERT_TRUE(socket.has_value());
  const std::string text = asked(connected());
  EXPECT_THAT(text, ::testing::StartsWith("HTTP/1.0 503 "));
  EXPECT_THAT(text, ::testing::EndsWith("no interfaces\n"));
}

TEST_F(MetricsOnASocket, WhoSaysNothingGivesWay) {
  const auto socket = MetricsSocket::open(loop_.get(), listening_, [] { return Result<std::string>("# EOF\n"); });
  ASSERT_TRUE(socket.has_value());
  const int silent = connected();
  turn();
  std::vector<int> others;
  others.reserve(16);
  for (int i = 0; i < 16; ++i) others.push_back(connected());
  turn();
  char byte = 0;
  EXPECT_EQ(recv(silent, &byte, 1, MSG_DONTWAIT), 0) << "closed";
  close(silent);
  EXPECT_THAT(asked(others.back()), HasSubstr("200 OK"));
  others.pop_back();
  for (const int fd : others) close(fd);
  turn();
}

}  // namespace
}  // namespace nwf::tools
