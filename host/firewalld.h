// SPDX-License-Identifier: GPL-2.0-or-later
// firewalld, asked over the message bus to have a network's bridge in one of its zones. Only what runs is changed,
// never its files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/error.h"

struct sd_bus;

namespace nwf::host {

class Firewalld {
 public:
  /// Nothing where there is no message bus, or no firewalld on it; it is not started. Errors: Kernel.
  static Result<std::unique_ptr<Firewalld>> find();
  ~Firewalld();
  Firewalld(const Firewalld&) = delete;
  Firewalld& operator=(const Firewalld&) = delete;

  Result<std::vector<std::string>> zones();
  /// Empty when the interface is in none.
  Result<std::string> zone_of(const std::string& interface);
  Result<void> add(const std::string& zone, const std::string& interface);
  Result<void> remove(const std::string& zone, const std::string& interface);

 private:
  explicit Firewalld(sd_bus* bus) : bus_(bus) {}
  Result<std::string> call(const char* method, const std::vector<std::string>& words);

  sd_bus* bus_;
};

}  // namespace nwf::host
