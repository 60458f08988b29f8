// SPDX-License-Identifier: GPL-2.0-or-later
// What a program owes to the variables of the ports it was compiled for.
//
// Most values of variables become elements of sets keyed by port, and a port with other values shares the
// program. Some cannot: a value used as a mask or as the end of a range, a negated list. Each such dependence
// is a fact; two ports share a program when its facts hold for both.
#pragma once

#include <compare>
#include <string>
#include <vector>

#include "engine/model/filter.h"
#include "engine/ruleset/ruleset.h"

namespace nwf {

/// Something true of a binding's variables on which a program was built.
struct Fact {
  enum class Kind {
    Defined,     ///< the binding gives the variable, overriding a reference's parameter
    NotDefined,  ///< it does not; the parameter of a reference is used
    Single,      ///< all its values are the same
    Values,      ///< it has exactly `values`
    // What every port must have whose filter this is, whether or not a rule that asks for it is left in the program: a
    // binding without it cannot be compiled.
    Given,   ///< the binding gives the variable
    AsMany,  ///< it has as many values as the variable that `values` names
    Count,   ///< it has so many values as `values` says
    More,    ///< it has more values than `values` says
  };
  Kind kind;
  std::string variable;
  std::vector<std::string> values;
  std::string reason;  ///< for people: which rule needs it, and why; empty for what every port must have

  bool holds(const Variables& variables) const;
  /// Equal facts have equal keys; the reason does not count.
  std::string key() const;
};

struct Shape {
  std::vector<Fact> facts;  ///< sorted by key, each once
  bool holds(const Variables& variables) const;
  /// Adds a fact unless an equal one is there.
  void add(Fact fact);
  /// Empty for the plain shape, in which every variable is a set element; else eight hexadecimal digits.
  std::string suffix() const;
};

/// One column of a value set: a variable as a rule accesses it, in the form of a packet field.
struct ValueColumn {
  VariableRef variable;
  ValueKind kind;
  KeyPart part;
  Bytes mask;  ///< empty: none; else applied to the value, as to the packet
  friend auto operator<=>(const ValueColumn&, const ValueColumn&) = default;
};

/// The kernel takes a key of these columns behind the port's name, and nft can list a set that has it.
bool can_be_one_key(const std::vector<ValueColumn>& columns);

/// A set keyed by port name and one or more values; all programs that need the same columns share it.
struct ValueSet {
  std::vector<ValueColumn> columns;
  /// The set's name in the kernel: `v.` and the columns.
  std::string name() const;
  /// The set as the kernel gets it.
  Set set() const;
  friend auto operator<=>(const ValueSet&, const ValueSet&) = default;
};

/// FNV-1a, 64 bits: names and change detection, never security.
std::uint64_t fnv1a(std::string_view text);

}  // namespace nwf
