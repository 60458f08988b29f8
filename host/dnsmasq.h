// SPDX-License-Identifier: GPL-2.0-or-later
// dnsmasq for one network: the one program that nwf starts, by an argument vector.
//
// It runs on its own once started, so that neither nwfctl ending nor a daemon's restart takes DHCP and DNS away. Who it
// is comes from its command line, which names the configuration file of this network, and from the network namespace it
// serves; a number in a file alone is not believed. Signals go through a descriptor of the process, so that none can
// reach another.
#pragma once

#include <optional>
#include <string>

#include "engine/error.h"
#include "engine/model/network.h"
#include "engine/network/leases.h"
#include "store/descriptor.h"

namespace nwf::host {

class Dnsmasq {
 public:
  /// For the network of this name, with its files below `root`.
  Dnsmasq(const std::string& root, const std::string& network);

  /// Runs with what the network says. One that runs is told of changed reservations and names, and made anew only when
  /// the rest of its configuration is another; leases are kept. A network that needs none has none afterwards.
  Result<void> run(const Network& network);
  /// Ends it, waiting for its end, and removes its files but the leases.
  Result<void> stop();
  bool running() const { return find().has_value(); }
  /// A hold on the process (pidfd), readable when it has ended; empty when none runs.
  store::Descriptor process() const;
  static bool has_ended(const store::Descriptor& process);
  const std::string& leases_file() const { return leases_; }
  /// As its file says; empty when there is none.
  Result<std::vector<Lease>> leases() const;
  /// Removes the leases, too: the network is gone for good.
  void forget_leases() const;

 private:
  struct Process {
    int pid;
    store::Descriptor handle;
  };
  std::optional<Process> find() const;
  std::optional<Process> process_of(int pid) const;
  Result<void> start() const;
  Result<void> end(const Process& process) const;

  std::string directory_;  ///< of what changes with each run
  std::string leases_;
};

}  // namespace nwf::host
