// SPDX-License-Identifier: GPL-2.0-or-later
// The interfaces as last told by the kernel, and what is different when it tells of them again. Pure: it needs no
// kernel.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace nwf::netlink {

struct Link {
  int index = 0;
  std::string name;
  int master = 0;         ///< the index of the bridge (or bond, …) it is in; 0: none
  std::string kind = {};  ///< as `ip -details link` says: bridge, tun, veth, …; empty for hardware
  friend bool operator==(const Link&, const Link&) = default;
};

struct LinkEvent {
  enum class Kind { Appeared, Gone, Renamed, Moved };
  Kind kind = Kind::Appeared;
  std::string name;
  std::string before;       ///< Renamed: the old name. Moved: the old bridge, or empty
  std::string bridge;       ///< the bridge it is in now, or empty
  std::string device = {};  ///< Gone: what kind it was, as Link::kind
  friend bool operator==(const LinkEvent&, const LinkEvent&) = default;
};

class LinkTable {
 public:
  /// The kernel says an interface is like this.
  std::vector<LinkEvent> put(const Link& link);
  /// The kernel says it is gone.
  std::vector<LinkEvent> remove(int index);
  /// The kernel was asked for all of them: what is not among `all` is gone.
  std::vector<LinkEvent> replace(const std::vector<Link>& all);

  const std::map<int, Link>& links() const { return links_; }
  /// The name of an interface, or empty.
  std::string name_of(int index) const;

 private:
  std::map<int, Link> links_;
};

}  // namespace nwf::netlink
