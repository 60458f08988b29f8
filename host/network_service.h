// SPDX-License-Identifier: GPL-2.0-or-later
// Every operation an administrator has on virtual networks. Part of host/service.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/model/network.h"
#include "engine/network/leases.h"
#include "engine/network/update.h"

namespace nwf::host {

struct NetworkSummary {
  std::string name;
  Uuid uuid;
  std::string bridge;
  ForwardMode mode = ForwardMode::Isolated;
  bool active = false;
  bool persistent = false;  ///< it is defined: it is there after it was stopped
  bool autostart = false;
  std::string degraded;  ///< what an active one lacks just now; empty when nothing
};

struct NetworkDefined {
  NetworkSummary network;
  bool replaced = false;
  std::vector<std::string> warnings;
};

struct NetworkChanged {
  NetworkSummary network;
  std::vector<std::string> warnings;
};

/// What net_update() is to do.
struct NetworkUpdate {
  UpdateCommand command = UpdateCommand::AddLast;
  UpdateSection section = UpdateSection::IpDhcpHost;
  std::optional<std::size_t> parent;  ///< which <ip>, when the address does not say
  bool live = true;                   ///< the network that is up, if it is
  bool config = true;                 ///< its definition, if it has one
};

class NetworkService {
 public:
  virtual ~NetworkService() = default;

  /// `text` is a <network>. One that is up goes on as it is: restart() brings it to its new definition.
  virtual Result<NetworkDefined> net_define(const std::string& text, const std::string& file) = 0;
  /// NAME is a name or a UUID, here and below. One that is up stays up and is gone when it is stopped.
  virtual Result<NetworkSummary> net_undefine(const std::string& name) = 0;
  /// Bridge, addresses, rules, DHCP and DNS; or nothing of it, and why.
  virtual Result<NetworkChanged> net_start(const std::string& name) = 0;
  virtual Result<NetworkSummary> net_stop(const std::string& name) = 0;
  /// Brings a network that is up to its definition. Bridge and ports stay, and what does not change is not touched.
  virtual Result<NetworkChanged> net_restart(const std::string& name) = 0;
  /// Changes one part, in the network that is up and in its definition, or in one of the two. Bridge, ports and leases
  /// stay, and what does not change is not touched. `part` is XML, `file` names it in messages.
  virtual Result<NetworkChanged> net_update(const std::string& name, const NetworkUpdate& what, const std::string& part,
                                            const std::string& file) = 0;
  virtual Result<NetworkSummary> net_autostart(const std::string& name, bool on) = 0;
  /// The network as it is up, or as it is defined: with `defined`, always the latter.
  virtual Result<std::string> net_dumpxml(const std::string& name, bool defined) = 0;
  virtual Result<NetworkSummary> net_info(const std::string& name) = 0;
  virtual Result<std::vector<NetworkSummary>> net_list() = 0;
  virtual Result<std::vector<Lease>> net_leases(const std::string& name) = 0;

  /// Brings all networks to what they should be: what a crash left, what somebody else took away, and at the first time
  /// after boot those that start by themselves. Returns how many changes of rules it took. Errors: the first network's
  /// that could not be mended; the others are.
  virtual Result<std::size_t> net_reconcile() = 0;
  /// What is not as it should be, in words.
  virtual Result<std::vector<std::string>> net_differences() = 0;
};

}  // namespace nwf::host
