// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/program/compile.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/program/inet_view.h"
#include "engine/program/order.h"
#include "engine/program/packet_field.h"
#include "engine/program/rule_tests.h"

namespace nwf {
namespace {

class Compiler {
 public:
  Compiler(const FlatFilter& flat, const Variables& variables) : flat_(flat), variables_(variables) {}

  Result<Program> run(const std::string& root) {
    program_.filter = root;
    program_.filters = flat_.filters;
    for (const Direction direction : {Direction::Out, Direction::In}) {
      NWF_CHECK(ethernet(direction));
      NWF_CHECK(inet(direction));
    }
    program_.gather_sets();
    const std::string suffix = program_.shape.suffix();
    program_.name = suffix.empty() ? root : root + "." + suffix;
    return std::move(program_);
  }

 private:
  Result<void> ethernet(Direction direction) {
    const EthernetOrder order = ethernet_order(flat_.rules, direction);
    if (order.root.empty()) return {};
    Flow& flow = program_.flows[flow_index(Layer::Ethernet, direction)];
    flow.chains.push_back({"root", std::nullopt, {}});
    for (const RootEntry& entry : order.root) {
      if (entry.rule != nullptr) {
        NWF_CHECK(ethernet_rule(*entry.rule, direction, flow.chains[0]));
        continue;
      }
      Protocol protocol = Protocol::None;
      const std::string_view prefix = chain_prefix(entry.chain);
      parse_protocol(prefix == "ipv4" ? "ip" : prefix, protocol);
      const std::size_t index = flow.chains.size();
      flow.chains.push_back({entry.chain, protocol_guard(protocol), {}});
      flow.chains[0].entries.push_back({index});
      for (const FlatRule* rule : order.chains.at(entry.chain))
        NWF_CHECK(ethernet_rule(*rule, direction, flow.chains[index]));
    }
    return {};
  }

  Result<void> ethernet_rule(const FlatRule& flat, Direction direction, ProgramChain& chain) {
    // libvirt writes an inout rule as for packets to the guest and mirrors it for those from it.
    const RuleView view{flat.rule->direction == Direction::InOut && direction == Direction::Out, false};
    NWF_TRY(const RuleTests tests, rule_tests(flat, view, variables_, program_.shape));
    append(flat, tests.alternatives, {}, chain);
    return {};
  }

  Result<void> inet(Direction direction) {
    ProgramChain chains[2] = {{"ip4", test::Compare{ether_type_field(), to_bytes(ethertype::kIpv4, 2), false}, {}},
                              {"ip6", test::Compare{ether_type_field(), to_bytes(ethertype::kIpv6, 2), false}, {}}};
    for (const FlatRule* flat : in_order(flat_.rules)) {
      if (layer_of(flat->rule->protocol) != Layer::Inet) continue;
      const auto view = inet_view(*flat->rule, direction);
      if (!view) continue;
      NWF_TRY(const RuleTests tests, rule_tests(*flat, view->view, variables_, program_.shape));
      if (tests.nothing_left) continue;
      std::vector<Test> after;
      if (view->connection) after.emplace_back(*view->connection);
      if (view->limit) after.emplace_back(*view->limit);
      append(*flat, tests.alternatives, after, chains[is_ipv6(flat->rule->protocol) ? 1 : 0]);
    }
    Flow& flow = program_.flows[flow_index(Layer::Inet, direction)];
    for (ProgramChain& chain : chains) {
      if (chain.entries.empty()) continue;
      if (flow.chains.empty()) flow.chains.push_back({"root", std::nullopt, {}});
      flow.chains[0].entries.push_back({flow.chains.size()});
      flow.chains.push_back(std::move(chain));
    }
    return {};
  }

  static void append(const FlatRule& flat, const std::vector<Conjunction>& alternatives, const std::vector<Test>& after,
                     ProgramChain& chain) {
    for (const Conjunction& tests : alternatives) {
      ProgramRule rule{tests, flat.rule->action, flat.origin(), flat.rule->source, {}};
      if (const Attribute* comment = flat.rule->find(Field::Comment))
        if (const auto* text = std::get_if<Literal>(&comment->value)) rule.comment = text->text;
      rule.tests.insert(rule.tests.end(), after.begin(), after.end());
      chain.entries.push_back({std::move(rule)});
    }
  }

  const FlatFilter& flat_;
  const Variables& variables_;
  Program program_;
};

}  // namespace

Result<Program> compile(const std::shared_ptr<const Filter>& root, const FilterLookup& lookup,
                        const Variables& variables) {
  NWF_TRY(const FlatFilter flat, flatten(root, lookup));
  return Compiler(flat, variables).run(root->name);
}

Result<std::vector<Element>> elements_of(const ValueSet& set, const PortName& port, const Variables& variables) {
  std::size_t steps = 1;
  std::string_view leader;
  for (const ValueColumn& column : set.columns) {
    const auto found = variables.find(column.variable.name);
    if (found == variables.end())
      return fail(ErrorKind::Invalid, fmt::format("port {} has no ${}", port.text(), column.variable.name));
    if (column.variable.access != VariableRef::Access::Iterator) continue;
    // A program is shared by ports whose lists it has never seen.
    if (!leader.empty() && steps != found->second.size())
      return fail(ErrorKind::Invalid,
                  fmt::format("port {}: ${} has {} values and ${} has {}; variables on the same iterator step together",
                              port.text(), leader, steps, column.variable.name, found->second.size()),
                  "give both the same number of values, or different iterators: $A[@1], $B[@2]");
    leader = column.variable.name;
    steps = found->second.size();
  }
  std::vector<Element> elements;
  elements.reserve(steps);
  const auto name = port.padded();
  for (std::size_t step = 0; step < steps; ++step) {
    Element element;
    element.key.reserve(name.size() + set.columns.size() * 16);
    element.key.assign(name.begin(), name.end());
    for (const ValueColumn& column : set.columns) {
      const auto& values = variables.at(column.variable.name);
      const std::size_t index = column.variable.access == VariableRef::Access::Subscript ? column.variable.index : step;
      if (index >= values.size())
        return fail(ErrorKind::Invalid,
                    fmt::format("port {}: {} is out of range", port.text(), column.variable.text()));
      auto literal = parse_literal(column.kind, values[index]);
      if (!literal)
        return fail(
            std::move(literal).error().in(fmt::format("value '{}' of ${}", values[index], column.variable.name)));
      Bytes& bytes = literal->bytes;
      for (std::size_t i = 0; i < column.mask.size() && i < bytes.size(); ++i) bytes[i] &= column.mask[i];
      bytes.resize((bytes.size() + 3) / 4 * 4);
      element.key.insert(element.key.end(), bytes.begin(), bytes.end());
    }
    elements.push_back(std::move(element));
  }
  std::sort(elements.begin(), elements.end());
  elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
  return elements;
}

}  // namespace nwf
