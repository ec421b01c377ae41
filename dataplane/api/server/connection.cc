// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/server/connection.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/api/server/log.h"
#include "policy/table/format.h"

namespace bulkhead::dataplane {
namespace {

// Then signals and vanished devices have their turn, however much an agent talks.
constexpr int kMessagesATurn = 64;

template <std::size_t N>
void copy_text(char (&target)[N], const std::string& text) {
  const std::size_t length = std::min(text.size(), N - 1);
  std::memcpy(target, text.data(), length);
  target[length] = 0;
}

template <class Body, class Item>
std::vector<Item> items_of(const api::Message& message, std::size_t count) {
  std::vector<Item> items;
  items.reserve(count);
  for (std::size_t i = 0; i < count; ++i) items.push_back(message.item<Body, Item>(i));
  return items;
}

}  // namespace

Status Connection::serve() {
  for (int served = 0; served < kMessagesATurn; ++served) {
    auto message = channel_.receive(0);
    if (!message) return tl::unexpected(message.error());
    if (!*message) return {};
    if (auto answered = answer(std::move(**message)); !answered) return answered;
  }
  return {};
}

Status Connection::answer(api::Message message) {
  const auto sequence = message.header().sequence;
  if (auto valid = api::validate(message.bytes, message.fds.size()); !valid) {
    log_warning("agent: message {} refused: {}", sequence, valid.error().error.text());
    return acknowledge(sequence, tl::unexpected(valid.error()));
  }
  if (message.kind() == api::MessageKind::Hello) return greet(message);
  if (!is_greeted_) {
    return acknowledge(sequence, tl::unexpected(api::Invalid{api::AckCode::Refused,
                                                             Error{"Hello comes first", {}}}));
  }
  const Outcome outcome = act(message);
  if (!outcome) {
    log_warning("agent: message {} kind {} refused: {}", sequence, message.header().kind,
                outcome.error().error.text());
  }
  return acknowledge(sequence, outcome);
}

Outcome Connection::act(api::Message& message) {
  switch (message.kind()) {
    case api::MessageKind::Configure:
      return keeper_.configure(message.body<api::Configure>());
    case api::MessageKind::AttachPort:
      return keeper_.attach(message.body<api::AttachPort>(), std::move(message.fds));
    case api::MessageKind::DetachPort:
      return keeper_.detach(message.body<api::DetachPort>());
    case api::MessageKind::UpsertAddresses:
      return keeper_.upsert(items_of<api::UpsertAddresses, api::AddressUpdate>(
          message, message.body<api::UpsertAddresses>().count));
    case api::MessageKind::RemoveAddresses:
      return keeper_.remove(items_of<api::RemoveAddresses, api::WireAddress>(
          message, message.body<api::RemoveAddresses>().count));
    case api::MessageKind::PublishTable: {
      const auto publish = message.body<api::PublishTable>();
      return keeper_.publish(
          Revision{publish.revision},
          items_of<api::PublishTable, api::SectionRef>(message, publish.section_count),
          std::move(message.fds));
    }
    case api::MessageKind::Hello:
    case api::MessageKind::HelloReply:
    case api::MessageKind::PortState:
    case api::MessageKind::Ready:
    case api::MessageKind::Ack:
    case api::MessageKind::PortClosed:
      break;
  }
  return tl::unexpected(api::Invalid{api::AckCode::Unsupported, Error{"not for us", {}}});
}

Status Connection::greet(const api::Message& hello) {
  const auto sequence = hello.header().sequence;
  const auto range = hello.body<api::Hello>();
  if (range.lowest_major > api::kMajor || range.highest_major < api::kMajor) {
    return acknowledge(sequence,
                       tl::unexpected(api::Invalid{
                           api::AckCode::Unsupported,
                           Error{fmt::format("this data plane speaks version {}, the "
                                             "agent {} to {}",
                                             api::kMajor, range.lowest_major, range.highest_major),
                                 {}}}));
  }
  api::HelloReply reply;
  reply.table_major = table::kMajor;
  reply.table_minor = table::kMinor;
  reply.pid = static_cast<std::uint32_t>(getpid());
  reply.workers = static_cast<std::uint16_t>(keeper_.workers());
  reply.queues_per_tap = reply.workers;
  reply.revision = keeper_.revision().value;
  reply.epoch = keeper_.epoch().value;
  copy_text(reply.io_method, greeting_.io.method == IoMethod::Uring ? "io_uring" : "epoll");
  copy_text(reply.io_reason, greeting_.io.reason);
  const std::array fds{greeting_.shared->stats_fd(), greeting_.shared->events_fd(),
                       greeting_.events_wakeup_fd};
  if (auto sent = channel_.send(api::encode(api::MessageKind::HelloReply, sequence, reply), fds);
      !sent) {
    return sent;
  }
  for (const Keeper::Held& port : keeper_.held_ports()) {
    const api::PortState state{port.attached};
    if (auto sent =
            channel_.send(api::encode(api::MessageKind::PortState, sequence, state), port.fds);
        !sent) {
      return sent;
    }
  }
  is_greeted_ = true;
  log_info("agent {} connected: revision {} in force, {} ports handed back", range.agent_pid,
           reply.revision, keeper_.held_ports().size());
  return channel_.send(api::encode(api::MessageKind::Ready, sequence));
}

Status Connection::acknowledge(std::uint64_t sequence, const Outcome& outcome) {
  api::Ack ack;
  ack.epoch = keeper_.epoch().value;
  ack.revision = keeper_.revision().value;
  if (!outcome) {
    ack.code = outcome.error().code;
    copy_text(ack.message, outcome.error().error.text());
  }
  return channel_.send(api::encode(api::MessageKind::Ack, sequence, ack));
}

void Connection::tell(const api::PortClosed& closed) {
  if (!is_greeted_) return;
  if (auto sent = channel_.send(api::encode(api::MessageKind::PortClosed, 0, closed)); !sent) {
    log_warning("agent: cannot tell that port {} closed: {}", closed.port, sent.error().text());
  }
}

}  // namespace bulkhead::dataplane
