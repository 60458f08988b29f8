// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/follower.h"

#include <map>
#include <set>

#include "host/running_networks.h"
#include "netlink/link_kind.h"
#include "netlink/link_watch.h"

namespace nwf::host {
namespace {

void add(std::vector<HotplugNote>& notes, std::vector<HotplugNote> more) {
  for (HotplugNote& note : more) notes.push_back(std::move(note));
}

class FollowerOnThisHost final : public Follower {
 public:
  FollowerOnThisHost(std::unique_ptr<RunningGuests> guests, std::unique_ptr<RunningNetworks> networks, Hotplug hotplug)
      : guests_(std::move(guests)), networks_(std::move(networks)), hotplug_(std::move(hotplug)) {}

  std::vector<int> descriptors() const override { return {guests_->descriptor(), networks_->descriptor()}; }

  std::vector<HotplugNote> begin() override {
    std::vector<HotplugNote> notes;
    networks_->changed();
    hotplug_.networks(networks_->up());
    for (const auto& [port, bridge] : ports(notes)) add(notes, joined(port, bridge));
    add(notes, turn({}));
    return notes;
  }

  std::vector<HotplugNote> turn(const std::vector<LinkNews>& links) override {
    std::vector<HotplugNote> notes;
    const std::set<std::string> bridges = networks_->changed();
    if (!bridges.empty()) hotplug_.networks(networks_->up());
    // First the ports: what a file explains a moment later was held for that moment.
    for (const LinkNews& news : links) add(notes, handle(news));
    for (const GuestFile& file : guests_->drain()) add(notes, hotplug_.guest(file));
    for (const std::string& bridge : bridges) add(notes, refiltered(bridge));
    return notes;
  }

 private:
  /// All ports of bridges there are, with their bridges.
  static std::vector<std::pair<std::string, std::string>> ports(std::vector<HotplugNote>& notes) {
    std::vector<std::pair<std::string, std::string>> ports;
    const auto links = netlink::read_link_statistics();
    if (!links) {
      notes.push_back({"", describe(links.error()), true});
      return ports;
    }
    std::map<int, std::string> names;
    for (const auto& each : *links) names.emplace(each.link.index, each.link.name);
    for (const auto& each : *links)
      if (each.link.master != 0) ports.emplace_back(each.link.name, names[each.link.master]);
    return ports;
  }

  std::vector<HotplugNote> refiltered(const std::string& bridge) {
    std::vector<HotplugNote> notes;
    std::vector<Hotplug::Port> concerned;
    for (const auto& [port, its] : ports(notes))
      if (const auto name = PortName::parse(port); name && its == bridge)
        concerned.push_back({port, netlink::is_tap(*name)});
    add(notes, hotplug_.refiltered(bridge, concerned, guests_->all()));
    return notes;
  }

  bool manages(const std::string& port, const std::string& bridge) const {
    const auto name = PortName::parse(port);
    return name && (hotplug_.manages(bridge, false) || (hotplug_.manages(bridge, true) && netlink::is_tap(*name)));
  }

  std::vector<HotplugNote> handle(const LinkNews& news) {
    switch (news.kind) {
      case LinkNews::Kind::Appeared:
      case LinkNews::Kind::Moved:
        return news.bridge.empty() ? hotplug_.left(news.name) : joined(news.name, news.bridge);
      case LinkNews::Kind::Renamed: {
        auto notes = hotplug_.left(news.before);
        if (!news.bridge.empty()) add(notes, joined(news.name, news.bridge));
        return notes;
      }
      case LinkNews::Kind::Gone:
        return hotplug_.left(news.name);
    }
    return {};
  }

  std::vector<HotplugNote> joined(const std::string& port, const std::string& bridge) {
    if (!manages(port, bridge)) return {};
    return hotplug_.joined(port, bridge, guests_->all());
  }

  std::unique_ptr<RunningGuests> guests_;
  std::unique_ptr<RunningNetworks> networks_;
  Hotplug hotplug_;
};

}  // namespace

Result<std::unique_ptr<Follower>> Follower::open(Service& service, const std::string& root,
                                                 const HotplugOptions& options) {
  NWF_TRY(auto guests, RunningGuests::open(root + "/run/libvirt/qemu"));
  NWF_TRY(auto networks, RunningNetworks::open(root + "/run/nwf/networks"));
  return std::make_unique<FollowerOnThisHost>(std::move(guests), std::move(networks), Hotplug(service, options));
}

}  // namespace nwf::host
