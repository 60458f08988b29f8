// SPDX-License-Identifier: GPL-2.0-or-later
// libiptc's headers and the kernel's for iptables, as C++ takes them.
#pragma once

// clang-format off
// The C library's before the kernel's, which then leaves out what both have.
#include <climits>
#include <netinet/in.h>
#include <libiptc/libiptc.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
// libip6tc's header does not say that its functions are C's.
extern "C" {
#include <libiptc/libip6tc.h>
}
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/xt_CHECKSUM.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_connlimit.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_dscp.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_set.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_ah.h>
// clang-format on
