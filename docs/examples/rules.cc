// SPDX-License-Identifier: GPL-2.0-or-later
// Shows, for each bound port, the rules that guard it: the C++ interface.
//
//   c++ -std=c++20 rules.cc $(pkg-config --cflags --libs nwf) -o rules
//   ./rules ROOT                                  ROOT is "" for the machine itself
#include <iostream>

#include "host/host.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  nwf::host::Options options;
  options.root = argv[1];
  const auto service = nwf::host::open(options);
  if (!service) {
    std::cerr << nwf::describe_all(service.error()) << "\n";
    return 1;
  }
  const auto bindings = (*service)->binding_list();
  if (!bindings) {
    std::cerr << nwf::describe_all(bindings.error()) << "\n";
    return 1;
  }
  for (const auto& binding : *bindings) {
    const auto rules = (*service)->binding_rules(binding.port);
    if (!rules) {
      std::cerr << nwf::describe_all(rules.error()) << "\n";
      return 1;
    }
    std::cout << binding.port << ": " << binding.filter << "\n";
    for (const auto& rule : rules->rules) std::cout << "  " << rule.rule << "    # " << rule.origin << "\n";
  }
}
