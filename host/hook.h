// SPDX-License-Identifier: GPL-2.0-or-later
// What a hypervisor's hook has to do: bind a guest's ports before the guest runs, unbind them when it has ended.
//
// One program serves three callers, told apart by how it is called:
//   libvirt's qemu hook      OBJECT OPERATION SUB-OPERATION EXTRA, a <domain> on standard input
//   libvirt's network hook   the same, a <hookData> on standard input (libvirt.org/hooks.html)
//   QEMU's script, downscript  PORT alone (qemu(1), -netdev tap); the program's name ends in `ifup` or `ifdown`
// A hook gets all it may use: it never asks libvirt back, which waits for it.
#pragma once

#include <string>
#include <vector>

#include "engine/error.h"
#include "host/service.h"

namespace nwf::host {

enum class HookCaller { Libvirt, QemuUp, QemuDown };

/// Who calls, from the words of the command. Errors: Invalid when nobody calls like this.
Result<HookCaller> hook_caller(const std::string& program, const std::vector<std::string>& arguments);

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

/// Binds a port as ROOT/etc/nwf/ports/PORT.xml says, an <interface>; then brings it up and makes it a port of the
/// <source bridge>, when one is named. Without that file the port is refused.
Result<std::vector<std::string>> qemu_up(Service& service, const std::string& root, const std::string& port);
/// Unbinds it. A port that is not bound is no error.
Result<void> qemu_down(Service& service, const std::string& port);

}  // namespace nwf::host
