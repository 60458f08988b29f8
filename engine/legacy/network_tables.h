// SPDX-License-Identifier: GPL-2.0-or-later
// Networks → the legacy tables that forward, protect and translate for them, in the chains that libvirt has:
//
//     filter  INPUT        LIBVIRT_INP      DHCP, DNS and TFTP of the host
//             OUTPUT       LIBVIRT_OUT      its answers
//             FORWARD      LIBVIRT_FWX      within one network
//                          LIBVIRT_FWO      whoever sends
//                          LIBVIRT_FWI      whoever is reached
//                          LIBVIRT_FWE      what both let pass, to the outside
//     nat     POSTROUTING  LIBVIRT_PRT      translation
//     mangle  POSTROUTING  LIBVIRT_PRT      checksums of DHCP answers
//
// libvirt asks who is reached before it asks who sends, so that an isolated guest reaches a routed network. Here the
// sender comes first, as in nf_tables; `classic` has libvirt's order and no LIBVIRT_FWE.
#pragma once

#include <vector>

#include "engine/legacy/tables.h"
#include "engine/model/network.h"

namespace nwf::legacy {

/// All networks that are up, with all chains; what comes out does not depend on their order. Without `checksums` the
/// mangle table is left alone: a kernel may have no xt_CHECKSUM. Errors: Unsupported, naming the network, for what only
/// the nftables backend does.
Result<Tables> network_tables(const std::vector<Network>& networks, bool classic, bool checksums);

}  // namespace nwf::legacy
