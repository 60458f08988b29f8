// SPDX-License-Identifier: GPL-2.0-or-later
// Calls about filters. A client names a filter by name and UUID; the UUID decides, as in libvirt.
#include <algorithm>

#include "rpc/libvirt/answers.h"
#include "rpc/libvirt/session.h"

namespace nwf::rpc::libvirt {
namespace {

void write_filter(const host::FilterSummary& filter, XdrWriter& out) {
  out.text(filter.name);
  out.uuid(filter.uuid.bytes);
}

tl::expected<host::FilterSummary, Fault> by_uuid(host::Service& service, const Uuid& uuid) {
  auto filter = service.filter_lookup(uuid.text());
  if (filter && filter->uuid == uuid) return *std::move(filter);
  if (!filter && filter.error().kind != ErrorKind::NotFound) return refused(filter.error(), Subject::Filter);
  return refused(Code::NoFilter, fmt::format("no nwfilter with matching uuid '{}'", uuid.text()));
}

tl::expected<host::FilterSummary, Fault> by_name(host::Service& service, const std::string& name) {
  auto filter = service.filter_lookup(name);
  // The service takes a UUID, too; here a name is a name.
  if (filter && filter->name == name) return *std::move(filter);
  if (!filter && filter.error().kind != ErrorKind::NotFound && filter.error().kind != ErrorKind::Invalid)
    return refused(filter.error(), Subject::Filter);
  return refused(Code::NoFilter, fmt::format("no nwfilter with matching name '{}'", name));
}

tl::expected<std::vector<host::FilterSummary>, Fault> all(host::Service& service) {
  auto filters = service.filter_list();
  if (!filters) return refused(filters.error(), Subject::Filter);
  if (filters->size() > kMaxList)
    return refused(Code::Rpc, fmt::format("Too many nwfilters '{}' for limit '{}'", filters->size(), kMaxList),
                   Domain::Rpc);
  return *std::move(filters);
}

Answer define(host::Service& service, const std::string& text) {
  const auto defined = service.filter_define(text, "XML");
  if (!defined) return refused(defined.error(), Subject::Filter);
  XdrWriter out;
  write_filter(defined->filter, out);
  return out;
}

Answer undefine(host::Service& service, const Uuid& uuid) {
  const auto filter = by_uuid(service, uuid);
  if (!filter) return tl::unexpected<Fault>(filter.error());
  const auto gone = service.filter_undefine(filter->name);
  if (gone) return XdrWriter();
  if (gone.error().kind == ErrorKind::Refused) return refused(Code::OperationInvalid, "nwfilter is in use");
  return refused(gone.error(), Subject::Filter);
}

Answer get_xml(host::Service& service, const Uuid& uuid) {
  const auto filter = by_uuid(service, uuid);
  if (!filter) return tl::unexpected<Fault>(filter.error());
  const auto text = service.filter_dumpxml(filter->name);
  if (!text) return refused(text.error(), Subject::Filter);
  XdrWriter out;
  out.text(*text);
  return out;
}

}  // namespace

tl::expected<XdrWriter, Fault> Session::answer_filter(Procedure procedure, XdrReader& arguments) {
  XdrWriter out;
  switch (procedure) {
    case Procedure::FilterLookupByName: {
      const std::string name = arguments.text(kMaxString);
      if (!arguments.complete()) return not_understood();
      const auto filter = by_name(service_(), name);
      if (!filter) return tl::unexpected<Fault>(filter.error());
      write_filter(*filter, out);
      return out;
    }
    case Procedure::FilterLookupByUuid: {
      const Uuid uuid{arguments.uuid()};
      if (!arguments.complete()) return not_understood();
      const auto filter = by_uuid(service_(), uuid);
      if (!filter) return tl::unexpected<Fault>(filter.error());
      write_filter(*filter, out);
      return out;
    }
    case Procedure::FilterGetXml: {
      arguments.text(kMaxString);
      const Uuid uuid{arguments.uuid()};
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if (flags != 0) return unknown_flags(flags, 0, "virNWFilterGetXMLDesc");
      return get_xml(service_(), uuid);
    }
    case Procedure::FilterCount: {
      if (!arguments.complete()) return not_understood();
      const auto filters = all(service_());
      if (!filters) return tl::unexpected<Fault>(filters.error());
      out.integer(static_cast<std::int32_t>(filters->size()));
      return out;
    }
    case Procedure::FilterNames: {
      const std::int32_t most = arguments.integer();
      if (!arguments.complete()) return not_understood();
      if (most < 0 || static_cast<std::size_t>(most) > kMaxList)
        return refused(Code::Rpc, fmt::format("too many filters asked for: {}, at most {}", most, kMaxList),
                       Domain::Rpc);
      const auto filters = all(service_());
      if (!filters) return tl::unexpected<Fault>(filters.error());
      const std::size_t count = std::min(filters->size(), static_cast<std::size_t>(most));
      out.word(static_cast<std::uint32_t>(count));
      for (std::size_t i = 0; i < count; ++i) out.text((*filters)[i].name);
      return out;
    }
    case Procedure::FilterListAll: {
      const bool results = arguments.integer() != 0;
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if (flags != 0) return unknown_flags(flags, 0, "virConnectListAllNWFilters");
      const auto filters = all(service_());
      if (!filters) return tl::unexpected<Fault>(filters.error());
      out.word(results ? static_cast<std::uint32_t>(filters->size()) : 0);
      if (results)
        for (const auto& filter : *filters) write_filter(filter, out);
      out.word(static_cast<std::uint32_t>(filters->size()));
      return out;
    }
    case Procedure::FilterDefine: {
      const std::string text = arguments.text(kMaxString);
      if (!arguments.complete()) return not_understood();
      return define(service_(), text);
    }
    case Procedure::FilterDefineFlags: {
      const std::string text = arguments.text(kMaxString);
      const std::uint32_t flags = arguments.word();
      if (!arguments.complete()) return not_understood();
      if ((flags & ~kValidate) != 0) return unknown_flags(flags, kValidate, "virNWFilterDefineXMLFlags");
      return define(service_(), text);
    }
    case Procedure::FilterUndefine: {
      arguments.text(kMaxString);
      const Uuid uuid{arguments.uuid()};
      if (!arguments.complete()) return not_understood();
      return undefine(service_(), uuid);
    }
    default:
      return not_understood();
  }
}

}  // namespace nwf::rpc::libvirt
