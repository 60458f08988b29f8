// SPDX-License-Identifier: GPL-2.0-or-later
#include "rpc/methods.h"

#include <functional>
#include <initializer_list>

#include "host/hook.h"
#include "rpc/error.h"
#include "rpc/shapes.h"

namespace nwf::rpc {
namespace {

using host::Service;

/// What is given to the service for an argument of the wire.
template <class T>
const T& given(const T& value) {
  return value;
}
const std::string& given(const Blob& value) { return value.bytes; }
std::vector<host::Document> given(const std::vector<SentDocument>& documents) {
  std::vector<host::Document> all;
  all.reserve(documents.size());
  for (const SentDocument& document : documents) all.push_back({document.file, document.text.bytes});
  return all;
}

/// A caller that waits is not told how far it is.
Result<host::Applied> apply_quietly(Service& service, const std::vector<host::Document>& documents) {
  return service.apply(documents, nullptr);
}

template <class T>
int reply_value(sd_bus_message* call, const T& value) {
  sd_bus_message* made = nullptr;
  int r = sd_bus_message_new_method_return(call, &made);
  const Message reply(made);
  if (r >= 0) r = Wire<T>::put(reply.get(), value);
  if (r >= 0) r = sd_bus_send(nullptr, reply.get(), nullptr);
  return r;
}

template <auto Member, class... A>
int call(Service& service, sd_bus_message* message) {
  std::tuple<A...> arguments;
  int r = 0;
  std::apply([&](auto&... each) { ((r = r < 0 ? r : Wire<std::decay_t<decltype(each)>>::take(message, each)), ...); },
             arguments);
  if (r < 0) return r;
  auto result =
      std::apply([&](const auto&... each) { return std::invoke(Member, service, given(each)...); }, arguments);
  if (!result) return reply_error(message, result.error());
  return reply_value(message, *result);
}

/// A row: Member is the service's, A what its arguments are on the wire.
template <auto Member, class R, class... A>
Method row(const char* name, Access access, std::initializer_list<std::string_view> arguments) {
  Method method{
      name, access, (std::string() + ... + Wire<A>::signature()), Wire<R>::signature(), {}, &call<Member, A...>};
  for (const std::string_view argument : arguments) (method.arguments += argument) += '\0';
  method.arguments += std::string("result") + '\0';
  return method;
}

using Text = std::string;

const Method kMethods[] = {
    row<&Service::filter_define, host::Defined, Blob, Text>("FilterDefine", Access::Change, {"xml", "file"}),
    row<&Service::filter_validate, std::vector<Text>, Blob, Text>("FilterValidate", Access::Read, {"xml", "file"}),
    row<&Service::filter_undefine, host::FilterSummary, Text>("FilterUndefine", Access::Change, {"name"}),
    row<&Service::filter_dumpxml, Text, Text>("FilterDumpXml", Access::Read, {"name"}),
    row<&Service::filter_lookup, host::FilterSummary, Text>("FilterLookup", Access::Read, {"name"}),
    row<&Service::filter_list, std::vector<host::FilterSummary>>("FilterList", Access::Read, {}),
    row<&Service::binding_create, host::Bound, Blob, Text>("BindingCreate", Access::Change, {"xml", "file"}),
    row<&Service::binding_delete, host::BindingSummary, Text>("BindingDelete", Access::Change, {"port"}),
    row<&Service::binding_dumpxml, Text, Text>("BindingDumpXml", Access::Read, {"port"}),
    row<&Service::binding_lookup, host::BindingSummary, Text>("BindingLookup", Access::Read, {"port"}),
    row<&Service::binding_list, std::vector<host::BindingSummary>>("BindingList", Access::Read, {}),
    row<&Service::binding_set, host::Bound, Text, Variables>("BindingSet", Access::Change, {"port", "values"}),
    row<&Service::binding_rules, host::PortRules, Text>("BindingRules", Access::Read, {"port"}),
    row<&Service::drops, std::vector<host::PortDrops>, Text>("Drops", Access::Read, {"port"}),
    row<&Service::learned_list, std::vector<host::LearnedAddress>, Text>("LearnedList", Access::Read, {"port"}),
    row<&Service::learned_forget, std::vector<host::LearnedAddress>, Text, Text>("LearnedForget", Access::Change,
                                                                                 {"port", "address"}),
    row<&Service::learned_set, std::vector<host::LearnedAddress>, Text, std::vector<Text>>("LearnedSet", Access::Change,
                                                                                           {"port", "addresses"}),
    row<&Service::guest_bind, host::GuestBound, Blob, Text, host::GuestState>("GuestBind", Access::Change,
                                                                              {"xml", "file", "state"}),
    row<&Service::guest_unbind, std::vector<host::BindingSummary>, Text, std::optional<Mac>>(
        "GuestUnbind", Access::Change, {"name", "unplugged"}),
    row<&host::hook, std::vector<Text>, Text, std::vector<Text>, Blob>("Hook", Access::Change,
                                                                       {"program", "words", "document"}),
    row<&apply_quietly, host::Applied, std::vector<SentDocument>>("Apply", Access::Change, {"documents"}),
    row<&Service::change, host::Applied, std::vector<SentDocument>, host::Removal>("Change", Access::Change,
                                                                                   {"documents", "removal"}),
    row<&Service::plan, host::Planned, std::vector<SentDocument>>("Plan", Access::Read, {"documents"}),
    row<&Service::status, host::Status>("Status", Access::Read, {}),
    row<&Service::export_iptables, host::ExportedTables, Text, bool>("ExportIptables", Access::Read,
                                                                     {"what", "classic"}),
    row<&Service::backend, Text, Text>("Backend", Access::Change, {"chosen"}),
    row<&Service::reconcile, std::size_t>("Reconcile", Access::Change, {}),
    row<&Service::figures, host::Figures>("Figures", Access::Read, {}),
};

}  // namespace

std::span<const Method> methods() { return kMethods; }

}  // namespace nwf::rpc
