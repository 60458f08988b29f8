// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/libvirt/procedure.h"

#include <algorithm>
#include <iterator>

namespace nwf::rpc::libvirt {
namespace {

constexpr ProcedureRow kRows[] = {
    {Procedure::ConnectOpen, Part::Connection, "virConnectOpen", false, false},
    {Procedure::ConnectClose, Part::Connection, "virConnectClose", false, false},
    {Procedure::ConnectGetType, Part::Connection, "virConnectGetType", true, false},
    {Procedure::ConnectSupportsFeature, Part::Connection, "virConnectSupportsFeature", false, false},
    {Procedure::AuthList, Part::Connection, "virConnectOpenAuth", false, false},
    {Procedure::ConnectGetUri, Part::Connection, "virConnectGetURI", true, false},
    {Procedure::ConnectGetLibVersion, Part::Connection, "virConnectGetLibVersion", true, false},
    {Procedure::FilterLookupByName, Part::Filter, "virNWFilterLookupByName", true, false},
    {Procedure::FilterLookupByUuid, Part::Filter, "virNWFilterLookupByUUID", true, false},
    {Procedure::FilterGetXml, Part::Filter, "virNWFilterGetXMLDesc", true, false},
    {Procedure::FilterCount, Part::Filter, "virConnectNumOfNWFilters", true, false},
    {Procedure::FilterNames, Part::Filter, "virConnectListNWFilters", true, false},
    {Procedure::FilterDefine, Part::Filter, "virNWFilterDefineXML", true, true},
    {Procedure::FilterUndefine, Part::Filter, "virNWFilterUndefine", true, true},
    {Procedure::FilterListAll, Part::Filter, "virConnectListAllNWFilters", true, false},
    {Procedure::BindingLookupByPort, Part::Binding, "virNWFilterBindingLookupByPortDev", true, false},
    {Procedure::BindingGetXml, Part::Binding, "virNWFilterBindingGetXMLDesc", true, false},
    {Procedure::BindingCreate, Part::Binding, "virNWFilterBindingCreateXML", true, true},
    {Procedure::BindingDelete, Part::Binding, "virNWFilterBindingDelete", true, true},
    {Procedure::BindingListAll, Part::Binding, "virConnectListAllNWFilterBindings", true, false},
    {Procedure::ConnectSetIdentity, Part::Connection, "virConnectSetIdentity", true, true},
    {Procedure::FilterDefineFlags, Part::Filter, "virNWFilterDefineXMLFlags", true, true},
};

}  // namespace

const ProcedureRow* find_procedure(std::int32_t number) {
  const auto* row = std::find_if(std::begin(kRows), std::end(kRows), [&](const ProcedureRow& r) {
    return static_cast<std::int32_t>(r.procedure) == number;
  });
  return row == std::end(kRows) ? nullptr : row;
}

}  // namespace nwf::rpc::libvirt
