// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/hotplug.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/networks.h"
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

bool Hotplug::manages(const std::string& bridge, bool is_tap) const {
  if (is_tap && options_.bridges.contains(bridge)) return true;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return network.bridge.name == bridge && network.has_filter() && (is_tap || has_own_bridge(network.mode()));
  });
}

std::optional<FilterRef> Hotplug::filter_of(const std::string& bridge) const {
  if (const auto told = options_.bridges.find(bridge); told != options_.bridges.end())
    return FilterRef{told->second, {}, {}};
  return filters_of(networks_)(bridge, {});
}

Result<void> Hotplug::bind_provisionally(const std::string& port, const FilterRef& filter) {
  const auto name = PortName::parse(port);
  if (!name) return fail(ErrorKind::Invalid, fmt::format("'{}' cannot be the name of a network interface", port));
  if (filter.filter == kHeldFilter && !service_.filter_lookup(filter.filter))
    NWF_CHECK(service_.filter_define(held_filter_text(), kHeldFilter));
  // Which address its guest has nobody knows; a default filter had better not ask for it.
  const Binding binding{{kOwner, std::nullopt}, *name, Mac{}, filter.filter, filter.parameters, {}};
  const std::string text = xml::write_binding(binding);
  if (is_provisional(port)) {  // from the one to the other by one transaction
    NWF_CHECK(service_.apply({{port, text}}, {}));
  } else {
    NWF_CHECK(service_.binding_create(text, port));
  }
  return {};
}

std::vector<HotplugNote> Hotplug::hold(const std::string& port, const std::string& bridge) {
  const auto filter = filter_of(bridge);
  if (!filter) return {};
  const auto held = bind_provisionally(port, *filter);
  if (held)
    return {
        {port, fmt::format("nothing explains port {} of {}: it gets filter {}", port, bridge, filter->filter), false}};
  std::vector<HotplugNote> notes{failure(port, held.error())};
  if (filter->filter == kHeldFilter) return notes;
  // What its filter would let pass nobody can say now.
  if (const auto closed = bind_provisionally(port, {kHeldFilter, {}, {}}); !closed)
    notes.push_back(failure(port, closed.error()));
  return notes;
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
  return hold(port, bridge);
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
  return bind(file, GuestState::Runs);
}

std::vector<HotplugNote> Hotplug::bind(const GuestFile& file, GuestState state) {
  const auto domain = xml::read_domain(*file.text, file.path, filters_of(networks_));
  if (!domain) return {failure("", domain.error())};
  const auto done = service_.guest_bind(*file.text, file.path, state);
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

std::vector<HotplugNote> Hotplug::refiltered(const std::string& bridge, const std::vector<Port>& ports,
                                             const std::vector<GuestFile>& guests) {
  std::vector<HotplugNote> notes;
  const auto add = [&](std::vector<HotplugNote> more) {
    notes.insert(notes.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (const GuestFile& file : guests)
    if (file.text && file.text->find(bridge) != std::string::npos) add(bind(file, GuestState::Starts));
  for (const Port& port : ports) {
    if (service_.binding_lookup(port.name) && !is_provisional(port.name)) continue;
    add(manages(bridge, port.is_tap) && filter_of(bridge) ? hold(port.name, bridge) : left(port.name));
  }
  return notes;
}

}  // namespace nwf::host
