// SPDX-License-Identifier: GPL-2.0-or-later
// What a hypervisor's hook has to do: bind a guest's ports before the guest runs, unbind them when it has ended.
//
// One program serves three callers, told apart by how it is called:
//   libvirt's qemu hook      OBJECT OPERATION SUB-OPERATION EXTRA, a <domain> on standard input
//   libvirt's network hook   the same, a <hookData> on standard input (libvirt.org/hooks.html)
//   QEMU's script, downscript  PORT alone (qemu(1), -netdev tap); the program's name ends in `ifup` or `ifdown`
// A hook gets all it may use: it never asks libvirt back, which waits for it.
//
// The program itself (tools/nwf-hook) is small, because libvirt waits for its start as well: it hands its words on to
// nwfd, or to libnwf where no nwfd runs.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "host/service.h"

namespace nwf::host {

/// Serves a call of libvirt; `input` is what was on standard input. Returns warnings. An error refuses what libvirt is
/// about to do, where it asks before: a guest whose ports cannot be bound does not start.
///
/// | operation | what is done |
/// | --- | --- |
/// | qemu `start begin` | the guest's ports are bound (GuestState::Starts) |
/// | qemu `reconnect begin`, `attach begin` | the same of a running guest (GuestState::Runs) |
/// | qemu `stopped end`, `release end` | its ports are unbound |
/// | network `port-deleted begin` | the guest's port with that address is unbound, if its interface is gone |
/// | others | nothing: a restore or an incoming migration comes as `start begin`, too |
Result<std::vector<std::string>> libvirt_hook(Service& service, const std::vector<std::string>& arguments,
                                              const std::string& input);

/// Where QEMU's script finds what port PORT is: below the root.
inline constexpr const char* kPortFiles = "/etc/nwf/ports/";

/// QEMU's script for `port`: binds it as its file says, whose `text`, an <interface>, this is; then brings it up and
/// makes it a port of the <source bridge>, when one is named.
Result<std::vector<std::string>> qemu_up(Service& service, const std::string& port, const std::string& text);
/// Unbinds it. A port that is not bound is no error.
Result<void> qemu_down(Service& service, const std::string& port);

/// Any of the three, told apart by the program's name and the number of words. `document` is what was on standard
/// input; for QEMU's script the text of the port's file. Errors: as above, and Invalid when nobody calls like this.
Result<std::vector<std::string>> hook(Service& service, const std::string& program,
                                      const std::vector<std::string>& words, const std::string& document);

}  // namespace nwf::host
