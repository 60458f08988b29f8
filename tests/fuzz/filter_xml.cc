// SPDX-License-Identifier: GPL-2.0-or-later
// Any text as a filter: refused with a place, or what is written back is the same filter.
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/fuzz/must.h"
#include "xml/filter.h"
#include "xml/write.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  const auto filter = xml::read_filter({reinterpret_cast<const char*>(data), size}, "a.xml");
  if (!filter) {
    fuzz::must_be_told(filter.error());
    return 0;
  }
  const std::string written = xml::write_filter(filter->value);
  const auto again = xml::read_filter(written, "written.xml");
  fuzz::must(again.has_value(), "what is written can be read", written);
  fuzz::must(xml::write_filter(again->value) == written, "what is read back is the same", written);
  return 0;
}
