// SPDX-License-Identifier: GPL-2.0-or-later
// What is known of the packets that come to a place in a flow.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "engine/program/program.h"

namespace nwf {

/// Tests that hold, and conjunctions that do not. A test that was made before gives the same answer again: a packet and
/// the sets it is looked up in stay as they are while a hook judges it.
class Facts {
 public:
  void holds(const Test& test);
  /// Not all of these hold together.
  void fails(std::vector<Test> tests);
  /// What the tests say under what is known: true, false, or nothing.
  std::optional<bool> value(const Test& test) const;
  /// The same of a rule's tests together.
  std::optional<bool> value(const std::vector<Test>& tests) const;
  /// Which of a rule's tests say nothing new: they hold whenever it comes to them, those before them having held.
  std::vector<bool> implied(const std::vector<Test>& tests) const;
  /// What is known here and there.
  static Facts both(const Facts& a, const Facts& b);

 private:
  /// A test with what tells it from most others at a glance. The test is somebody else's, or shared by all that keep
  /// it.
  struct Glance {
    const Test* test = nullptr;
    std::size_t hash = 0;
    std::uint64_t field = 0;  ///< a bit for the field that it looks at; different fields may share one
    std::shared_ptr<const Test> kept;
    explicit Glance(const Test& of);
    explicit Glance(std::shared_ptr<const Test> of);
    friend bool operator==(const Glance& a, const Glance& b) {
      return a.hash == b.hash && (a.test == b.test || *a.test == *b.test);
    }
  };
  struct Conjunction {
    std::vector<Glance> tests;
    std::uint64_t fields = 0;
  };
  using Shared = std::shared_ptr<const Conjunction>;
  /// What is known, and besides that the first `count` of `more` hold.
  struct Also {
    const std::vector<Glance>& more;
    std::size_t count;
  };

  std::span<const std::pair<std::size_t, const Conjunction*>> false_with(std::size_t hash) const;

  template <class Wanted>
  bool any_known(const Also& also, Wanted wanted) const;
  bool known_to_hold(const Glance& test, const Also& also) const;
  std::optional<bool> by_comparison(const Glance& test, const Also& also) const;
  std::optional<bool> value(const Glance& test, const Also& also) const;
  void fails(Shared tests);

  std::vector<Glance> true_;
  std::vector<Shared> false_;
  /// Those of false_ that a test is in, sorted by its hash: a flow of a thousand rules knows a thousand of them.
  std::vector<std::pair<std::size_t, const Conjunction*>> false_with_;
};

}  // namespace nwf
