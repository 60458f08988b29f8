// SPDX-License-Identifier: GPL-2.0-or-later
// The C libraries' handles as types that free themselves.
#pragma once

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include <memory>

namespace nwf::netlink {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};

using MnlSocket = std::unique_ptr<mnl_socket, FreeWith<&mnl_socket_close>>;
using NftTable = std::unique_ptr<nftnl_table, FreeWith<&nftnl_table_free>>;
using NftChain = std::unique_ptr<nftnl_chain, FreeWith<&nftnl_chain_free>>;
using NftRule = std::unique_ptr<nftnl_rule, FreeWith<&nftnl_rule_free>>;
using NftSet = std::unique_ptr<nftnl_set, FreeWith<&nftnl_set_free>>;
using NftExpr = std::unique_ptr<nftnl_expr, FreeWith<&nftnl_expr_free>>;
using NftUserdata = std::unique_ptr<nftnl_udata_buf, FreeWith<&nftnl_udata_buf_free>>;

}  // namespace nwf::netlink
