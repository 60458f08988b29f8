// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fault/stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace nwf::test {
namespace {

constexpr std::array<std::uint8_t, 4> kMark{'n', 'w', 'f', '#'};
constexpr std::size_t kKindBytes = 1, kNumberBytes = 8;

Bytes tag_of(std::size_t kind, std::uint64_t number) {
  Bytes tag(kMark.begin(), kMark.end());
  const Bytes kind_bytes = to_bytes(kind, kKindBytes), number_bytes = to_bytes(number, kNumberBytes);
  tag.insert(tag.end(), kind_bytes.begin(), kind_bytes.end());
  tag.insert(tag.end(), number_bytes.begin(), number_bytes.end());
  return tag;
}

std::uint64_t number_from(std::span<const std::uint8_t> bytes) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes) number = number << 8U | byte;
  return number;
}

}  // namespace

Stream::Stream(std::map<std::string, Tap>& taps, std::vector<FrameKind> kinds)
    : taps_(taps), kinds_(std::move(kinds)), seen_(kinds_.size()) {}

Stream::~Stream() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
}

void Stream::start() {
  for (auto& [name, tap] : taps_) tap.drain();
  for (auto& numbers : seen_) numbers.clear();
  leaked_ = 0;
  first_wrong_.clear();
  rounds_ = 0;
  ending_ = false;
  thread_ = std::thread([this] { run(); });
}

void Stream::wait_rounds(std::uint64_t rounds) {
  // The round that is being sent began before.
  const std::uint64_t until = rounds_ + rounds + 1;
  for (std::uint64_t now = rounds_; now < until; now = rounds_) rounds_.wait(now);
}

StreamCounts Stream::stop() {
  ending_ = true;
  thread_.join();
  StreamCounts counts;
  counts.leaked = leaked_;
  counts.first_wrong = first_wrong_;
  for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
    (kinds_[kind].must_pass ? counts.must_pass : counts.must_never) += seen_[kind].size();
    if (!kinds_[kind].must_pass) continue;
    for (std::size_t number = 0; number < seen_[kind].size(); ++number) {
      if (seen_[kind][number] > 1) ++counts.doubled;
      if (seen_[kind][number] != 0) continue;
      ++counts.lost;
      if (counts.first_wrong.empty()) counts.first_wrong = fmt::format("{} {} was lost", kinds_[kind].name, number);
    }
  }
  return counts;
}

void Stream::run() {
  while (!ending_) {
    send_round();
    read_all();
    ++rounds_;
    rounds_.notify_all();
  }
  // A queue that another processor is just emptying hands over late.
  (void)wait_for(
      [this] {
        read_all();
        for (std::size_t kind = 0; kind < kinds_.size(); ++kind)
          if (kinds_[kind].must_pass && std::find(seen_[kind].begin(), seen_[kind].end(), 0) != seen_[kind].end())
            return false;
        return true;
      },
      frame_patience());
}

void Stream::send_round() {
  for (std::size_t kind = 0; kind < kinds_.size(); ++kind) {
    const std::uint64_t number = seen_[kind].size();
    seen_[kind].push_back(0);
    if (!taps_.at(kinds_[kind].from).send(kinds_[kind].frame(tag_of(kind, number))) && first_wrong_.empty())
      first_wrong_ = fmt::format("{} {} could not be sent", kinds_[kind].name, number);
  }
}

void Stream::read_all() {
  for (auto& [name, tap] : taps_)
    while (const auto frame = tap.receive(std::chrono::milliseconds(0))) note(name, *frame);
}

void Stream::note(const std::string& tap, std::span<const std::uint8_t> frame) {
  const auto mark = std::search(frame.begin(), frame.end(), kMark.begin(), kMark.end());
  if (frame.end() - mark < static_cast<std::ptrdiff_t>(kMark.size() + kKindBytes + kNumberBytes)) return;
  const std::span<const std::uint8_t> tag(&*mark + kMark.size(), kKindBytes + kNumberBytes);
  const std::size_t kind = tag[0];
  const std::uint64_t number = number_from(tag.subspan(kKindBytes));
  if (kind >= kinds_.size() || number >= seen_[kind].size()) return;
  if (!kinds_[kind].must_pass) {
    ++leaked_;
    if (first_wrong_.empty()) first_wrong_ = fmt::format("{} {} leaked to {}", kinds_[kind].name, number, tap);
  } else if (tap == kinds_[kind].to && seen_[kind][number] < std::numeric_limits<std::uint8_t>::max()) {
    ++seen_[kind][number];
  }
}

}  // namespace nwf::test
