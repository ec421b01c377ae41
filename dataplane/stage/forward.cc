// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet/wire.h"
#include "dataplane/stage/ends.h"
#include "dataplane/stage/stages.h"

namespace bulkhead::dataplane {
namespace {

using enum DropReason;

// RFC 1624: a TTL one lower makes the checksum 0x0100 higher, in ones' complement.
void decrement_ttl(std::uint8_t* ip) {
  --ip[8];
  const std::uint32_t sum = std::uint32_t{load16(ip + 10)} + 0x0100;
  store16(ip + 10, static_cast<std::uint16_t>(sum + (sum >> 16)));
}

}  // namespace

void refuse_too_big(Batch& batch, std::size_t i, std::uint32_t out_port, StageContext& context) {
  const Endpoint* const out = context.snapshot.endpoint_at(PortId{out_port});
  const std::uint16_t mtu = out == nullptr ? std::uint16_t{0} : out->mtu;
  const bool is_v4 = batch.key[i].family == 4;
  const IcmpErrorText text = is_v4 ? IcmpErrorText{kUnreachable, kFragmentationNeededCode, mtu}
                                   : IcmpErrorText{kPacketTooBig6, 0, mtu};
  context.replies.icmp_error(*batch.source[i], frame_of(batch.mbuf[i]), batch.info[i], batch.key[i],
                             text, context.now);
  batch.drop(i, TooBig);
}

void forward(Batch& batch, StageContext& context) {
  for (const std::size_t i : each_bit(batch.live)) {
    const Endpoint* const out = context.snapshot.endpoint_at(batch.out_port[i]);
    if (out == nullptr) {
      batch.drop(i, NoRoute);
      continue;
    }
    if (batch.out_port[i] == batch.in_port[i]) {
      batch.drop(i, SamePort);
      continue;
    }
    const PacketInfo& info = batch.info[i];
    if (info.mtu_bytes > out->mtu) {
      refuse_too_big(batch, i, batch.out_port[i].value, context);
      continue;
    }
    std::uint8_t* const frame = frame_of(batch.mbuf[i]);
    store(frame, out->mac);
    store(frame + 6, out->gateway_mac);
    if (batch.key[i].family == 4) {
      decrement_ttl(frame + kEthernetBytes);
    } else {
      --frame[kEthernetBytes + 7];
    }
    batch.settle(i, Fate::Forward);
  }
}

}  // namespace bulkhead::dataplane
