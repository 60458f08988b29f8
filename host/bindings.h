// SPDX-License-Identifier: GPL-2.0-or-later
// The bindings as the store has them.
//
// What was read is kept, and read again only when its file looks different: an nwfd with a thousand ports bound asks
// which of them a guest has each time a guest ends, and what a port is bound to for each address that it learns.
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
  Result<std::optional<Binding>> find(const std::string& port);
  /// All of them, sorted by port.
  Result<std::vector<Binding>> all();
  /// Those whose owner is wanted, sorted by port.
  Result<std::vector<Binding>> of(const std::function<bool(const Owner&)>& wanted);

 private:
  struct Kept {
    store::FileState state;
    Binding binding;
  };
  /// The binding of a document that looks like this; nothing when it went meanwhile.
  Result<std::optional<Binding>> read(const store::ListedDocument& document);
  store::Store& store_;
  std::map<std::string, Kept> kept_;  ///< by port
};

}  // namespace nwf::host
