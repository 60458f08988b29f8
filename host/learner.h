// SPDX-License-Identifier: GPL-2.0-or-later
// Watches the ports that learn, and hands what it hears to the host.
//
// It has no thread and no loop: whoever has one waits for descriptor() to be readable and calls ready(), and calls
// tick() when next_deadline() has come. refresh() follows each change of bindings and of filters, refresh_links() each
// of interfaces.
//
// Who may say what: a frame that comes in from a port that is bound is its guest's word about itself and nothing else.
// A server's or router's word is what the host itself sends on a bridge, or what comes in from a port of the bridge
// that is neither bound nor a TAP; DHCPSERVER, where the binding has it, narrows that to the addresses it names, and
// lets another guest be the server whose port is bound to a MAC address that is named. The kernel says where a frame
// came in; no frame can claim to be from elsewhere.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/figures.h"
#include "host/learning.h"
#include "learn/advertisement.h"
#include "learn/capture.h"
#include "learn/dhcp.h"
#include "learn/dhcpv6.h"
#include "netlink/link_watch.h"

namespace nwf::host {

class Learner {
 public:
  /// Told of each change, after it is in force.
  using Listener = std::function<void(const Believed&)>;

  /// The interfaces there are now.
  using Links = std::function<Result<std::vector<netlink::Link>>()>;

  /// `host` outlives it; `clock` is the host's. Errors: those of open_capture(), and of reading bindings and links.
  static Result<std::unique_ptr<Learner>> open(LearningHost& host, std::function<Clocks()> clock, Listener listener,
                                               Links links = netlink::read_links);

  /// Readable when ready() has something to do; -1 while no port learns: then there is no capture.
  int descriptor() const;
  /// Takes what is there, at most some hundred frames. Errors: those of the capture; what a port's events come to is
  /// told to the listener.
  Result<void> ready();
  /// When tick() is due next, on the clock's `boot`; none: never.
  std::optional<learn::Instant> next_deadline() const;
  Result<void> tick();
  /// Reads bindings and interfaces anew. After this, and the next two, the descriptor may be another.
  Result<void> refresh();
  /// Reads the bindings of these ports anew, bound or no longer.
  Result<void> refresh(const std::set<std::string>& ports);
  /// Reads the interfaces anew.
  Result<void> refresh_links();

  LearnerFigures figures() const;

  /// For open(): it knows nothing of any port before refresh().
  Learner(LearningHost& host, std::function<Clocks()> clock, Listener listener, Links links)
      : host_(host), clock_(std::move(clock)), listener_(std::move(listener)), links_now_(std::move(links)) {}

 private:
  /// A port that learns, and what is remembered of its guest's questions until they are answered.
  struct Watched {
    LearningPort port;
    unsigned interface = 0;
    unsigned bridge = 0;
    struct Question {
      std::uint32_t transaction = 0;
      std::vector<std::uint8_t> client;
    };
    std::vector<Question> dhcp, dhcpv6;  ///< the last ones
    std::optional<learn::Instant> ends;  ///< as in ends_
  };
  /// How much an interface may send: a bucket that fills with time.
  struct Allowance {
    double left = 0;
    learn::Instant at = 0;
    std::optional<learn::Instant> muted_until = {};
  };
  /// Where a message of a server or router came in.
  struct Origin {
    unsigned bridge = 0;
    std::optional<Mac> guest = {};  ///< it came from the port bound to this address
    bool needs_naming = false;      ///< only servers that a binding names are believed from there
    Mac sender;
  };
  struct Advertised {
    learn::Advertisement::Prefix prefix;
    Ipv6 router;
    Mac sender;
    std::optional<learn::Instant> ends;
    bool needs_naming = false;
    std::optional<Mac> guest;
  };

  Result<void> read_links();
  void put(GuestPort guest, Watched* before);
  Result<void> place();
  void take(const learn::Frame& frame);
  void from_guest(Watched& watched, const learn::Frame& frame);
  void sighted(Watched& watched, const learn::Frame& frame);
  bool asked_dhcp(Watched& watched, const learn::Frame& frame);
  bool asked_dhcpv6(Watched& watched, const learn::Frame& frame);
  void formed(Watched& watched, const Ipv6& address);
  void from_server(const Origin& origin, const learn::Frame& frame);
  void answered_dhcp(const Origin& origin, const learn::Frame& frame);
  void answered_dhcpv6(const Origin& origin, const learn::Frame& frame);
  void advertised(const Origin& origin, const learn::Frame& frame);
  std::optional<Origin> origin_of(const learn::Frame& frame) const;
  bool allowed(unsigned interface, bool guest);
  template <class Address>
  bool trusts(const Watched& watched, const Origin& origin, const Address& server);
  void add(Watched& watched, learn::Event event);
  Result<void> deliver();
  Result<void> listen();
  bool wants_sightings(const Watched& watched) const;
  void schedule_listen();
  /// What is believed of this port is another, or nothing any more.
  void note_end(Watched& watched, std::optional<learn::Instant> end);

  LearningHost& host_;
  std::function<Clocks()> clock_;
  Listener listener_;
  Links links_now_;
  std::unique_ptr<learn::Capture> capture_;
  learn::Wanted wanted_;
  std::map<unsigned, netlink::Link> links_;
  std::map<std::string, Mac> bound_;  ///< every bound port
  std::map<std::string, Watched> watched_;
  std::map<unsigned, Watched*> by_interface_;
  std::multimap<Mac, Watched*> by_mac_;
  std::map<unsigned, Mac> guests_;  ///< bound ports that exist, by interface
  std::map<unsigned, Allowance> allowances_;
  std::set<unsigned> muted_;                               ///< interfaces that are not listened to for a while
  std::set<std::pair<learn::Instant, std::string>> ends_;  ///< when the first belief of a port ends, by time
  std::map<unsigned, std::vector<Advertised>> prefixes_;   ///< by bridge
  std::vector<PortEvent> events_;
  std::optional<std::int64_t> captured_;       ///< when the kernel saw the frame that is looked at
  std::map<std::string, std::int64_t> heard_;  ///< by port: of the first frame that its events are from
  learn::Instant now_ = 0;
  learn::Instant listened_at_ = 0;
  std::optional<learn::Instant> settle_at_;
  std::optional<learn::Instant> listen_at_;
  LearnerFigures figures_;
};

}  // namespace nwf::host
