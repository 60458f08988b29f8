// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/hotplug.h"

#include <fmt/format.h>

#include <algorithm>

#include "xml/domain.h"
#include "xml/write.h"

namespace nwf::host {
namespace {

/// Who owns what hold() binds; a guest cannot have this name, which holds a '/'.
constexpr const char* kOwner = "nwf/unexplained";

std::string held_filter_text() {
  return fmt::format(
      "<filter name='{}' chain='root'>\n"
      "  <rule action='drop' direction='inout' priority='-1000'/>\n"
      "</filter>\n",
      kHeldFilter);
}

/// True when a guest has an interface with this port, whether it is filtered or not.
bool has_port(const xml::Domain& domain, const std::string& port) {
  const auto is_it = [&](const PortName& name) { return name.text() == port; };
  return std::any_of(domain.open.begin(), domain.open.end(), is_it) ||
         std::any_of(domain.bindings.begin(), domain.bindings.end(), [&](const Binding& b) { return is_it(b.port); });
}

HotplugNote failure(const std::string& port, const Error& error) { return {port, describe(error), true}; }

}  // namespace

bool Hotplug::is_provisional(const std::string& port) {
  const auto text = service_.binding_dumpxml(port);
  return text && text->find(fmt::format("<name>{}</name>", kOwner)) != std::string::npos;
}

Result<void> Hotplug::hold(const std::string& port, const std::string& filter) {
  const auto name = PortName::parse(port);
  if (!name) return fail(ErrorKind::Invalid, fmt::format("'{}' cannot be the name of a network interface", port));
  if (filter == kHeldFilter && !service_.filter_lookup(filter))
    NWF_CHECK(service_.filter_define(held_filter_text(), kHeldFilter));
  // Which address its guest has nobody knows; a default filter had better not ask for it.
  const Binding binding{{kOwner, std::nullopt}, *name, Mac{}, filter, {}, {}};
  NWF_CHECK(service_.binding_create(xml::write_binding(binding), port));
  return {};
}

Result<void> Hotplug::release(const std::string& port) {
  if (is_provisional(port)) NWF_CHECK(service_.binding_delete(port));
  return {};
}

std::vector<HotplugNote> Hotplug::joined(const std::string& port, const std::string& bridge,
                                         const std::vector<GuestFile>& guests) {
  // A hook, or an administrator, was here before.
  if (service_.binding_lookup(port)) return {};
  for (const GuestFile& file : guests) {
    if (!file.text || file.text->find(port) == std::string::npos) continue;
    const auto domain = xml::read_domain(*file.text, file.path);
    if (domain && has_port(domain->value, port)) return guest(file);
  }
  const auto managed = options_.bridges.find(bridge);
  if (managed == options_.bridges.end()) return {};
  if (const auto held = hold(port, managed->second); !held) return {failure(port, held.error())};
  return {
      {port, fmt::format("nothing explains port {} of {}: it gets filter {}", port, bridge, managed->second), false}};
}

std::vector<HotplugNote> Hotplug::left(const std::string& port) {
  if (const auto released = release(port); !released) return {failure(port, released.error())};
  return {};
}

std::vector<HotplugNote> Hotplug::guest(const GuestFile& file) {
  if (!file.text) {
    const auto gone = service_.guest_unbind(file.name, std::nullopt);
    if (!gone) return {failure("", gone.error())};
    std::vector<HotplugNote> notes;
    for (const BindingSummary& binding : *gone)
      notes.push_back({binding.port, fmt::format("guest {} has ended", file.name), false});
    return notes;
  }
  const auto domain = xml::read_domain(*file.text, file.path);
  if (!domain) return {failure("", domain.error())};
  const auto done = service_.guest_bind(*file.text, file.path, GuestState::Runs);
  if (!done) return {failure("", done.error())};
  std::vector<HotplugNote> notes;
  for (const BindingSummary& binding : done->bound)
    notes.push_back({binding.port, fmt::format("plugged into guest {}", done->guest), false});
  for (const BindingSummary& binding : done->unbound)
    notes.push_back({binding.port, fmt::format("not guest {}'s any more", done->guest), false});
  // Explained, and by libvirt's word unfiltered.
  for (const PortName& port : domain->value.open)
    if (const auto released = release(port.text()); !released) notes.push_back(failure(port.text(), released.error()));
  return notes;
}

}  // namespace nwf::host
