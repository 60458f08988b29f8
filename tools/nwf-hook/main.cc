// SPDX-License-Identifier: GPL-2.0-or-later
// libvirt's qemu and network hook, and QEMU's script= and downscript=, by the name it is called by.
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "host/hook.h"
#include "host/host.h"
#include "rpc/client.h"

namespace {

using nwf::Result;

Result<std::vector<std::string>> serve(const std::string& program, const std::vector<std::string>& arguments) {
  NWF_TRY(const nwf::host::HookCaller caller, nwf::host::hook_caller(program, arguments));
  // A caller's words are all taken, so where else than / the state lies comes from outside them.
  const char* root = std::getenv("NWF_ROOT");
  nwf::host::Options options;
  options.root = root == nullptr ? "" : root;
  NWF_TRY(const auto service, nwf::rpc::open(options));
  switch (caller) {
    case nwf::host::HookCaller::Libvirt: {
      const std::string input((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
      return nwf::host::libvirt_hook(*service, arguments, input);
    }
    case nwf::host::HookCaller::QemuUp:
      return nwf::host::qemu_up(*service, options.root, arguments[0]);
    case nwf::host::HookCaller::QemuDown:
      NWF_CHECK(nwf::host::qemu_down(*service, arguments[0]));
      return std::vector<std::string>{};
  }
  return std::vector<std::string>{};
}

}  // namespace

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const auto done = serve(argv[0], std::vector<std::string>(argv + 1, argv + argc));
  if (!done) {
    std::cerr << "nwf-hook: " << nwf::describe_all(done.error()) << "\n";
    return 1;
  }
  for (const std::string& warning : *done) std::cerr << "nwf-hook: warning: " << warning << "\n";
  return 0;
}
