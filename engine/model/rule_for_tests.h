// SPDX-License-Identifier: GPL-2.0-or-later
// Rules and filters built by hand, for tests: what a reader of XML would make, without XML.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/model/filter.h"

namespace nwf::for_tests {

using Attributes = std::initializer_list<std::pair<std::string_view, std::string_view>>;

inline constexpr std::string_view kFile = "test.xml";

/// A value that is known to be good: a test that gives another one is wrong itself.
inline Literal literal(ValueKind kind, std::string_view text) {
  auto parsed = parse_literal(kind, text);
  if (!parsed) throw std::logic_error(describe(parsed.error()));
  return *std::move(parsed);
}

inline Bytes bytes_of(ValueKind kind, std::string_view text) { return literal(kind, text).bytes; }

/// `<rule action direction><protocol name='value'…/></rule>`; it stands in line 1, its n-th attribute in column n.
inline FilterRule rule(Action action, Direction direction, Protocol protocol = Protocol::None,
                       Attributes attributes = {}) {
  FilterRule made;
  made.action = action;
  made.direction = direction;
  made.protocol = protocol;
  made.source = {std::string(kFile), 1, 1};
  for (const auto& [name, text] : attributes) {
    const FieldRow* row = find_field(protocol, name);
    if (row == nullptr)
      throw std::logic_error(std::string(protocol_name(protocol)) + " has no attribute " + std::string(name));
    auto value = parse_operand(row->kind, text, row->variables);
    if (!value) throw std::logic_error(describe(value.error()));
    const int column = static_cast<int>(made.attributes.size()) + 1;
    made.attributes.push_back({row->field, false, *std::move(value), {std::string(kFile), 1, column}});
  }
  std::sort(made.attributes.begin(), made.attributes.end(),
            [](const Attribute& a, const Attribute& b) { return a.field < b.field; });
  return made;
}

/// The same rule with match='no' on its protocol element.
inline FilterRule negated(FilterRule made) {
  for (Attribute& attribute : made.attributes) attribute.negated = true;
  return made;
}

inline FilterRule with_priority(FilterRule made, int priority) {
  made.priority = priority;
  return made;
}

inline FilterRule without_statematch(FilterRule made) {
  made.statematch = false;
  return made;
}

inline FilterRef reference(std::string filter, Variables parameters = {}) {
  return {std::move(filter), std::move(parameters), {}};
}

/// A filter whose n-th entry stands in line n + 1, behind `<filter>`.
inline Filter filter(std::string name, std::vector<FilterEntry> entries, std::string chain = "root") {
  Filter made;
  made.name = std::move(name);
  made.chain = std::move(chain);
  made.entries = std::move(entries);
  int line = 1;
  for (FilterEntry& entry : made.entries) {
    ++line;
    if (auto* own = std::get_if<FilterRule>(&entry)) {
      own->source = {std::string(kFile), line, 1};
      for (Attribute& attribute : own->attributes) attribute.source.line = line;
    } else {
      std::get<FilterRef>(entry).source = {std::string(kFile), line, 1};
    }
  }
  return made;
}

/// Filters by name; callable as the engine's FilterLookup.
class Filters {
 public:
  Filters() = default;
  Filters(std::initializer_list<Filter> filters) {
    for (const Filter& each : filters) add(each);
  }
  void add(Filter made) {
    std::string name = made.name;
    by_name_[std::move(name)] = std::make_shared<const Filter>(std::move(made));
  }
  const std::shared_ptr<const Filter>& at(const std::string& name) const { return by_name_.at(name); }
  Result<std::shared_ptr<const Filter>> operator()(const std::string& name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::string, std::shared_ptr<const Filter>> by_name_;
};

}  // namespace nwf::for_tests
