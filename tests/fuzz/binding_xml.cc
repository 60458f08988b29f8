// SPDX-License-Identifier: GPL-2.0-or-later
// Any text as a <filterbinding> or a guest's <interface>: refused with a place, or written back as the same binding.
#include <string>

#include "tests/fuzz/must.h"
#include "xml/binding.h"
#include "xml/interface.h"
#include "xml/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  const auto binding = xml::read_binding_or_interface({reinterpret_cast<const char*>(data), size}, "a.xml");
  if (!binding) {
    fuzz::must_be_told(binding.error());
    return 0;
  }
  const std::string written = xml::write_binding(binding->value);
  const auto again = xml::read_binding(written, "written.xml");
  fuzz::must(again.has_value(), "what is written can be read", written);
  fuzz::must(xml::write_binding(again->value) == written, "what is read back is the same", written);
  return 0;
}
