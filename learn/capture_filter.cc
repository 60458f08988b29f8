// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/capture_filter.h"

#include <linux/filter.h>
#include <linux/if_packet.h>

#include <algorithm>
#include <map>
#include <string>

#include "learn/advertisement.h"
#include "learn/dhcp.h"
#include "learn/dhcpv6.h"
#include "learn/packet.h"

namespace nwf::learn {
namespace {

constexpr std::uint32_t ancillary(int what) { return static_cast<std::uint32_t>(SKF_AD_OFF + what); }

struct Range {
  unsigned first;
  unsigned last;
};

/// Numbers as ranges, at most `most`: the smallest gaps are filled first.
std::vector<Range> ranges_of(std::vector<unsigned> numbers, std::size_t most) {
  std::sort(numbers.begin(), numbers.end());
  std::vector<Range> ranges;
  for (const unsigned number : numbers)
    if (!ranges.empty() && number <= ranges.back().last + 1)
      ranges.back().last = number;
    else
      ranges.push_back({number, number});
  if (ranges.size() <= most) return ranges;
  std::vector<unsigned> gaps;
  for (std::size_t i = 1; i < ranges.size(); ++i) gaps.push_back(ranges[i].first - ranges[i - 1].last);
  const auto keep = gaps.begin() + static_cast<std::ptrdiff_t>(gaps.size() - most + 1);
  std::nth_element(gaps.begin(), keep, gaps.end());
  const unsigned least = *keep;
  std::vector<Range> joined;
  for (const Range& range : ranges)
    if (!joined.empty() && (range.first - joined.back().last <= least))
      joined.back().last = range.last;
    else
      joined.push_back(range);
  return joined;
}

/// Instructions with named places to go to; all jumps go forward.
class Assembler {
 public:
  void load(std::uint32_t offset, std::uint16_t size) {
    emit(static_cast<std::uint16_t>(BPF_LD | BPF_ABS | size), offset);
  }
  void load_from_transport(std::uint32_t offset) { emit(BPF_LD | BPF_IND | BPF_H, offset); }
  void point_to_transport() { emit(BPF_LDX | BPF_MSH | BPF_B, 0); }
  void give(std::uint32_t length) { emit(BPF_RET | BPF_K, length); }
  void go(const std::string& place) {
    open_[place].push_back(program_.size());
    emit(BPF_JMP | BPF_JA, 0);
  }
  /// Goes to `place` when the accumulator compares so with the operand.
  void if_so(std::uint16_t comparison, std::uint32_t operand, const std::string& place) {
    program_.push_back({static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), 0, 1, operand});
    go(place);
  }
  void if_not(std::uint16_t comparison, std::uint32_t operand, const std::string& place) {
    program_.push_back({static_cast<std::uint16_t>(BPF_JMP | BPF_K | comparison), 1, 0, operand});
    go(place);
  }
  void here(const std::string& place) {
    for (const std::size_t from : open_[place])
      program_[from].operand = static_cast<std::uint32_t>(program_.size() - from - 1);
    open_.erase(place);
  }
  std::vector<Instruction> take() { return std::move(program_); }

  /// Accepts when the accumulator is in one of the ranges, else not: a binary search.
  void search(const std::vector<Range>& ranges, std::size_t first, std::size_t last) {
    if (first == last) return give(0);
    if (last - first == 1) {
      program_.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 2, ranges[first].first});
      program_.push_back({BPF_JMP | BPF_JGT | BPF_K, 1, 0, ranges[first].last});
      give(kSnapLength);
      return give(0);
    }
    const std::size_t middle = first + (last - first) / 2;
    const std::string upper = "upper" + std::to_string(next_++);
    if_so(BPF_JGE, ranges[middle].first, upper);
    search(ranges, first, middle);
    here(upper);
    search(ranges, middle, last);
  }

 private:
  void emit(std::uint16_t code, std::uint32_t operand) { program_.push_back({code, 0, 0, operand}); }

  std::vector<Instruction> program_;
  std::map<std::string, std::vector<std::size_t>> open_;
  int next_ = 0;
};

}  // namespace

std::vector<Instruction> capture_filter(const Wanted& wanted) {
  // Six instructions a range: both searches and the rest fit BPF_MAXINSNS.
  constexpr std::size_t kMaxSightings = 256, kMaxNeighbours = 256, kMaxMuted = 64, kMaxBridges = 64;
  constexpr std::uint8_t kUdp = 17, kIcmpv6 = 58, kAdvertisement = 134, kSolicitation = 135, kNeighbour = 136;
  constexpr std::uint32_t kIpv6Header = 40, kFragmentAt = 6, kProtocolAt = 9, kNextHeaderAt = 6;
  Assembler out;
  out.load(ancillary(SKF_AD_VLAN_TAG_PRESENT), BPF_W);
  out.if_not(BPF_JEQ, 0, "drop");
  if (!wanted.muted.empty()) {
    out.load(ancillary(SKF_AD_IFINDEX), BPF_W);
    for (std::size_t i = 0; i < wanted.muted.size() && i < kMaxMuted; ++i) out.if_so(BPF_JEQ, wanted.muted[i], "drop");
  }
  out.load(ancillary(SKF_AD_PROTOCOL), BPF_W);
  out.if_so(BPF_JEQ, kEtherIpv4, "ipv4");
  out.if_so(BPF_JEQ, kEtherIpv6, "ipv6");
  out.if_so(BPF_JEQ, kEtherArp, "sighting");
  out.give(0);

  out.here("ipv4");
  out.load(kProtocolAt, BPF_B);
  out.if_not(BPF_JEQ, kUdp, "sighting");
  out.load(kFragmentAt, BPF_H);
  out.if_so(BPF_JSET, 0x3fff, "drop");
  out.point_to_transport();
  out.load_from_transport(0);
  out.if_so(BPF_JEQ, kDhcpServerPort, "from server");
  out.if_so(BPF_JEQ, kDhcpClientPort, "from client");
  out.go("sighting");
  out.here("from server");
  out.load_from_transport(2);
  out.if_so(BPF_JEQ, kDhcpClientPort, "server");
  out.go("sighting");
  out.here("from client");
  out.load_from_transport(2);
  out.if_so(BPF_JEQ, kDhcpServerPort, "server");
  out.go("sighting");

  out.here("ipv6");
  out.load(kNextHeaderAt, BPF_B);
  out.if_so(BPF_JEQ, kIcmpv6, "icmpv6");
  out.if_not(BPF_JEQ, kUdp, "sighting");
  out.load(kIpv6Header + 2, BPF_H);
  out.if_so(BPF_JEQ, kDhcpv6ServerPort, "server");
  out.if_so(BPF_JEQ, kDhcpv6ClientPort, "server");
  out.go("sighting");
  out.here("icmpv6");
  out.load(kIpv6Header, BPF_B);
  out.if_so(BPF_JEQ, kAdvertisement, "server");
  out.if_so(BPF_JEQ, kSolicitation, "neighbour");
  out.if_so(BPF_JEQ, kNeighbour, "neighbour");
  out.go("sighting");

  out.here("server");
  const auto to_bridge = [&](const char* place) {
    out.load(ancillary(SKF_AD_IFINDEX), BPF_W);
    for (const unsigned bridge : wanted.bridges) out.if_so(BPF_JEQ, bridge, place);
  };
  const bool all_bridges = wanted.bridges.size() <= kMaxBridges;
  if (!wanted.servers) {
    out.give(0);
  } else if (!all_bridges) {
    out.give(kSnapLength);
  } else {
    // What comes in on a bridge has come in on one of its ports; what goes out on a port was seen there, too.
    out.load(ancillary(SKF_AD_PKTTYPE), BPF_W);
    out.if_so(BPF_JEQ, PACKET_OUTGOING, "from host");
    to_bridge("drop");
    out.give(kSnapLength);
    out.here("from host");
    to_bridge("take");
    out.give(0);
    out.here("take");
    out.give(kSnapLength);
  }

  const auto search = [&](const char* place, const std::vector<unsigned>& interfaces, std::size_t most) {
    out.here(place);
    out.load(ancillary(SKF_AD_PKTTYPE), BPF_W);
    out.if_so(BPF_JEQ, PACKET_OUTGOING, "drop");
    out.load(ancillary(SKF_AD_IFINDEX), BPF_W);
    const auto ranges = ranges_of(interfaces, most);
    out.search(ranges, 0, ranges.size());
  };
  search("sighting", wanted.sightings, kMaxSightings);
  std::vector<unsigned> neighbours = wanted.neighbours;
  neighbours.insert(neighbours.end(), wanted.sightings.begin(), wanted.sightings.end());
  search("neighbour", neighbours, kMaxNeighbours);
  out.here("drop");
  out.give(0);
  return out.take();
}

}  // namespace nwf::learn
