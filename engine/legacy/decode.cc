// SPDX-License-Identifier: GPL-2.0-or-later
#include "engine/legacy/decode.h"

#include <algorithm>

#include "engine/program/compile.h"

namespace nwf::legacy {

bool is_of_port(const ProgramRule& rule) {
  return std::ranges::any_of(rule.tests, [](const Test& test) {
    return std::holds_alternative<test::Member>(test) || std::holds_alternative<test::ConnectionLimit>(test);
  });
}

Result<std::vector<std::vector<Test>>> with_values(const ProgramRule& rule, const PortName& port,
                                                   const Variables& variables) {
  std::vector<std::vector<Test>> lists{{}};
  for (const Test& test : rule.tests) {
    const auto* member = std::get_if<test::Member>(&test);
    if (member == nullptr) {
      for (auto& list : lists) list.push_back(test);
      continue;
    }
    NWF_TRY(const auto elements, elements_of(member->set, port, variables));
    std::vector<std::vector<Test>> next;
    for (const auto& list : lists)
      for (const Element& element : elements) {
        std::vector<Test> longer = list;
        std::size_t at = PortName::kSize;
        for (const PacketField& field : member->fields) {
          const auto from = element.key.begin() + static_cast<std::ptrdiff_t>(at);
          longer.emplace_back(test::Compare{field, Bytes(from, from + field.length), member->negated});
          at += (field.length + 3U) / 4U * 4U;
        }
        next.push_back(std::move(longer));
      }
    lists = std::move(next);
  }
  return lists;
}

}  // namespace nwf::legacy
