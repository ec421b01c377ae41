// SPDX-License-Identifier: Apache-2.0
#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/packet/parse.h"

namespace {

constexpr std::size_t kHeadroom = 128;

}  // namespace

// A frame with its virtio-net header in front, in a buffer that ends where the frame ends, so that
// ASan sees any read beyond it. A packet that is live after parsing has a kind; a dead one a
// reason.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bulkhead::dataplane;  // NOLINT(google-build-using-namespace)
  if (size < kVnetHeaderBytes || size > 60000) return 0;
  std::vector<std::uint8_t> bytes(kHeadroom + size - kVnetHeaderBytes);
  std::memcpy(bytes.data() + kHeadroom - kVnetHeaderBytes, data, size);

  rte_mbuf buffer;
  std::memset(static_cast<void*>(&buffer), 0, sizeof buffer);
  buffer.buf_addr = bytes.data();
  buffer.buf_len = static_cast<std::uint16_t>(bytes.size());
  buffer.data_off = kHeadroom;
  buffer.data_len = static_cast<std::uint16_t>(size - kVnetHeaderBytes);
  buffer.pkt_len = buffer.data_len;
  buffer.nb_segs = 1;
  rte_mbuf_refcnt_set(&buffer, 1);

  const auto batch = std::make_unique<Batch>();
  batch->size = 1;
  batch->mbuf[0] = &buffer;
  batch->in_port[0] = bulkhead::PortId{16};
  batch->start();
  parse(*batch);
  const bool is_live = (batch->live & 1) != 0;
  if (is_live && batch->info[0].kind == PacketKind::Unparsed) std::abort();
  if (!is_live && batch->fate[0] == Fate::Drop && batch->reason[0] == bulkhead::DropReason::None) {
    std::abort();
  }
  return 0;
}
