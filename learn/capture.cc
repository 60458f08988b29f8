// SPDX-License-Identifier: GPL-2.0-or-later
#include "learn/capture.h"

#include <fmt/format.h>
#include <linux/filter.h>
#include <pcap/pcap.h>
#include <pcap/sll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace nwf::learn {
namespace {

struct ClosePcap {
  void operator()(pcap_t* handle) const noexcept { pcap_close(handle); }
};
using Pcap = std::unique_ptr<pcap_t, ClosePcap>;

/// Room for frames that wait to be read: some 1,200 of the longest.
constexpr int kBufferBytes = 2 << 20;

/// pcap/sll.h: struct sll2_header, every number in network byte order.
std::optional<Frame> frame_of(View bytes) {
  Reader reader(bytes);
  const auto ether_type = reader.u16(), reserved = reader.u16();
  const auto interface = reader.u32();
  const auto hardware = reader.u16();
  const auto packet_type = reader.u8(), address_length = reader.u8();
  const auto sender = reader.address<Mac>();
  constexpr std::size_t kRestOfAddress = 2;
  constexpr std::uint16_t kEthernet = 1;  // linux/if_arp.h: ARPHRD_ETHER
  if (!reader.skip(kRestOfAddress) || !reserved || *hardware != kEthernet || *address_length != sender->bytes.size())
    return std::nullopt;
  return Frame{*interface, *packet_type == LINUX_SLL_OUTGOING, *sender, *ether_type, reader.rest(), 0};
}

class PcapCapture final : public Capture {
 public:
  explicit PcapCapture(Pcap handle) : handle_(std::move(handle)) {}

  int descriptor() const override { return pcap_get_selectable_fd(handle_.get()); }

  Result<void> want(const Wanted& wanted) override {
    const std::vector<Instruction> program = capture_filter(wanted);
    static_assert(sizeof(Instruction) == sizeof(sock_filter));
    std::vector<sock_filter> filter;
    filter.reserve(program.size());
    for (const Instruction& i : program) filter.push_back({i.code, i.if_true, i.if_false, i.operand});
    const sock_fprog all{static_cast<unsigned short>(filter.size()), filter.data()};
    if (setsockopt(pcap_fileno(handle_.get()), SOL_SOCKET, SO_ATTACH_FILTER, &all, sizeof all) != 0)
      return fail(ErrorKind::Kernel, fmt::format("cannot set the filter of the capture: {}", std::strerror(errno)));
    return {};
  }

  Result<std::size_t> read(std::size_t most, const std::function<void(const Frame&)>& take) override {
    const auto each = [](unsigned char* user, const pcap_pkthdr* header, const unsigned char* bytes) {
      auto frame = frame_of({bytes, header->caplen});
      // A frame cut short is none.
      if (!frame || header->caplen < header->len) return;
      frame->captured_nanoseconds = std::int64_t{header->ts.tv_sec} * 1'000'000'000 + header->ts.tv_usec;
      (*reinterpret_cast<const std::function<void(const Frame&)>*>(user))(*frame);
    };
    auto* user = reinterpret_cast<unsigned char*>(const_cast<std::function<void(const Frame&)>*>(&take));
    const int count = pcap_dispatch(handle_.get(), static_cast<int>(most), each, user);
    if (count < 0) return fail(ErrorKind::Kernel, fmt::format("the capture ended: {}", pcap_geterr(handle_.get())));
    return static_cast<std::size_t>(count);
  }

  std::uint64_t lost() override {
    pcap_stat now{};
    return pcap_stats(handle_.get(), &now) == 0 ? now.ps_drop : 0;
  }

 private:
  Pcap handle_;
};

}  // namespace

Result<std::unique_ptr<Capture>> open_capture() {
  std::array<char, PCAP_ERRBUF_SIZE> why{};
  Pcap handle(pcap_create("any", why.data()));
  if (handle == nullptr) return fail(ErrorKind::Unsupported, fmt::format("cannot capture: {}", why.data()));
  pcap_set_snaplen(handle.get(), kSnapLength);
  pcap_set_promisc(handle.get(), 0);
  pcap_set_immediate_mode(handle.get(), 1);
  pcap_set_buffer_size(handle.get(), kBufferBytes);
  pcap_set_tstamp_precision(handle.get(), PCAP_TSTAMP_PRECISION_NANO);
  const int status = pcap_activate(handle.get());
  if (status < 0) {
    const bool denied = status == PCAP_ERROR_PERM_DENIED;
    return fail(denied ? ErrorKind::Denied : ErrorKind::Unsupported,
                fmt::format("cannot capture: {}", pcap_geterr(handle.get())),
                denied ? "CAP_NET_RAW is needed" : "is CONFIG_PACKET in this kernel?");
  }
  if (pcap_set_datalink(handle.get(), DLT_LINUX_SLL2) != 0 || pcap_setnonblock(handle.get(), 1, why.data()) != 0)
    return fail(ErrorKind::Unsupported, fmt::format("cannot capture: {}{}", pcap_geterr(handle.get()), why.data()));
  auto capture = std::make_unique<PcapCapture>(std::move(handle));
  NWF_CHECK(capture->want({}));
  return std::unique_ptr<Capture>(std::move(capture));
}

}  // namespace nwf::learn
