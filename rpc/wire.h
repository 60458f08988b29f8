// SPDX-License-Identifier: GPL-2.0-or-later
// Values ↔ D-Bus. A structure travels as a{sv}, a dictionary of its fields by name: a field that the reader does not
// know is skipped and one that the writer does not know keeps its default, so that an nwfctl and an nwfd of
// different releases understand each other.
//
//   text s (not UTF-8: U+FFFD in its place) · Blob ay, for text as it is · bool b · int i · other numbers t ·
//   list a… · dictionary a{s…} · structure a{sv} · enumerator s, its name · an optional argument a…, none or one; an
//   optional field that is empty: no such key
//
// put() and take() return 0 or more, or a negative errno, as libsystemd does; take() leaves no value half read that its
// caller would use.
#pragma once

#include <systemd/sd-bus.h>

#include <cerrno>
#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "engine/model/address.h"

namespace nwf::rpc {

/// A user's text, byte for byte: it may be no UTF-8, or hold zero bytes, and is refused where it is read.
struct Blob {
  std::string bytes;
};

/// The text as D-Bus takes it: bytes that are no UTF-8, and zero bytes, become U+FFFD.
std::string printable_utf8(std::string_view text);

/// Specialised for each structure: `each(value, f)` calls `f("name", member)` for every field.
template <class T>
struct Fields {
  static constexpr bool kNone = true;
};
template <class T>
concept Record = !requires {
  Fields<T>::kNone;
};

/// Specialised for each enumeration: `kNames`, an array of pairs of enumerator and name.
template <class T>
struct Names {};
template <class T>
concept Named = requires {
  Names<T>::kNames;
};

template <class T>
struct Wire {};

template <class T>
std::string signature() {
  return Wire<T>::signature();
}

template <>
struct Wire<std::string> {
  static std::string signature() { return "s"; }
  static int put(sd_bus_message* m, const std::string& value) {
    return sd_bus_message_append_basic(m, 's', printable_utf8(value).c_str());
  }
  static int take(sd_bus_message* m, std::string& value) {
    const char* text = nullptr;
    const int r = sd_bus_message_read_basic(m, 's', static_cast<void*>(&text));
    if (r > 0) value = text;
    return r == 0 ? -EBADMSG : r;
  }
};

template <>
struct Wire<Blob> {
  static std::string signature() { return "ay"; }
  static int put(sd_bus_message* m, const Blob& value) {
    return sd_bus_message_append_array(m, 'y', value.bytes.data(), value.bytes.size());
  }
  static int take(sd_bus_message* m, Blob& value) {
    const void* bytes = nullptr;
    std::size_t size = 0;
    const int r = sd_bus_message_read_array(m, 'y', &bytes, &size);
    if (r > 0) value.bytes.assign(static_cast<const char*>(bytes), size);
    return r == 0 ? -EBADMSG : r;
  }
};

template <>
struct Wire<bool> {
  static std::string signature() { return "b"; }
  static int put(sd_bus_message* m, const bool& value) {
    const int flag = value ? 1 : 0;
    return sd_bus_message_append_basic(m, 'b', &flag);
  }
  static int take(sd_bus_message* m, bool& value) {
    int flag = 0;
    const int r = sd_bus_message_read_basic(m, 'b', &flag);
    if (r > 0) value = flag != 0;
    return r == 0 ? -EBADMSG : r;
  }
};

template <>
struct Wire<int> {
  static std::string signature() { return "i"; }
  static int put(sd_bus_message* m, const int& value) { return sd_bus_message_append_basic(m, 'i', &value); }
  static int take(sd_bus_message* m, int& value) {
    const int r = sd_bus_message_read_basic(m, 'i', &value);
    return r == 0 ? -EBADMSG : r;
  }
};

template <std::unsigned_integral T>
struct Wire<T> {
  static std::string signature() { return "t"; }
  static int put(sd_bus_message* m, const T& value) {
    const std::uint64_t number = value;
    return sd_bus_message_append_basic(m, 't', &number);
  }
  static int take(sd_bus_message* m, T& value) {
    std::uint64_t number = 0;
    const int r = sd_bus_message_read_basic(m, 't', &number);
    if (r > 0 && number > static_cast<T>(-1)) return -ERANGE;
    if (r > 0) value = static_cast<T>(number);
    return r == 0 ? -EBADMSG : r;
  }
};

template <>
struct Wire<Uuid> {
  static std::string signature() { return "s"; }
  static int put(sd_bus_message* m, const Uuid& value) { return Wire<std::string>::put(m, value.text()); }
  static int take(sd_bus_message* m, Uuid& value) {
    std::string text;
    const int r = Wire<std::string>::take(m, text);
    if (r < 0) return r;
    const auto uuid = Uuid::parse(text);
    if (!uuid) return -EBADMSG;
    value = *uuid;
    return r;
  }
};

template <>
struct Wire<Mac> {
  static std::string signature() { return "s"; }
  static int put(sd_bus_message* m, const Mac& value) { return Wire<std::string>::put(m, value.text()); }
  static int take(sd_bus_message* m, Mac& value) {
    std::string text;
    const int r = Wire<std::string>::take(m, text);
    if (r < 0) return r;
    const auto mac = Mac::parse(text);
    if (!mac) return -EBADMSG;
    value = *mac;
    return r;
  }
};

template <Named T>
struct Wire<T> {
  static std::string signature() { return "s"; }
  static int put(sd_bus_message* m, const T& value) {
    for (const auto& [enumerator, name] : Names<T>::kNames)
      if (enumerator == value) return sd_bus_message_append_basic(m, 's', name);
    return -EINVAL;
  }
  static int take(sd_bus_message* m, T& value) {
    std::string text;
    const int r = Wire<std::string>::take(m, text);
    if (r < 0) return r;
    for (const auto& [enumerator, name] : Names<T>::kNames) {
      if (text != name) continue;
      value = enumerator;
      return r;
    }
    return -EBADMSG;
  }
};

template <class T>
struct Wire<std::vector<T>> {
  static std::string signature() { return "a" + Wire<T>::signature(); }
  static int put(sd_bus_message* m, const std::vector<T>& list) {
    int r = sd_bus_message_open_container(m, 'a', Wire<T>::signature().c_str());
    for (auto item = list.begin(); r >= 0 && item != list.end(); ++item) r = Wire<T>::put(m, *item);
    return r < 0 ? r : sd_bus_message_close_container(m);
  }
  static int take(sd_bus_message* m, std::vector<T>& list) {
    int r = sd_bus_message_enter_container(m, 'a', Wire<T>::signature().c_str());
    if (r <= 0) return r == 0 ? -EBADMSG : r;
    std::vector<T> read;
    while ((r = sd_bus_message_at_end(m, 0)) == 0) {
      T item{};
      r = Wire<T>::take(m, item);
      if (r < 0) return r;
      read.push_back(std::move(item));
    }
    if (r < 0) return r;
    list = std::move(read);
    return sd_bus_message_exit_container(m) < 0 ? -EBADMSG : 1;
  }
};

/// An argument that may be left out: a list of none or one.
template <class T>
struct Wire<std::optional<T>> {
  static std::string signature() { return Wire<std::vector<T>>::signature(); }
  static int put(sd_bus_message* m, const std::optional<T>& value) {
    return Wire<std::vector<T>>::put(m, value ? std::vector<T>{*value} : std::vector<T>{});
  }
  static int take(sd_bus_message* m, std::optional<T>& value) {
    std::vector<T> list;
    const int r = Wire<std::vector<T>>::take(m, list);
    if (r < 0) return r;
    if (list.size() > 1) return -EBADMSG;
    value = list.empty() ? std::nullopt : std::optional<T>(std::move(list.front()));
    return r;
  }
};

template <class T>
struct Wire<std::map<std::string, T>> {
  static std::string entry() { return "s" + Wire<T>::signature(); }
  static std::string signature() { return "a{" + entry() + "}"; }
  static int put(sd_bus_message* m, const std::map<std::string, T>& values) {
    int r = sd_bus_message_open_container(m, 'a', ("{" + entry() + "}").c_str());
    for (auto item = values.begin(); r >= 0 && item != values.end(); ++item) {
      r = sd_bus_message_open_container(m, 'e', entry().c_str());
      if (r >= 0) r = Wire<std::string>::put(m, item->first);
      if (r >= 0) r = Wire<T>::put(m, item->second);
      if (r >= 0) r = sd_bus_message_close_container(m);
    }
    return r < 0 ? r : sd_bus_message_close_container(m);
  }
  static int take(sd_bus_message* m, std::map<std::string, T>& values) {
    int r = sd_bus_message_enter_container(m, 'a', ("{" + entry() + "}").c_str());
    if (r <= 0) return r == 0 ? -EBADMSG : r;
    std::map<std::string, T> read;
    while ((r = sd_bus_message_enter_container(m, 'e', entry().c_str())) > 0) {
      std::string key;
      T value{};
      r = Wire<std::string>::take(m, key);
      if (r >= 0) r = Wire<T>::take(m, value);
      if (r >= 0) r = sd_bus_message_exit_container(m);
      if (r < 0) return r;
      read.insert_or_assign(std::move(key), std::move(value));
    }
    if (r < 0) return r;
    values = std::move(read);
    return sd_bus_message_exit_container(m) < 0 ? -EBADMSG : 1;
  }
};

/// One field of a structure, as a variant.
template <class T>
int put_field(sd_bus_message* m, const char* name, const T& value) {
  int r = sd_bus_message_open_container(m, 'e', "sv");
  if (r >= 0) r = sd_bus_message_append_basic(m, 's', name);
  if (r >= 0) r = sd_bus_message_open_container(m, 'v', Wire<T>::signature().c_str());
  if (r >= 0) r = Wire<T>::put(m, value);
  if (r >= 0) r = sd_bus_message_close_container(m);
  return r < 0 ? r : sd_bus_message_close_container(m);
}
template <class T>
int put_field(sd_bus_message* m, const char* name, const std::optional<T>& value) {
  return value ? put_field(m, name, *value) : 0;
}

template <class T>
int take_field(sd_bus_message* m, T& value) {
  int r = sd_bus_message_enter_container(m, 'v', Wire<T>::signature().c_str());
  if (r <= 0) return r == 0 ? -EBADMSG : r;
  r = Wire<T>::take(m, value);
  return r < 0 ? r : sd_bus_message_exit_container(m);
}
template <class T>
int take_field(sd_bus_message* m, std::optional<T>& value) {
  T read{};
  const int r = take_field(m, read);
  if (r >= 0) value = std::move(read);
  return r;
}

template <Record T>
struct Wire<T> {
  static std::string signature() { return "a{sv}"; }
  static int put(sd_bus_message* m, const T& value) {
    int r = sd_bus_message_open_container(m, 'a', "{sv}");
    Fields<T>::each(value, [&](const char* name, const auto& field) {
      if (r >= 0) r = put_field(m, name, field);
    });
    return r < 0 ? r : sd_bus_message_close_container(m);
  }
  static int take(sd_bus_message* m, T& value) {
    int r = sd_bus_message_enter_container(m, 'a', "{sv}");
    if (r <= 0) return r == 0 ? -EBADMSG : r;
    while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
      std::string key;
      r = Wire<std::string>::take(m, key);
      if (r < 0) return r;
      bool known = false;
      Fields<T>::each(value, [&](const char* name, auto& field) {
        if (known || key != name) return;
        known = true;
        r = take_field(m, field);
      });
      if (!known) r = sd_bus_message_skip(m, "v");
      if (r < 0) return r;
      r = sd_bus_message_exit_container(m);
      if (r < 0) return r;
    }
    if (r < 0) return r;
    return sd_bus_message_exit_container(m) < 0 ? -EBADMSG : 1;
  }
};

}  // namespace nwf::rpc
