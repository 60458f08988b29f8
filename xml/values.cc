// SPDX-License-Identifier: GPL-2.0-or-later
#include "xml/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "engine/utf8.h"

namespace nwf::xml {
namespace {

std::optional<bool> one_of_two(const Element& element, std::string_view name, std::string_view yes, std::string_view no,
                               Mistakes& mistakes) {
  const std::string* text = element.attribute(name);
  if (text == nullptr) return std::nullopt;
  if (*text == yes) return true;
  if (*text == no) return false;
  mistakes.add(element.source, fmt::format("{}='{}' of <{}>", name, shown(*text), element.name),
               fmt::format("write '{}' or '{}'", yes, no));
  return std::nullopt;
}

}  // namespace

const std::string* required(const Element& element, std::string_view name, std::string_view remedy,
                            Mistakes& mistakes) {
  const std::string* text = element.attribute(name);
  if (text == nullptr || text->empty()) {
    mistakes.add(element.source, fmt::format("<{}> has no {}", element.name, name), std::string(remedy));
    return nullptr;
  }
  return text;
}

std::optional<bool> yes_no(const Element& element, std::string_view name, Mistakes& mistakes) {
  return one_of_two(element, name, "yes", "no", mistakes);
}

std::optional<bool> on_off(const Element& element, std::string_view name, Mistakes& mistakes) {
  return one_of_two(element, name, "on", "off", mistakes);
}

std::optional<std::uint64_t> number(const Element& element, std::string_view name, std::uint64_t least,
                                    std::uint64_t most, Mistakes& mistakes) {
  const std::string* text = element.attribute(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error == std::errc{} && stop == end && value >= least && value <= most) return value;
  mistakes.add(element.source, fmt::format("{}='{}' of <{}> is not a number from {} to {}", name, shown(*text),
                                           element.name, least, most));
  return std::nullopt;
}

std::optional<std::uint32_t> mark(const Element& element, std::string_view name, Mistakes& mistakes) {
  const std::string* text = element.attribute(name);
  if (text == nullptr) return std::nullopt;
  const bool hexadecimal = text->compare(0, 2, "0x") == 0;
  std::uint32_t value = 0;
  const char* start = text->data() + (hexadecimal ? 2 : 0);
  const char* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(start, end, value, hexadecimal ? 16 : 10);
  if (error == std::errc{} && stop == end && value != 0) return value;
  mistakes.add(element.source, fmt::format("{}='{}' of <{}> is not a mark", name, shown(*text), element.name),
               "write the bits to set: 0x4000");
  return std::nullopt;
}

std::optional<IpAddress> ip_address(const Element& element, std::string_view name, Mistakes& mistakes) {
  const std::string* text = element.attribute(name);
  if (text == nullptr) return std::nullopt;
  auto address = IpAddress::parse(*text);
  if (!address)
    mistakes.add(element.source, fmt::format("{}='{}' of <{}> is not an IP address", name, shown(*text), element.name),
                 "write 192.0.2.1 or 2001:db8::1");
  return address;
}

std::optional<PortName> interface_name(const Element& element, std::string_view name, Mistakes& mistakes) {
  const std::string* text = element.attribute(name);
  if (text == nullptr) return std::nullopt;
  auto port = PortName::parse(*text);
  if (!port)
    mistakes.add(element.source, fmt::format("'{}' cannot be the name of a network interface", shown(*text)),
                 "use 1 to 15 characters, none of them '/', ':' or a blank");
  return port;
}

std::optional<unsigned> prefix_length(const Element& element, bool ipv6, Mistakes& mistakes) {
  const auto prefix = number(element, "prefix", 0, ipv6 ? 128 : 32, mistakes);
  const std::string* netmask = element.attribute("netmask");
  if (netmask == nullptr) return prefix ? std::optional<unsigned>(static_cast<unsigned>(*prefix)) : std::nullopt;
  if (element.attribute("prefix") != nullptr) {
    mistakes.add(element.source, fmt::format("<{}> has both a prefix and a netmask", element.name), "leave one out");
    return std::nullopt;
  }
  const auto address = Ipv4::parse(*netmask);
  if (ipv6 || !address) {
    mistakes.add(element.source, fmt::format("'{}' is not a netmask", shown(*netmask)),
                 ipv6 ? "write prefix='64'" : "write netmask='255.255.255.0' or prefix='24'");
    return std::nullopt;
  }
  for (unsigned length = 0; length <= 32; ++length)
    if (Subnet::of(IpAddress(Ipv4{{255, 255, 255, 255}}), length).address == IpAddress(*address)) return length;
  mistakes.add(element.source, fmt::format("'{}' is not a netmask: its bits are not in one run", *netmask));
  return std::nullopt;
}

bool has_control_character(const Element& element, std::string_view what, std::string_view text, Mistakes& mistakes) {
  const bool found =
      std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (found)
    mistakes.add(element.source, fmt::format("{} '{}' has a control character", what, shown(text)), "remove it");
  return found;
}

}  // namespace nwf::xml
