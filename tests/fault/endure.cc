// SPDX-License-Identifier: GPL-2.0-or-later
// Thousands of operations in one process; its descriptors and its memory stay what they are. Root; a namespace of its
// own.
//
//   nwf-endure [--operations N] [--without-memory]
//
// --without-memory: for valgrind and sanitizers, which keep memory of their own and look for leaks themselves.
// Exit code 0 when all is flat over the second half, 1 when not, 77 where it cannot run.
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <vector>

#include "host/host.h"
#include "tests/fault/versions.h"
#include "tests/harness/network.h"
#include "tests/harness/scratch.h"

namespace nwf::test {
namespace {

/// Operations after which everything is as it was.
constexpr std::size_t kTurn = 160;
/// What the C library keeps for blocks that come and go; its caches count as in use.
constexpr std::size_t kResidentSlackKib = 512, kInUseSlack = 16 * 1024;

struct Sample {
  std::size_t operations = 0;
  std::size_t descriptors = 0;
  std::size_t resident_kib = 0;
  std::size_t in_use = 0;  ///< bytes that were asked for and not given back (malloc.h: uordblks)
};

std::size_t resident_kib() {
  std::size_t size = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

Sample sample(std::size_t operations) {
  Sample now;
  now.operations = operations;
  const std::filesystem::directory_iterator all("/proc/self/fd");
  now.descriptors = static_cast<std::size_t>(std::distance(begin(all), end(all)));
  now.resident_kib = resident_kib();
  now.in_use = mallinfo2().uordblks;
  return now;
}

/// The i-th of a turn's operations: edits, binds, changes, unbinds, questions, and some that are refused.
Result<void> operate(host::Service& service, std::size_t i) {
  const std::size_t step = i / 8;
  const Neighbour neighbour = nth_neighbour(step % (2 * kNeighboursAtATime));
  const auto refused = [](const auto& result, const char* what) -> Result<void> {
    if (result) return fail(ErrorKind::Kernel, fmt::format("{} was not refused", what));
    return {};
  };
  switch (i % 8) {
    case 0: {
      const FilterEdit edit = nth_edit(step);
      NWF_CHECK(service.filter_define(edit.text, edit.name));
      return {};
    }
    case 1:
      NWF_CHECK(service.binding_create(neighbour.xml, neighbour.port));
      return {};
    case 2:
      NWF_CHECK(service.binding_set("vnet0", nth_values(step, "192.0.2.1")));
      return {};
    case 3:
      NWF_CHECK(service.binding_rules("vnet0"));
      return {};
    case 4:
      NWF_CHECK(refused(service.filter_define("<filter name='streamed'><rule action='no'", "bad.xml"), "bad XML"));
      return refused(service.filter_undefine("streamed"), "the removal of a filter in use");
    case 5:
      NWF_CHECK(service.status());
      return {};
    case 6:
      NWF_CHECK(service.filter_dumpxml("streamed"));
      return refused(service.binding_create(neighbour.xml, neighbour.port), "a second binding of a port");
    default:
      NWF_CHECK(service.binding_delete(neighbour.port));
      return {};
  }
}

Result<std::vector<Sample>> endure(std::size_t operations) {
  NWF_TRY(const std::string root, make_scratch_directory());
  NWF_CHECK(enter_new_namespace());
  host::Options options;
  options.root = root;
  NWF_TRY(const auto service, host::open(options));
  for (const FilterVersions& filter : filter_versions())
    NWF_CHECK(service->filter_define(filter.texts[0], filter.name));
  NWF_CHECK(service->binding_create(
      "<filterbinding><portdev name='vnet0'/><mac address='52:54:00:00:00:01'/><filterref filter='streamed'>"
      "<parameter name='IP' value='192.0.2.1'/><parameter name='LAST' value='5001'/></filterref></filterbinding>",
      "vnet0"));
  std::vector<Sample> samples;
  const std::size_t turns = std::max<std::size_t>(4, operations / kTurn);
  samples.reserve(turns);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    for (std::size_t i = 0; i < kTurn; ++i) NWF_CHECK(operate(*service, i));
    samples.push_back(sample((turn + 1) * kTurn));
  }
  return samples;
}

bool is_flat(const std::vector<Sample>& samples, bool with_memory) {
  const Sample& middle = samples[samples.size() / 2 - 1];
  for (std::size_t i = 0; i < samples.size(); i += std::max<std::size_t>(1, samples.size() / 10))
    fmt::print("{:>8} operations: {} descriptors, {} KiB resident, {} bytes in use\n", samples[i].operations,
               samples[i].descriptors, samples[i].resident_kib, samples[i].in_use);
  const Sample& last = samples.back();
  fmt::print("{:>8} operations: {} descriptors, {} KiB resident, {} bytes in use\n", last.operations, last.descriptors,
             last.resident_kib, last.in_use);
  bool flat = true;
  for (std::size_t i = samples.size() / 2; i < samples.size(); ++i) {
    const Sample& now = samples[i];
    if (now.descriptors != middle.descriptors) flat = false;
    if (!with_memory) continue;
    if (now.in_use > middle.in_use + kInUseSlack || now.resident_kib > middle.resident_kib + kResidentSlackKib)
      flat = false;
  }
  return flat;
}

}  // namespace
}  // namespace nwf::test

int main(int argc, char** argv) {
  std::size_t operations = 2'000;
  bool with_memory = true;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--operations" && i + 1 < argc)
      operations = std::strtoul(argv[++i], nullptr, 10);
    else if (word == "--without-memory")
      with_memory = false;
    else
      return fmt::print(stderr, "usage: nwf-endure [--operations N] [--without-memory]\n"), 2;
  }
  const auto samples = nwf::test::endure(operations);
  if (!samples) {
    fmt::print(stderr, "nwf-endure: {}\n", nwf::describe_all(samples.error()));
    return samples.error().kind == nwf::ErrorKind::Denied ? 77 : 1;
  }
  if (nwf::test::is_flat(*samples, with_memory)) return 0;
  fmt::print(stderr, "nwf-endure: not flat over the second half\n");
  return 1;
}
