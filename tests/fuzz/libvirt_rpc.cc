// SPDX-License-Identifier: GPL-2.0-or-later
// Any bytes as a client of libvirt's protocol, in any pieces: whole replies come back, no more of it is kept than may
// be, and who may only read changes nothing.
//
// The first byte says how the rest is cut; the second whether the client may write.
#include <algorithm>

#include "rpc/libvirt/memory_service_for_tests.h"
#include "rpc/libvirt/session.h"
#include "tests/fuzz/must.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nwf;
  using namespace nwf::rpc::libvirt;
  if (size < 2) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  const bool writes = (data[1] & 1) != 0;
  std::span<const std::uint8_t> rest(data + 2, size - 2);
  MemoryService service;
  service.filters = {{"clean", "clean text"}, {"web", "web text"}};
  service.bindings = {{"vnet0", "clean"}};
  const auto before = std::pair(service.filters, service.bindings);
  Session session([&service]() -> nwf::host::Service& { return service; },
                  writes ? Access::ReadWrite : Access::ReadOnly);
  std::vector<std::uint8_t> replies;
  const auto take = [&] {
    replies.insert(replies.end(), session.output().begin(), session.output().end());
    session.sent(session.output().size());
  };
  while (!rest.empty() && !session.ended()) {
    const auto now = rest.first(std::min(piece, rest.size()));
    rest = rest.subspan(now.size());
    session.feed(now);
    fuzz::must(session.held_bytes() <= size + 2 * Session::kPause + kMaxMessage, "what is kept is bounded", "");
    take();
  }
  while (!session.output().empty()) take();
  if (!writes) fuzz::must(before == std::pair(service.filters, service.bindings), "a reader changes nothing", "");
  for (std::size_t at = 0; at < replies.size();) {
    fuzz::must(replies.size() - at >= kLengthBytes + kHeaderBytes, "a reply is whole", "");
    XdrReader reader(std::span<const std::uint8_t>(replies).subspan(at));
    const std::size_t length = reader.word();
    fuzz::must(length >= kLengthBytes + kHeaderBytes && length <= replies.size() - at, "a reply has its length", "");
    at += length;
  }
  return 0;
}
