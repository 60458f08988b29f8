// SPDX-License-Identifier: GPL-2.0-or-later
// A backend without a kernel: it keeps the ruleset it is given, refuses what a kernel would refuse, and judges packets.
#pragma once

#include <memory>

#include "engine/ruleset/change.h"
#include "engine/simulate/evaluate.h"

namespace nwf::simulate {

/// The ruleset after the changes. Errors: Kernel for a change the kernel would refuse (an object that is not there, or
/// is still used), naming it; then nothing is changed.
Result<Ruleset> applied(const Changes& changes, Ruleset ruleset);

class SimulatedKernel : public Backend {
 public:
  explicit SimulatedKernel(const Capabilities& capabilities) : capabilities_(capabilities) {}

  Result<Capabilities> capabilities() override { return capabilities_; }
  Result<Held> read() override { return Held{ruleset_, generation_}; }
  Result<Held> read(const ChainNames& chains) override;
  Result<std::uint32_t> generation() override { return generation_; }
  Result<std::uint32_t> apply(const Changes& changes, std::optional<std::uint32_t> generation) override;

  /// Judges with what is applied now. Connections are known from packet to packet until the next change.
  Judgement judge(const Packet& packet);

 private:
  Capabilities capabilities_;
  Ruleset ruleset_;
  std::uint32_t generation_ = 1;
  std::unique_ptr<Evaluator> evaluator_;
};

}  // namespace nwf::simulate
