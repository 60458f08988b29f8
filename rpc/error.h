// SPDX-License-Identifier: GPL-2.0-or-later
// Errors ↔ D-Bus errors, whole: the name is the kind, the first argument the message for people as any D-Bus client
// shows it, the second the Error as a structure.
#pragma once

#include "engine/error.h"
#include "rpc/handles.h"

namespace nwf::rpc {

/// Answers `call` with this error. Returns a negative errno when not even that can be sent.
int reply_error(sd_bus_message* call, const Error& error);

/// What an error reply says. One that is not of ours (no such method, no reply) becomes an Error with its text.
Error read_error(sd_bus_message* reply);

/// When nwfd went away, or was silent for too long, with a call open: nobody knows what it did.
Error no_answer();

/// libsystemd's negative errno, as an Error about what was tried.
Error bus_error(int result, const std::string& what);

}  // namespace nwf::rpc
