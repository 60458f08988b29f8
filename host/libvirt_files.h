// SPDX-License-Identifier: GPL-2.0-or-later
// What an existing libvirt host has, from its files: filters, bindings and running guests. Only reads.
//
//   ROOT/etc/libvirt/nwfilter/NAME.xml         filters, each a <filter>
//   ROOT/run/libvirt/nwfilter-binding/PORT.xml  bindings, each a <filterbindingstatus> around a <filterbinding>
//   ROOT/run/libvirt/qemu/NAME.xml             running guests, each a <domstatus> around a <domain>
//   ROOT/etc/libvirt/qemu/networks/NAME.xml    virtual networks, which are only named
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/model/binding.h"
#include "engine/model/filter.h"
#include "host/service.h"

namespace nwf::host {

struct LibvirtFilter {
  std::shared_ptr<const Filter> filter;
  Document document;  ///< of its file
  /// Where its <uuid> is in the text, from '<' to past its end; both 0 when there is none.
  std::size_t uuid_begin = 0, uuid_end = 0;

  /// The document without its <uuid>; every other place in it is as before.
  Document without_uuid() const;
};

struct LibvirtBinding {
  Binding binding;
  Document document;  ///< a <filterbinding>, with the lines of the file it is from
};

struct LibvirtFiles {
  std::vector<LibvirtFilter> filters;    ///< by file name
  std::vector<LibvirtBinding> bindings;  ///< by port
  std::vector<std::string> networks;     ///< names of virtual networks
  std::vector<std::string> warnings;
};

/// Errors: Invalid with all mistakes of all files, by file, line and column; Denied, Storage.
Result<LibvirtFiles> read_libvirt_files(const std::string& root);

}  // namespace nwf::host
