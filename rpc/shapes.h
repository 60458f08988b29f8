// SPDX-License-Identifier: GPL-2.0-or-later
// The fields of what a Service answers, by the names they have on D-Bus. docs/dbus.md describes them.
#pragma once

#include <array>
#include <utility>

#include "engine/error.h"
#include "host/events.h"
#include "host/service.h"
#include "rpc/wire.h"

namespace nwf::rpc {

template <class E, std::size_t N>
using NameTable = std::array<std::pair<E, const char*>, N>;

template <>
struct Names<Layer> {
  static constexpr NameTable<Layer, 2> kNames{{{Layer::Ethernet, "ethernet"}, {Layer::Inet, "inet"}}};
};
template <>
struct Names<Direction> {
  static constexpr NameTable<Direction, 3> kNames{
      {{Direction::In, "in"}, {Direction::Out, "out"}, {Direction::InOut, "inout"}}};
};
template <>
struct Names<Probe> {
  static constexpr NameTable<Probe, 3> kNames{{{Probe::No, "no"}, {Probe::Yes, "yes"}, {Probe::Unknown, "unknown"}}};
};
/// As the last part of an error's name, too.
template <>
struct Names<ErrorKind> {
  static constexpr NameTable<ErrorKind, 8> kNames{{{ErrorKind::Invalid, "Invalid"},
                                                   {ErrorKind::NotFound, "NotFound"},
                                                   {ErrorKind::Refused, "Refused"},
                                                   {ErrorKind::Denied, "Denied"},
                                                   {ErrorKind::Unsupported, "Unsupported"},
                                                   {ErrorKind::Outdated, "Outdated"},
                                                   {ErrorKind::Storage, "Storage"},
                                                   {ErrorKind::Kernel, "Kernel"}}};
};

template <>
struct Fields<host::FilterSummary> {
  static void each(auto& v, auto&& field) {
    field("name", v.name);
    field("uuid", v.uuid);
  }
};
template <>
struct Fields<host::Defined> {
  static void each(auto& v, auto&& field) {
    field("filter", v.filter);
    field("replaced", v.replaced);
    field("ports", v.ports);
    field("warnings", v.warnings);
  }
};
template <>
struct Fields<host::BindingSummary> {
  static void each(auto& v, auto&& field) {
    field("port", v.port);
    field("filter", v.filter);
    field("waiting", v.waiting);
  }
};
template <>
struct Fields<host::LearnedAddress> {
  static void each(auto& v, auto&& field) {
    field("port", v.port);
    field("variable", v.variable);
    field("address", v.address);
    field("source", v.source);
    field("server", v.server);
    field("age_seconds", v.age_seconds);
    field("lease_seconds", v.lease_seconds);
  }
};
template <>
struct Fields<host::Bound> {
  static void each(auto& v, auto&& field) {
    field("binding", v.binding);
    field("warnings", v.warnings);
  }
};
template <>
struct Names<host::GuestState> {
  static constexpr NameTable<host::GuestState, 2> kNames{
      {{host::GuestState::Starts, "starts"}, {host::GuestState::Runs, "runs"}}};
};
template <>
struct Fields<host::GuestBound> {
  static void each(auto& v, auto&& field) {
    field("guest", v.guest);
    field("bound", v.bound);
    field("unbound", v.unbound);
    field("warnings", v.warnings);
  }
};
/// A document on the wire: its text may be anything.
struct SentDocument {
  std::string file;
  Blob text;
};
template <>
struct Fields<SentDocument> {
  static void each(auto& v, auto&& field) {
    field("file", v.file);
    field("text", v.text);
  }
};
template <>
struct Names<host::Deed> {
  static constexpr NameTable<host::Deed, 3> kNames{
      {{host::Deed::New, "new"}, {host::Deed::Changed, "changed"}, {host::Deed::Same, "unchanged"}}};
};
template <>
struct Fields<host::FilterDeed> {
  static void each(auto& v, auto&& field) {
    field("filter", v.filter);
    field("deed", v.deed);
  }
};
template <>
struct Fields<host::BindingDeed> {
  static void each(auto& v, auto&& field) {
    field("binding", v.binding);
    field("deed", v.deed);
  }
};
template <>
struct Fields<host::Removal> {
  static void each(auto& v, auto&& field) {
    field("ports", v.ports);
    field("filters", v.filters);
  }
};
template <>
struct Fields<host::Applied> {
  static void each(auto& v, auto&& field) {
    field("filters", v.filters);
    field("bindings", v.bindings);
    field("ports", v.ports);
    field("warnings", v.warnings);
    field("unbound", v.unbound);
    field("undefined", v.undefined);
  }
};
template <>
struct Fields<host::Planned> {
  static void each(auto& v, auto&& field) {
    field("filters", v.filters);
    field("bindings", v.bindings);
    field("changes", v.changes);
    field("nft", v.nft);
    field("warnings", v.warnings);
  }
};
template <>
struct Fields<host::PortRule> {
  static void each(auto& v, auto&& field) {
    field("layer", v.layer);
    field("direction", v.direction);
    field("chain", v.chain);
    field("rule", v.rule);
    field("origin", v.origin);
  }
};
template <>
struct Fields<host::PortValue> {
  static void each(auto& v, auto&& field) {
    field("set", v.set);
    field("values", v.values);
  }
};
template <>
struct Fields<host::PortRules> {
  static void each(auto& v, auto&& field) {
    field("port", v.port);
    field("filter", v.filter);
    field("program", v.program);
    field("why", v.why);
    field("rules", v.rules);
    field("values", v.values);
  }
};
template <>
struct Fields<host::ProgramSummary> {
  static void each(auto& v, auto&& field) {
    field("name", v.name);
    field("filter", v.filter);
    field("rules", v.rules);
    field("ports", v.ports);
  }
};
template <>
struct Fields<Capabilities> {
  static void each(auto& v, auto&& field) {
    field("bridge_conntrack", v.bridge_conntrack);
    field("bridge_reject", v.bridge_reject);
    field("bridge_netfilter4", v.bridge_netfilter4);
    field("bridge_netfilter6", v.bridge_netfilter6);
    field("interface_kind", v.interface_kind);
  }
};
template <>
struct Fields<host::ExportedTables> {
  static void each(auto& v, auto&& field) {
    field("ip", v.ip);
    field("ip6", v.ip6);
    field("ethernet", v.ethernet);
  }
};
template <>
struct Fields<host::Status> {
  static void each(auto& v, auto&& field) {
    field("root", v.root);
    field("filters", v.filters);
    field("bindings", v.bindings);
    field("programs", v.programs);
    field("capabilities", v.capabilities);
    field("backend", v.backend);
    field("connection_state", v.connection_state);
    field("reject", v.reject);
    field("in_sync", v.in_sync);
    field("differences", v.differences);
  }
};
template <>
struct Fields<host::Latency> {
  static void each(auto& v, auto&& field) {
    field("classes", v.classes);
    field("count", v.count);
    field("sum_us", v.sum_us);
  }
};
template <>
struct Fields<host::PortFigures> {
  static void each(auto& v, auto&& field) {
    field("port", v.port);
    field("filter", v.filter);
    field("bridge", v.bridge);
    field("there", v.there);
    field("frames_out", v.frames_out);
    field("bytes_out", v.bytes_out);
    field("frames_in", v.frames_in);
    field("bytes_in", v.bytes_in);
  }
};
template <>
struct Fields<host::PortDrops> {
  static void each(auto& v, auto&& field) {
    field("port", v.port);
    field("filter", v.filter);
    field("layer", v.layer);
    field("direction", v.direction);
    field("rule", v.rule);
    field("packets", v.packets);
    field("bytes", v.bytes);
  }
};
template <>
struct Fields<host::LearnerFigures> {
  static void each(auto& v, auto&& field) {
    field("frames", v.frames);
    field("learned", v.learned);
    field("ended", v.ended);
    field("untrusted", v.untrusted);
    field("limited", v.limited);
    field("lost", v.lost);
    field("refused", v.refused);
    field("latency", v.latency);
  }
};
template <>
struct Fields<host::Figures> {
  static void each(auto& v, auto&& field) {
    field("version", v.version);
    field("tables", v.tables);
    field("uptime_us", v.uptime_us);
    field("resident_bytes", v.resident_bytes);
    field("clients", v.clients);
    field("events", v.events);
    field("transactions", v.transactions);
    field("transactions_refused", v.transactions_refused);
    field("heals", v.heals);
    field("learner", v.learner);
    field("ports", v.ports);
    field("drops", v.drops);
  }
};
template <>
struct Fields<Source> {
  static void each(auto& v, auto&& field) {
    field("file", v.file);
    field("line", v.line);
    field("column", v.column);
  }
};
template <>
struct Fields<Error> {
  static void each(auto& v, auto&& field) {
    field("kind", v.kind);
    field("message", v.message);
    field("where", v.where);
    field("remedy", v.remedy);
    field("more", v.more);
  }
};

}  // namespace nwf::rpc
