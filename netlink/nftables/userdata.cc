// SPDX-License-Identifier: GPL-2.0-or-later
#include "netlink/nftables/userdata.h"

#include <algorithm>
#include <cstring>

namespace nwf::netlink {

// An attribute is one byte of type, one of length, and the value (libnftnl: src/udata.c).

std::vector<std::uint8_t> comment_userdata(std::uint8_t type, const std::string& comment) {
  if (comment.empty()) return {};
  const std::size_t length = std::min<std::size_t>(comment.size(), 127);
  std::vector<std::uint8_t> out{type, static_cast<std::uint8_t>(length + 1)};
  out.insert(out.end(), comment.begin(), comment.begin() + static_cast<std::ptrdiff_t>(length));
  out.push_back(0);
  return out;
}

std::vector<std::uint8_t> number_userdata(std::uint8_t type, std::uint32_t number) {
  std::vector<std::uint8_t> out{type, sizeof number, 0, 0, 0, 0};
  std::memcpy(out.data() + 2, &number, sizeof number);
  return out;
}

std::string comment_in(std::span<const std::uint8_t> userdata, std::uint8_t type) {
  while (userdata.size() >= 2) {
    const std::size_t length = userdata[1];
    if (length > userdata.size() - 2) return {};
    const auto value = userdata.subspan(2, length);
    if (userdata[0] == type) return {value.begin(), std::find(value.begin(), value.end(), 0)};
    userdata = userdata.subspan(2 + length);
  }
  return {};
}

}  // namespace nwf::netlink
