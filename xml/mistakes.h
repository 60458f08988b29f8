// SPDX-License-Identifier: GPL-2.0-or-later
// Collects what is wrong with a text, so that everything is told at once.
#pragma once

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "engine/error.h"

namespace nwf::xml {

class Mistakes {
 public:
  void add(Source where, std::string message, std::string remedy = {}) {
    errors_.push_back({ErrorKind::Invalid, std::move(message), std::move(where), std::move(remedy), {}});
  }
  void add(Error error, const Source& where) { errors_.push_back(std::move(error).at(where)); }
  /// An error with the further ones it carries, each at its own place.
  void add_all(Error error) {
    std::vector<Error> more = std::move(error.more);
    error.more.clear();
    errors_.push_back(std::move(error));
    for (Error& further : more) errors_.push_back(std::move(further));
  }
  void warn(Source where, std::string message, std::string remedy = {}) {
    warnings_.push_back({ErrorKind::Invalid, std::move(message), std::move(where), std::move(remedy), {}});
  }
  bool none() const { return errors_.empty(); }
  std::size_t count() const { return errors_.size(); }
  std::vector<Error> take_warnings() { return std::move(warnings_); }

  /// The first mistake in the order of the text, the others in its `more`.
  Error take() {
    std::stable_sort(errors_.begin(), errors_.end(), [](const Error& a, const Error& b) {
      return std::tie(a.where.line, a.where.column) < std::tie(b.where.line, b.where.column);
    });
    Error first = std::move(errors_.front());
    for (std::size_t i = 1; i < errors_.size(); ++i) first.more.push_back(std::move(errors_[i]));
    return first;
  }

 private:
  std::vector<Error> errors_;
  std::vector<Error> warnings_;
};

}  // namespace nwf::xml
