// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/guarded.h"

#include <map>

#include "host/open_with.h"
#include "netlink/link_watch.h"
#include "netlink/nftables/backend.h"
#include "netlink/nftables/monitor.h"

namespace nwf::host {
namespace {

LinkNews news_of(const netlink::LinkEvent& event) {
  static_assert(static_cast<int>(LinkNews::Kind::Moved) == static_cast<int>(netlink::LinkEvent::Kind::Moved));
  return {static_cast<LinkNews::Kind>(event.kind), event.name, event.before, event.bridge, event.device == "tun"};
}

class GuardedHost final : public Guarded {
 public:
  GuardedHost(std::unique_ptr<netlink::LinkWatch> links, std::unique_ptr<netlink::Monitor> rules)
      : links_(std::move(links)), rules_(std::move(rules)) {}

  void open(const Options& options, std::unique_ptr<Measured> backend) {
    backend_ = backend.get();
    clock_ = options.clock ? options.clock : read_clocks;
    service_ = open_with(options, std::move(backend));
  }

  Service& service() override { return *service_; }
  bool owns_tables() const override { return backend_->owns(); }
  int links_descriptor() const override { return links_->descriptor(); }
  int rules_descriptor() const override { return rules_->descriptor(); }

  Result<std::vector<LinkNews>> link_news() override {
    NWF_TRY(const auto events, links_->drain());
    std::vector<LinkNews> news;
    news.reserve(events.size());
    for (const auto& event : events) news.push_back(news_of(event));
    return news;
  }

  Result<std::unique_ptr<Learner>> open_learner(Learner::Listener listener) override {
    return Learner::open(*service_, clock_, std::move(listener), [this]() -> Result<std::vector<netlink::Link>> {
      std::vector<netlink::Link> links;
      links.reserve(links_->table().links().size());
      for (const auto& [index, link] : links_->table().links()) links.push_back(link);
      return links;
    });
  }

  Result<std::optional<Intrusion>> intrusion() override {
    NWF_TRY(auto foreign, rules_->drain());
    if (!foreign) return std::optional<Intrusion>{};
    return std::optional<Intrusion>(Intrusion{std::move(foreign->program), foreign->pid});
  }

  Result<std::vector<PortFigures>> ports() override {
    NWF_TRY(const auto bindings, service_->binding_list());
    NWF_TRY(const auto links, netlink::read_link_statistics());
    std::map<std::string, const netlink::LinkStatistics*> by_name;
    std::map<int, std::string> names;
    for (const auto& link : links) {
      by_name.emplace(link.link.name, &link);
      names.emplace(link.link.index, link.link.name);
    }
    std::vector<PortFigures> ports;
    for (const BindingSummary& binding : bindings) {
      PortFigures figures{binding.port, binding.filter, {}, false, 0, 0, 0, 0};
      if (const auto found = by_name.find(binding.port); found != by_name.end()) {
        // What a guest's device receives is what the guest sends.
        const netlink::LinkStatistics& link = *found->second;
        figures.there = true;
        if (link.link.master != 0) figures.bridge = names[link.link.master];
        figures.frames_out = link.received_frames;
        figures.bytes_out = link.received_bytes;
        figures.frames_in = link.sent_frames;
        figures.bytes_in = link.sent_bytes;
      }
      ports.push_back(std::move(figures));
    }
    return ports;
  }

 private:
  std::unique_ptr<netlink::LinkWatch> links_;
  std::unique_ptr<netlink::Monitor> rules_;
  std::unique_ptr<LearningHost> service_;
  std::function<Clocks()> clock_;
  const Measured* backend_ = nullptr;  ///< the service's
};

}  // namespace

Result<std::unique_ptr<Guarded>> open_guarded(const Options& options, OnTransaction on_transaction) {
  NWF_TRY(auto channel, netlink::open_netfilter());
  NWF_TRY(auto rules, netlink::Monitor::open(channel->port_id()));
  NWF_TRY(auto links, netlink::LinkWatch::open());
  auto guarded = std::make_unique<GuardedHost>(std::move(links), std::move(rules));
  guarded->open(options,
                std::make_unique<Measured>(netlink::open_nftables(std::move(channel)), std::move(on_transaction)));
  return std::unique_ptr<Guarded>(std::move(guarded));
}

}  // namespace nwf::host
