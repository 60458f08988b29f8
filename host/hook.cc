// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/hook.h"

#include <fmt/format.h>

#include "netlink/bridge_port.h"
#include "xml/document.h"
#include "xml/domain.h"
#include "xml/interface.h"

namespace nwf::host {
namespace {

Result<std::vector<std::string>> network_event(Service& service, const std::string& operation, const std::string& input,
                                               const std::string& file) {
  if (operation != "port-deleted") return std::vector<std::string>{};
  const auto port = xml::read_network_port(input, file);
  if (!port) return fail(port.error());
  NWF_CHECK(service.guest_unbind(port->guest.uuid->text(), port->mac));
  return std::vector<std::string>{};
}

Result<std::vector<std::string>> bind_guest(Service& service, const std::string& input, const std::string& file,
                                            GuestState state) {
  NWF_TRY(auto done, service.guest_bind(input, file, state));
  return std::move(done.warnings);
}

}  // namespace

Result<std::vector<std::string>> libvirt_hook(Service& service, const std::vector<std::string>& arguments,
                                              const std::string& input) {
  const std::string& operation = arguments[1];
  const std::string& moment = arguments[2];
  const std::string file = fmt::format("{}, {} {}", arguments[0], operation, moment);
  // What a call is about its document says: in qemu.d and network.d the program may have any name. Only the document's
  // own element counts, because a guest's <metadata> can hold any other.
  NWF_TRY(const xml::Element root, xml::read_document(input, file));
  if (root.name == "hookData") return network_event(service, operation, input, file);
  if (operation == "start" && moment == "begin") return bind_guest(service, input, file, GuestState::Starts);
  if ((operation == "reconnect" || operation == "attach") && moment == "begin")
    return bind_guest(service, input, file, GuestState::Runs);
  if ((operation == "stopped" || operation == "release") && moment == "end") {
    NWF_TRY(const std::string guest, xml::read_domain_uuid(input, file));
    NWF_CHECK(service.guest_unbind(guest, std::nullopt));
  }
  return std::vector<std::string>{};
}

Result<std::vector<std::string>> qemu_up(Service& service, const std::string& port, const std::string& text) {
  const auto name = PortName::parse(port);
  if (!name) return fail(ErrorKind::Invalid, fmt::format("'{}' cannot be the name of a network interface", port));
  const std::string path = fmt::format("{}{}.xml", kPortFiles, port);
  NWF_TRY(const auto read, xml::read_interface(text, path));
  if (read.value.port != *name)
    return fail({ErrorKind::Invalid,
                 fmt::format("this is about port {}, not {}", read.value.port.text(), port),
                 read.value.source,
                 fmt::format("write <target dev='{}'/>", port),
                 {}});
  NWF_TRY(const auto bridge, xml::read_source_bridge(text, path));
  // The port is on no bridge yet, so what is bound on it from an earlier life guards nothing.
  if (service.binding_lookup(port)) NWF_CHECK(service.binding_delete(port));
  NWF_TRY(auto bound, service.binding_create(text, path));
  if (bridge) NWF_CHECK(netlink::join_bridge(*name, *bridge));
  return std::move(bound.warnings);
}

Result<void> qemu_down(Service& service, const std::string& port) {
  const auto gone = service.binding_delete(port);
  if (!gone && gone.error().kind != ErrorKind::NotFound) return fail(gone.error());
  return {};
}

Result<std::vector<std::string>> hook(Service& service, const std::string& program,
                                      const std::vector<std::string>& words, const std::string& document) {
  if (words.size() >= 3) return libvirt_hook(service, words, document);
  if (words.size() == 1) {
    if (program.ends_with("ifup")) return qemu_up(service, words[0], document);
    if (!program.ends_with("ifdown"))
      return fail(ErrorKind::Invalid, fmt::format("called as '{}' with a port alone", program),
                  "QEMU's script= is nwf-ifup, its downscript= nwf-ifdown: links to this program");
    NWF_CHECK(qemu_down(service, words[0]));
    return std::vector<std::string>{};
  }
  return fail(ErrorKind::Invalid, fmt::format("called with {} words", words.size()),
              "libvirt calls its hooks with an object, an operation, a sub-operation and one more word");
}

}  // namespace nwf::host
