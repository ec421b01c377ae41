// SPDX-License-Identifier: Apache-2.0
#include "tests/property/dataplane/world.h"

#include <algorithm>

namespace bulkhead::dataplane::testing {
namespace {

enum class Who { Web, Db, Node, Nobody, World };

bool is_one_of(const std::array<IpAddress, 2>& addresses, const IpAddress& address) {
  return std::ranges::find(addresses, address) != addresses.end();
}

Who who_is(const IpAddress& address) {
  if (is_one_of(kWebAddresses, address)) return Who::Web;
  if (is_one_of(kDbAddresses, address)) return Who::Db;
  if (is_one_of(kNodeAddresses, address)) return Who::Node;
  const bool is_pod_range =
      address.family == Family::V4 ? address.bytes[0] == 10 : address.bytes[0] == 0xfd;
  return is_pod_range ? Who::Nobody : Who::World;
}

bool is_first_of_tcp(const Received& packet) { return (packet.tcp_flags & 0x12) == 0x02; }

}  // namespace

bool World::allows(const Tuple& tuple) const {
  const Who from = who_is(tuple.source);
  const Who to = who_is(tuple.destination);
  if (from == Who::Nobody || to == Who::Nobody || from == to) return false;
  if ((from == Who::Db || to == Who::Db) && !db_lives_) return false;
  if (tuple.protocol == 1 && tuple.destination_port != 8) return false;
  if (tuple.protocol == 58 && tuple.destination_port != 128) return false;
  switch (to) {
    case Who::Web:
      return from == Who::World || from == Who::Node;
    case Who::Db:
      if (from != Who::Web || !db_hears_web_) return false;
      switch (tuple.protocol) {
        case 6:
          return tuple.destination_port == 5432;
        case 17:
          return tuple.destination_port == 53;
        case 132:
          return tuple.destination_port == 99;
        default:
          return tuple.protocol == 1 || tuple.protocol == 58;
      }
    case Who::Node:
    case Who::World:
      return from == Who::Web || from == Who::Db;
    case Who::Nobody:
      break;
  }
  return false;
}

bool World::may_speak(PortId port, const IpAddress& source) {
  const Who who = who_is(source);
  if (port == PipelineNode::kWeb) return who == Who::Web;
  if (port == PipelineNode::kDb) return who == Who::Db;
  if (port == PipelineNode::kNode) return who == Who::Node;
  return who == Who::World || who == Who::Node;
}

PortId World::home_of(const IpAddress& address) const {
  switch (who_is(address)) {
    case Who::Web:
      return PipelineNode::kWeb;
    case Who::Db:
      return PipelineNode::kDb;
    case Who::Node:
      return PipelineNode::kNode;
    case Who::Nobody:
    case Who::World:
      break;
  }
  return PipelineNode::kOutside;
}

std::string World::judge_forwarded(const Received& before, const Received& after, PortId in,
                                   PortId out, std::uint64_t now_ms) {
  const Tuple& tuple = after.tuple;
  if (before.tuple != tuple) return "the receiver reads another tuple than came in";
  if (tuple.source.family != tuple.destination.family) return "families meet";
  // The host may have translated what a pod asked for, so answers may take either host port.
  const bool is_host_answer = in == PipelineNode::kNode && is_open(tuple.reversed()) &&
                              may_speak(PipelineNode::kOutside, tuple.source);
  if (!may_speak(in, tuple.source) && !is_host_answer) return "a spoofed source left";
  if (out == in) return "it left where it came in";
  // Answers to a host address may leave by either host port: by the one the question came from.
  const PortId home = home_of(tuple.destination);
  const bool is_host = home == PipelineNode::kNode || home == PipelineNode::kOutside;
  const bool left_to_host = out == PipelineNode::kNode || out == PipelineNode::kOutside;
  if (is_host ? !left_to_host : out != home)
    return "it left by a port where nobody has its address";
  if (after.about) {
    const bool is_known = is_open(*after.about) || is_open(after.about->reversed());
    if (!is_known) return "an ICMP error about no flow left: " + after.about->text();
    return after.about->source == tuple.destination ? "" : "an ICMP error left for a third party";
  }
  if (after.is_first_fragment || after.is_later_fragment) {
    const std::string wrong = judge_fragment(after, in, now_ms);
    if (!wrong.empty() || after.is_later_fragment) return wrong;
  }
  // A packet of an open flow, either way; its first packet needs a policy that allows it now.
  if (is_open(tuple) && allows(tuple)) return "";
  if (is_open(tuple.reversed()) && allows(tuple.reversed())) return "";
  if (!allows(tuple)) return "it left without a policy that allows it: " + tuple.text();
  if (tuple.protocol == 6 && !is_first_of_tcp(after)) {
    return "a segment without a connection left: " + tuple.text();
  }
  open_.insert(tuple);
  return "";
}

World::Datagram World::datagram_of(const Received& packet, PortId in) {
  Tuple ends = packet.tuple;
  ends.source_port = ends.destination_port = 0;
  return {ends, packet.fragment_id, in.value};
}

std::string World::judge_fragment(const Received& packet, PortId in, std::uint64_t now_ms) {
  Passed& passed = datagrams_[datagram_of(packet, in)];
  if (packet.is_first_fragment) {
    // A second first one begins another datagram, once the cache has forgotten this one: which it
    // does 5 s after the first was decided, or when it has seen all of it.
    const bool is_remembered = passed.has_first && now_ms - passed.since_ms < 5000;
    if (is_remembered) return "overlapping first fragments left";
    passed = {.has_first = true, .since_ms = now_ms, .total_units = 0, .units = {}};
  }
  if (!passed.has_first) return "a later fragment left before its first";
  const std::size_t end = packet.fragment_offset + packet.fragment_bytes;
  for (std::size_t unit = packet.fragment_offset / 8; unit < (end + 7) / 8; ++unit) {
    if (!passed.units.insert(unit).second) return "overlapping fragments left";
  }
  // Put together and gone: what comes with its number from now on is another datagram.
  if (packet.is_last_fragment) passed.total_units = (end + 7) / 8;
  if (passed.total_units != 0 && passed.units.size() == passed.total_units) passed = {};
  return "";
}

void World::cut(const Received& packet) {
  const Tuple& tuple = packet.about ? *packet.about : packet.tuple;
  open_.erase(tuple);
  open_.erase(tuple.reversed());
}

}  // namespace bulkhead::dataplane::testing
