// SPDX-License-Identifier: GPL-2.0-or-later
// An administrator who does anything, at random: filters edited, ports bound, given other filters and values, unbound,
// addresses learned and forgotten, several of it as one change, from one backend to the other. After each the kernel
// must hold what computing it all anew gives: a change that a port does not get, or a port that loses what it had, is
// seen at once. What is refused must leave everything as it was.
//
//   nwf-changes [--steps N] [--seed N]
//
// Root; a namespace of its own. With NWFD in the environment by way of a daemon. The same seed gives the same changes.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>

#include "engine/model/binding.h"
#include "host/host.h"
#include "tests/harness/network.h"
#include "tests/harness/scratch.h"
#include "tests/netns/running_daemon.h"
#include "tests/property/random_filter.h"
#include "xml/write.h"

namespace nwf::test {
namespace {

constexpr std::size_t kRoots = 4, kPorts = 6;
/// So much of what was done before a mistake is shown.
constexpr std::size_t kShown = 12;

class Administrator {
 public:
  Administrator(host::Service& service, std::uint64_t seed) : service_(service), dice_(seed) {}

  /// False when the kernel does not hold what it should: said on standard output.
  bool step() {
    const std::size_t kind = dice_.below(100);
    if (kind < 25) {
      define();
    } else if (kind < 30) {
      done("apply filters", service_.apply(random_filters(), {}));
    } else if (kind < 45) {
      const host::Document document = random_binding();
      done("bind", service_.binding_create(document.text, document.file), document.text);
    } else if (kind < 55) {
      const host::Document document = random_binding();
      done("apply a binding", service_.apply({document}, {}), document.text);
    } else if (kind < 70) {
      const std::string port = random_port();
      const Variables values = random_values();
      std::string text = port;
      for (const auto& [name, list] : values) text += fmt::format(" {}={}", name, fmt::join(list, ","));
      done("set", service_.binding_set(port, values), text);
    } else if (kind < 80) {
      const std::string port = random_port();
      done("unbind", service_.binding_delete(port), port);
    } else if (kind < 88) {
      change();
    } else if (kind < 92) {
      const std::string port = random_port();
      done("learn", service_.learned_set(port, {dice_.from(pool::kIpv4)}), port);
    } else if (kind < 96) {
      const std::string port = random_port();
      done("forget", service_.learned_forget(port, {}), port);
    } else if (kind < 97) {
      const std::string to = dice_.one_of({"nftables", "iptables-legacy", "iptables-legacy-classic"});
      done("switch", service_.backend(to), to);
    } else {
      const std::string name = fmt::format("root{}", dice_.below(kRoots));
      done("undefine", service_.filter_undefine(name), name);
    }
    const auto status = service_.status();
    if (status && status->in_sync) return true;
    fmt::print("after\n{}\nthe kernel does not hold what the state says: {}\n", fmt::join(last_, "\n"),
               status ? fmt::format("{}", fmt::join(status->differences, "; ")) : describe(status.error()));
    // What it is that the state says.
    for (std::size_t i = 0; i < kPorts; ++i)
      if (const auto text = service_.binding_dumpxml(fmt::format("vnet{}", i))) fmt::print("{}", *text);
    if (const auto filters = service_.filter_list())
      for (const host::FilterSummary& filter : *filters)
        if (filter.name.starts_with("root") || filter.name.starts_with("part"))
          fmt::print("{}", service_.filter_dumpxml(filter.name).value_or(""));
    return false;
  }

  void report() const {
    for (const auto& [what, times] : times_)
      fmt::print("{:16} {:6} done, {:6} refused\n", what, times.first, times.second);
  }
  /// Each kind of change was made.
  bool did_everything() const {
    return times_.size() >= 10 &&
           std::all_of(times_.begin(), times_.end(), [](const auto& kind) { return kind.second.first > 0; });
  }

 private:
  template <class T>
  void done(const std::string& what, const Result<T>& result, const std::string& about = "") {
    ++(result ? times_[what].first : times_[what].second);
    last_.push_back(fmt::format("-- {} {} {}", what, about, result ? "" : "refused: " + describe(result.error())));
    if (last_.size() > kShown) last_.pop_front();
  }

  /// A tree below one of the roots; its other filters are parts of the other roots' trees, too.
  std::vector<host::Document> random_filters() {
    Tree tree = random_tree(dice_);
    tree.filters[0].name = fmt::format("root{}", dice_.below(kRoots));
    std::vector<host::Document> documents;
    for (auto filter = tree.filters.rbegin(); filter != tree.filters.rend(); ++filter)
      documents.push_back({filter->name, xml::write_filter(*filter)});
    return documents;
  }

  void define() {
    for (const host::Document& filter : random_filters())
      done("define", service_.filter_define(filter.text, filter.file), filter.text);
  }

  void change() {
    std::vector<host::Document> documents;
    if (dice_.chance(50)) documents = random_filters();
    if (dice_.chance(50)) documents.push_back(random_binding());
    host::Removal removal;
    if (dice_.chance(50)) removal.ports.push_back(random_port());
    if (dice_.chance(20)) removal.filters.push_back(fmt::format("root{}", dice_.below(kRoots)));
    std::string texts;
    for (const host::Document& document : documents) texts += document.text;
    done("change", service_.change(documents, removal),
         fmt::format("{} without {}", texts, fmt::join(removal.ports, ",")));
  }

  std::string random_port() { return fmt::format("vnet{}", dice_.below(kPorts)); }

  Variables random_values() {
    Variables values;
    const auto some = [&](const std::vector<std::string>& from) {
      std::vector<std::string> list;
      for (std::size_t i = 0, n = 1 + dice_.below(3); i < n; ++i) list.push_back(dice_.from(from));
      return list;
    };
    if (dice_.chance(50)) values["IP"] = some(pool::kIpv4);
    if (dice_.chance(50)) values["IPV6"] = some(pool::kIpv6);
    if (values.empty() || dice_.chance(50)) values["PORT"] = some(pool::kPorts);
    return values;
  }

  host::Document random_binding() {
    Variables values = random_values();
    values.emplace("PORT", std::vector<std::string>{dice_.from(pool::kPorts)});
    values.emplace("IPV6", std::vector<std::string>{dice_.from(pool::kIpv6)});
    if (!values.contains("IP")) values["CTRL_IP_LEARNING"] = {"any"};
    const Binding binding{{},
                          *PortName::parse(random_port()),
                          *Mac::parse(dice_.from(pool::kMacs)),
                          fmt::format("root{}", dice_.below(kRoots)),
                          std::move(values),
                          {}};
    return {"binding", xml::write_binding(binding)};
  }

  host::Service& service_;
  Dice dice_;
  std::deque<std::string> last_;
  std::map<std::string, std::pair<std::size_t, std::size_t>> times_;  ///< done and refused
};

int run(std::size_t steps, std::uint64_t seed) {
  const auto root = make_scratch_directory();
  if (!root) {
    fmt::print("skipped: needs root: {}\n", describe(root.error()));
    return 77;
  }
  const auto prepared = enter_new_namespace();
  host::Options options;
  options.root = *root;
  std::unique_ptr<RunningDaemon> daemon;
  Result<std::unique_ptr<host::Service>> service = prepared ? host::open(options) : fail(prepared.error());
  if (const char* program = std::getenv("NWFD"); program != nullptr && prepared) {
    auto started = RunningDaemon::start(program, *root);
    if (started) daemon = std::move(*started);
    service = started ? daemon->connect() : fail(started.error());
  }
  if (!service) {
    fmt::print("{}\n", describe_all(service.error()));
    return 1;
  }
  Administrator administrator(**service, seed);
  for (std::size_t i = 0; i < steps; ++i)
    if (!administrator.step()) {
      fmt::print("seed {}, step {}\n", seed, i);
      return 1;
    }
  administrator.report();
  fmt::print("seed {}: {} steps, the kernel held what it should after each\n", seed, steps);
  return administrator.did_everything() || steps < 500 ? 0 : 1;
}

}  // namespace
}  // namespace nwf::test

int main(int argc, char** argv) {
  std::size_t steps = 1000;
  std::uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--steps") == 0) steps = std::strtoull(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--seed") == 0) seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  return nwf::test::run(steps, seed);
}
