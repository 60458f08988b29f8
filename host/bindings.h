// SPDX-License-Identifier: GPL-2.0-or-later
// The bindings as the store has them.
//
// Whose a port is is kept once it was read, and read again only when its file looks different: an nwfd with a thousand
// ports bound asks which of them a guest has each time a guest ends.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/binding.h"
#include "store/store.h"

namespace nwf::host {

class Bindings {
 public:
  /// `store` must outlive this.
  explicit Bindings(store::Store& store) : store_(store) {}

  /// The port's binding; nothing when it is not bound. Errors: Storage, and Invalid when the document is none.
  Result<std::optional<Binding>> find(const std::string& port) const;
  /// All of them, sorted by port.
  Result<std::vector<Binding>> all() const;
  /// Those whose owner is wanted, sorted by port.
  Result<std::vector<Binding>> of(const std::function<bool(const Owner&)>& wanted);

 private:
  struct Kept {
    store::FileState state;
    Owner owner;
  };
  store::Store& store_;
  std::map<std::string, Kept> owners_;  ///< by port
};

}  // namespace nwf::host
