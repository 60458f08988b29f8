// SPDX-License-Identifier: GPL-2.0-or-later
// Calls about bindings. A client names a binding by its port; the filter it says is not looked at, as in libvirt.
#include "rpc/libvirt/answers.h"
#include "rpc/libvirt/session.h"

namespace nwf::rpc::libvirt {
namespace {

void write_binding(const host::BindingSummary& binding, XdrWriter& out) {
  out.text(binding.port);
  out.text(binding.filter);
}

tl::unexpected<Fault> refused_port(const Error& error, const std::string& port) {
  if (error.kind == ErrorKind::NotFound)
    return refused(Code::NoBinding, fmt::format("no nwfilter binding for port dev '{}'", port));
  return refused(error, Subject::Binding);
}

}  // namespace

tl::expected<XdrWriter, Fault> Session::answer_binding(Procedure procedure, XdrReader& arguments) {
  XdrWriter out;
  switch (procedure) {
    case Procedure::BindingLookupByPort: {
      const std::string port = arguments.text(kMaxString);
      if (!arguments.complete()) return not_understood();
      const auto binding = service_().binding_lookup(port);
      if (!binding) return refused_port(binding.error(), port);
      write_binding(*binding, out);
      return out;
    }
    case Procedure::BindingGetXml: {
      const std::string port = arguments.text(kMaxString);
      arguments.text(kMaxString);
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if (flags != 0) return unknown_flags(flags, 0, "virNWFilterBindingGetXMLDesc");
      const auto text = service_().binding_dumpxml(port);
      if (!text) return refused_port(text.error(), port);
      out.text(*text);
      return out;
    }
    case Procedure::BindingCreate: {
      const std::string text = arguments.text(kMaxString);
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if ((flags & ~kValidate) != 0) return unknown_flags(flags, kValidate, "virNWFilterBindingCreateXML");
      const auto bound = service_().binding_create(text, "XML");
      if (!bound) return refused(bound.error(), Subject::Binding);
      write_binding(bound->binding, out);
      return out;
    }
    case Procedure::BindingDelete: {
      const std::string port = arguments.text(kMaxString);
      arguments.text(kMaxString);
      if (!arguments.complete()) return not_understood();
      const auto gone = service_().binding_delete(port);
      if (!gone) return refused_port(gone.error(), port);
      return out;
    }
    case Procedure::BindingListAll: {
      const bool results = arguments.integer() != 0;
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if (flags != 0) return unknown_flags(flags, 0, "virConnectListAllNWFilterBindings");
      const auto bindings = service_().binding_list();
      if (!bindings) return refused(bindings.error(), Subject::Binding);
      if (bindings->size() > kMaxList)
        return refused(Code::Rpc,
                       fmt::format("Too many nwfilter bindings '{}' for limit '{}'", bindings->size(), kMaxList),
                       Domain::Rpc);
      out.word(results ? static_cast<std::uint32_t>(bindings->size()) : 0);
      if (results)
        for (const auto& binding : *bindings) write_binding(binding, out);
      out.word(static_cast<std::uint32_t>(bindings->size()));
      return out;
    }
    default:
      return not_understood();
  }
}

}  // namespace nwf::rpc::libvirt
