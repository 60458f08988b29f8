// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/follower.h"

#include <map>

#include "netlink/link_kind.h"
#include "netlink/link_watch.h"

namespace nwf::host {
namespace {

void add(std::vector<HotplugNote>& notes, std::vector<HotplugNote> more) {
  for (HotplugNote& note : more) notes.push_back(std::move(note));
}

class FollowerOnThisHost final : public Follower {
 public:
  FollowerOnThisHost(std::unique_ptr<RunningGuests> guests, Hotplug hotplug)
      : guests_(std::move(guests)), hotplug_(std::move(hotplug)) {}

  int descriptor() const override { return guests_->descriptor(); }

  std::vector<HotplugNote> begin() override {
    std::vector<HotplugNote> notes;
    const auto links = netlink::read_link_statistics();
    if (!links) notes.push_back({"", describe(links.error()), true});
    if (links) {
      std::map<int, std::string> names;
      for (const auto& each : *links) names.emplace(each.link.index, each.link.name);
      for (const auto& each : *links)
        if (each.link.master != 0) add(notes, joined(each.link.name, names[each.link.master]));
    }
    add(notes, turn({}));
    return notes;
  }

  std::vector<HotplugNote> turn(const std::vector<LinkNews>& links) override {
    std::vector<HotplugNote> notes;
    // First the ports: what a file explains a moment later was held for that moment.
    for (const LinkNews& news : links) add(notes, handle(news));
    for (const GuestFile& file : guests_->drain()) add(notes, hotplug_.guest(file));
    return notes;
  }

 private:
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
    // A bridge's way out is a port, too, and no guest's.
    const auto name = PortName::parse(port);
    if (!name || !hotplug_.manages(bridge) || !netlink::is_tap(*name)) return {};
    return hotplug_.joined(port, bridge, guests_->all());
  }

  std::unique_ptr<RunningGuests> guests_;
  Hotplug hotplug_;
};

}  // namespace

Result<std::unique_ptr<Follower>> Follower::open(Service& service, const std::string& guests,
                                                 const HotplugOptions& options) {
  NWF_TRY(auto running, RunningGuests::open(guests));
  return std::make_unique<FollowerOnThisHost>(std::move(running), Hotplug(service, options));
}

}  // namespace nwf::host
