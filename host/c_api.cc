// SPDX-License-Identifier: GPL-2.0-or-later
// nwf.h over host::Service. No exception and no C++ type crosses this border.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "host/hook.h"
#include "host/host.h"
#include "host/nwf.h"

struct nwf_error {
  nwf_code code = NWF_OK;
  std::string message, remedy, file, text;
  int line = 0, column = 0;
  std::unique_ptr<nwf_error> next;
};

namespace {

/// What a host and its filters and bindings have in common.
struct Shared {
  explicit Shared(std::unique_ptr<nwf::host::Service> s) : service(std::move(s)) {}
  std::mutex mutex;
  std::unique_ptr<nwf::host::Service> service;
};
using SharedPtr = std::shared_ptr<Shared>;

constexpr const char* kText = "text";

nwf_code code_of(nwf::ErrorKind kind) {
  switch (kind) {
    case nwf::ErrorKind::Invalid:
      return NWF_INVALID;
    case nwf::ErrorKind::NotFound:
      return NWF_NOT_FOUND;
    case nwf::ErrorKind::Refused:
      return NWF_REFUSED;
    case nwf::ErrorKind::Denied:
      return NWF_DENIED;
    case nwf::ErrorKind::Unsupported:
      return NWF_UNSUPPORTED;
    case nwf::ErrorKind::Outdated:
      return NWF_OUTDATED;
    case nwf::ErrorKind::Storage:
      return NWF_STORAGE;
    case nwf::ErrorKind::Kernel:
      return NWF_KERNEL;
  }
  return NWF_MEMORY;
}

/// The error itself first, then its `more` in their order, each as one of a chain.
void flatten(const nwf::Error& error, std::unique_ptr<nwf_error>*& end) {
  auto one = std::make_unique<nwf_error>();
  one->code = code_of(error.kind);
  one->message = error.message;
  one->remedy = error.remedy;
  one->file = error.where.file;
  one->line = error.where.line;
  one->column = error.where.column;
  one->text = nwf::describe(error);
  *end = std::move(one);
  end = &(*end)->next;
  for (const nwf::Error& further : error.more) flatten(further, end);
}

std::unique_ptr<nwf_error> c_error(const nwf::Error& error) {
  std::unique_ptr<nwf_error> first;
  std::unique_ptr<nwf_error>* end = &first;
  flatten(error, end);
  first->text = nwf::describe_all(error);
  return first;
}

/// Told when there is no memory to tell anything else. Never freed.
nwf_error& no_memory() {
  static nwf_error error{NWF_MEMORY, "no memory", "", "", "no memory", 0, 0, nullptr};
  return error;
}

void put(nwf_error** error, std::unique_ptr<nwf_error> what) {
  if (error != nullptr) *error = what.release();
}

nwf::Error argument(std::string what) { return {nwf::ErrorKind::Invalid, std::move(what), {}, {}, {}}; }

/// Runs `body`, which gives a Result<T>; `failed` on any failure, which *error then tells.
template <class T, class Body>
T guarded(nwf_error** error, T failed, Body body) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    auto result = body();
    if (result) return std::move(*result);
    put(error, c_error(result.error()));
  } catch (...) {  // std::bad_alloc, or a fault of ours: the caller is C
    if (error != nullptr) *error = &no_memory();
  }
  return failed;
}

/// The same for what a caller did wrong before the library was asked.
template <class T>
T refused(nwf_error** error, T failed, const char* what) noexcept {
  const T result = guarded(error, failed, [&]() -> nwf::Result<T> { return nwf::fail(argument(what)); });
  if (error != nullptr && *error != nullptr && *error != &no_memory()) (*error)->code = NWF_ARGUMENT;
  return result;
}

/// A copy for free().
char* c_copy(const std::string& text) {
  auto* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy == nullptr) throw std::bad_alloc();
  std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

/// `items` as an array for free() with a null pointer behind; the objects are released into it.
template <class T>
T** c_array(std::vector<std::unique_ptr<T>> items) {
  auto** array = static_cast<T**>(std::calloc(items.size() + 1, sizeof(T*)));
  if (array == nullptr) throw std::bad_alloc();
  std::transform(items.begin(), items.end(), array, [](std::unique_ptr<T>& item) { return item.release(); });
  return array;
}

}  // namespace

struct nwf_host {
  SharedPtr shared;
};

struct nwf_filter {
  SharedPtr shared;
  nwf::host::FilterSummary summary;
};

struct nwf_binding {
  SharedPtr shared;
  nwf::host::BindingSummary summary;
};

namespace {

nwf_filter* filter_of(const SharedPtr& shared, nwf::host::FilterSummary summary) {
  return std::make_unique<nwf_filter>(nwf_filter{shared, std::move(summary)}).release();
}

nwf_binding* binding_of(const SharedPtr& shared, nwf::host::BindingSummary summary) {
  return std::make_unique<nwf_binding>(nwf_binding{shared, std::move(summary)}).release();
}

nwf_filter* lookup(nwf_host* host, const std::string& name, bool by_uuid, nwf_error** error) noexcept {
  return guarded<nwf_filter*>(error, nullptr, [&]() -> nwf::Result<nwf_filter*> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(auto summary, host->shared->service->filter_lookup(name));
    // The service takes a name or a UUID for either.
    if (!by_uuid && summary.name != name)
      return nwf::fail(nwf::ErrorKind::NotFound, "no filter has the name '" + name + "'");
    return filter_of(host->shared, std::move(summary));
  });
}

}  // namespace

extern "C" {

nwf_code nwf_error_code(const nwf_error* error) { return error == nullptr ? NWF_OK : error->code; }
const char* nwf_error_message(const nwf_error* error) { return error == nullptr ? "" : error->message.c_str(); }
const char* nwf_error_remedy(const nwf_error* error) { return error == nullptr ? "" : error->remedy.c_str(); }
const char* nwf_error_file(const nwf_error* error) { return error == nullptr ? "" : error->file.c_str(); }
int nwf_error_line(const nwf_error* error) { return error == nullptr ? 0 : error->line; }
int nwf_error_column(const nwf_error* error) { return error == nullptr ? 0 : error->column; }
const nwf_error* nwf_error_next(const nwf_error* error) { return error == nullptr ? nullptr : error->next.get(); }
const char* nwf_error_text(const nwf_error* error) { return error == nullptr ? "" : error->text.c_str(); }
void nwf_error_free(nwf_error* error) {
  // One by one: a chain of very many must not need as many stack frames.
  std::unique_ptr<nwf_error> rest(error == &no_memory() ? nullptr : error);
  while (rest) rest = std::exchange(rest->next, nullptr);
}

nwf_host* nwf_host_open(const char* root, unsigned flags, nwf_error** error) {
  if (flags != 0) return refused<nwf_host*>(error, nullptr, "nwf_host_open knows no flags yet");
  return guarded<nwf_host*>(error, nullptr, [&]() -> nwf::Result<nwf_host*> {
    nwf::host::Options options;
    if (root != nullptr) options.root = root;
    NWF_TRY(auto service, nwf::host::open(options));
    return std::make_unique<nwf_host>(nwf_host{std::make_shared<Shared>(std::move(service))}).release();
  });
}

void nwf_host_close(nwf_host* host) { delete host; }

long nwf_host_reconcile(nwf_host* host, nwf_error** error) {
  if (host == nullptr) return refused(error, -1L, "no host is given");
  return guarded(error, -1L, [&]() -> nwf::Result<long> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(const std::size_t changes, host->shared->service->reconcile());
    return static_cast<long>(changes);
  });
}

int nwf_host_hook(nwf_host* host, const char* program, int count, const char* const* words, const char* document,
                  char** warnings, nwf_error** error) {
  if (host == nullptr || program == nullptr || count < 0 || (count > 0 && words == nullptr) || document == nullptr)
    return refused(error, -1, "no host, program, words or document is given");
  return guarded(error, -1, [&]() -> nwf::Result<int> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(const auto told,
            nwf::host::hook(*host->shared->service, program, std::vector<std::string>(words, words + count), document));
    std::string lines;
    for (const std::string& warning : told) lines += warning + "\n";
    if (warnings != nullptr) *warnings = c_copy(lines);
    return 0;
  });
}

nwf_filter* nwf_filter_define_xml(nwf_host* host, const char* xml, nwf_error** error) {
  if (host == nullptr || xml == nullptr) return refused<nwf_filter*>(error, nullptr, "no host or no text is given");
  return guarded<nwf_filter*>(error, nullptr, [&]() -> nwf::Result<nwf_filter*> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(auto defined, host->shared->service->filter_define(xml, kText));
    return filter_of(host->shared, std::move(defined.filter));
  });
}

int nwf_filter_validate_xml(nwf_host* host, const char* xml, nwf_error** error) {
  if (host == nullptr || xml == nullptr) return refused(error, -1, "no host or no text is given");
  return guarded(error, -1, [&]() -> nwf::Result<int> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_CHECK(host->shared->service->filter_validate(xml, kText));
    return 0;
  });
}

int nwf_filter_undefine(nwf_filter* filter, nwf_error** error) {
  if (filter == nullptr) return refused(error, -1, "no filter is given");
  return guarded(error, -1, [&]() -> nwf::Result<int> {
    const std::scoped_lock lock(filter->shared->mutex);
    NWF_CHECK(filter->shared->service->filter_undefine(filter->summary.name));
    return 0;
  });
}

nwf_filter* nwf_filter_lookup_by_name(nwf_host* host, const char* name, nwf_error** error) {
  if (host == nullptr || name == nullptr) return refused<nwf_filter*>(error, nullptr, "no host or no name is given");
  return lookup(host, name, false, error);
}

nwf_filter* nwf_filter_lookup_by_uuid(nwf_host* host, const unsigned char* uuid, nwf_error** error) {
  if (host == nullptr || uuid == nullptr) return refused<nwf_filter*>(error, nullptr, "no host or no UUID is given");
  nwf::Uuid wanted;
  std::copy_n(uuid, wanted.bytes.size(), wanted.bytes.begin());
  return lookup(host, wanted.text(), true, error);
}

nwf_filter* nwf_filter_lookup_by_uuid_string(nwf_host* host, const char* uuid, nwf_error** error) {
  if (host == nullptr || uuid == nullptr) return refused<nwf_filter*>(error, nullptr, "no host or no UUID is given");
  const auto wanted = nwf::Uuid::parse(uuid);
  if (!wanted) return refused<nwf_filter*>(error, nullptr, "this is not a UUID");
  return lookup(host, wanted->text(), true, error);
}

const char* nwf_filter_get_name(const nwf_filter* filter) {
  return filter == nullptr ? "" : filter->summary.name.c_str();
}

void nwf_filter_get_uuid(const nwf_filter* filter, unsigned char* uuid) {
  if (filter != nullptr && uuid != nullptr)
    std::copy(filter->summary.uuid.bytes.begin(), filter->summary.uuid.bytes.end(), uuid);
}

void nwf_filter_get_uuid_string(const nwf_filter* filter, char* text) {
  if (filter == nullptr || text == nullptr) return;
  const std::string uuid = filter->summary.uuid.text();
  std::memcpy(text, uuid.c_str(), NWF_UUID_TEXT);
}

char* nwf_filter_get_xml_desc(nwf_filter* filter, unsigned flags, nwf_error** error) {
  if (filter == nullptr || flags != 0) return refused<char*>(error, nullptr, "no filter is given, or unknown flags");
  return guarded<char*>(error, nullptr, [&]() -> nwf::Result<char*> {
    const std::scoped_lock lock(filter->shared->mutex);
    NWF_TRY(const std::string text, filter->shared->service->filter_dumpxml(filter->summary.name));
    return c_copy(text);
  });
}

long nwf_list_all_filters(nwf_host* host, nwf_filter*** filters, nwf_error** error) {
  if (host == nullptr) return refused(error, -1L, "no host is given");
  return guarded(error, -1L, [&]() -> nwf::Result<long> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(const auto list, host->shared->service->filter_list());
    std::vector<std::unique_ptr<nwf_filter>> items;
    items.reserve(list.size());
    for (const auto& summary : list) items.push_back(std::make_unique<nwf_filter>(nwf_filter{host->shared, summary}));
    if (filters != nullptr) *filters = c_array(std::move(items));
    return static_cast<long>(list.size());
  });
}

void nwf_filter_free(nwf_filter* filter) { delete filter; }

nwf_binding* nwf_binding_create_xml(nwf_host* host, const char* xml, nwf_error** error) {
  if (host == nullptr || xml == nullptr) return refused<nwf_binding*>(error, nullptr, "no host or no text is given");
  return guarded<nwf_binding*>(error, nullptr, [&]() -> nwf::Result<nwf_binding*> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(auto bound, host->shared->service->binding_create(xml, kText));
    return binding_of(host->shared, std::move(bound.binding));
  });
}

int nwf_binding_delete(nwf_binding* binding, nwf_error** error) {
  if (binding == nullptr) return refused(error, -1, "no binding is given");
  return guarded(error, -1, [&]() -> nwf::Result<int> {
    const std::scoped_lock lock(binding->shared->mutex);
    NWF_CHECK(binding->shared->service->binding_delete(binding->summary.port));
    return 0;
  });
}

nwf_binding* nwf_binding_lookup_by_port_dev(nwf_host* host, const char* port, nwf_error** error) {
  if (host == nullptr || port == nullptr) return refused<nwf_binding*>(error, nullptr, "no host or no port is given");
  return guarded<nwf_binding*>(error, nullptr, [&]() -> nwf::Result<nwf_binding*> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(auto summary, host->shared->service->binding_lookup(port));
    return binding_of(host->shared, std::move(summary));
  });
}

const char* nwf_binding_get_port_dev(const nwf_binding* binding) {
  return binding == nullptr ? "" : binding->summary.port.c_str();
}

const char* nwf_binding_get_filter_name(const nwf_binding* binding) {
  return binding == nullptr ? "" : binding->summary.filter.c_str();
}

char* nwf_binding_get_xml_desc(nwf_binding* binding, unsigned flags, nwf_error** error) {
  if (binding == nullptr || flags != 0) return refused<char*>(error, nullptr, "no binding is given, or unknown flags");
  return guarded<char*>(error, nullptr, [&]() -> nwf::Result<char*> {
    const std::scoped_lock lock(binding->shared->mutex);
    NWF_TRY(const std::string text, binding->shared->service->binding_dumpxml(binding->summary.port));
    return c_copy(text);
  });
}

long nwf_list_all_bindings(nwf_host* host, nwf_binding*** bindings, nwf_error** error) {
  if (host == nullptr) return refused(error, -1L, "no host is given");
  return guarded(error, -1L, [&]() -> nwf::Result<long> {
    const std::scoped_lock lock(host->shared->mutex);
    NWF_TRY(const auto list, host->shared->service->binding_list());
    std::vector<std::unique_ptr<nwf_binding>> items;
    items.reserve(list.size());
    for (const auto& summary : list) items.push_back(std::make_unique<nwf_binding>(nwf_binding{host->shared, summary}));
    if (bindings != nullptr) *bindings = c_array(std::move(items));
    return static_cast<long>(list.size());
  });
}

void nwf_binding_free(nwf_binding* binding) { delete binding; }

}  // extern "C"
