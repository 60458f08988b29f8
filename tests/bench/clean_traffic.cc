// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/clean_traffic.h"

#include <fmt/format.h>

#include "host/library.h"
#include "xml/filter.h"

namespace nwf::bench {

Binding clean_traffic_binding(std::size_t i) {
  const auto port = PortName::parse(fmt::format("nwf{}", i));
  const std::size_t n = i + 1;
  const auto mac = Mac::parse(fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", n >> 16U & 255U, n >> 8U & 255U, n & 255U));
  Binding b{{}, *port, *mac, "clean-traffic", {}, {}};
  b.variables["IP"] = {fmt::format("10.{}.{}.{}", n >> 16U & 255U, n >> 8U & 255U, n & 255U)};
  return b;
}

StockFilters::StockFilters() {
  for (const host::StockFilter& stock : host::stock_filters()) {
    auto parsed = xml::read_filter(stock.text, std::string(stock.name));
    if (parsed) filters_[std::string(stock.name)] = std::make_shared<const Filter>(std::move(parsed->value));
  }
}

FilterLookup StockFilters::lookup() const {
  return [this](const std::string& name) -> Result<std::shared_ptr<const Filter>> {
    const auto found = filters_.find(name);
    return found == filters_.end() ? nullptr : found->second;
  };
}

StockFilters StockFilters::edited() const {
  StockFilters other = *this;
  Filter filter = *filters_.at("clean-traffic");
  FilterRule rule;
  rule.action = Action::Drop;
  rule.protocol = Protocol::Mac;
  rule.attributes.push_back({Field::EtherType, false, Literal{{0x88, 0xb5}, "0x88b5"}, {}});
  filter.entries.emplace_back(rule);
  other.filters_["clean-traffic"] = std::make_shared<const Filter>(std::move(filter));
  return other;
}

}  // namespace nwf::bench
