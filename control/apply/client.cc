// SPDX-License-Identifier: Apache-2.0
#include "control/apply/client.h"

#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "control/apply/sealed_memory.h"
#include "dataplane/api/validate.h"

namespace bulkhead::control::apply {
namespace {

namespace api = dataplane::api;
using Clock = std::chrono::steady_clock;

int left_ms(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return static_cast<int>(std::max<std::int64_t>(0, left.count()));
}

std::string text_of(const api::Ack& ack) {
  const char* const end = std::find(std::begin(ack.message), std::end(ack.message), '\0');
  return {ack.message, end};
}

Status check_shared(const Greeting& greeting) {
  if (greeting.stats->magic != api::kStatsMagic || greeting.stats->major != api::kMajor) {
    return fail("its statistics page has another layout");
  }
  if (greeting.rings->major != api::kMajor) return fail("its event rings have another layout");
  return {};
}

}  // namespace

Result<Client::Connected> Client::connect(const std::filesystem::path& socket,
                                          const Deadlines& deadlines) {
  auto channel = api::Channel::connect(socket);
  if (!channel) return tl::unexpected(channel.error());
  std::unique_ptr<Client> client(new Client(std::move(*channel), deadlines));
  auto greeting = client->greet();
  if (!greeting) return in_context("data plane", greeting.error());
  return Connected{std::move(client), std::move(*greeting)};
}

Result<Greeting> Client::greet() {
  const auto deadline = Clock::now() + deadlines_.greeting;
  api::Hello hello;
  hello.agent_pid = static_cast<std::uint32_t>(::getpid());
  const auto sent = channel_.send(api::encode(api::MessageKind::Hello, ++sequence_, hello));
  if (!sent) return tl::unexpected(sent.error());

  Greeting greeting;
  for (;;) {
    auto message = channel_.receive(left_ms(deadline));
    if (!message) return tl::unexpected(message.error());
    if (!*message) return fail("did not greet within {} ms", deadlines_.greeting.count());
    const auto kind = (*message)->kind();
    if (kind == api::MessageKind::Ack) {
      return fail("refused this agent: {}", text_of((*message)->body<api::Ack>()));
    }
    if (kind == api::MessageKind::HelloReply) {
      greeting.reply = (*message)->body<api::HelloReply>();
      if (api::kMajor < greeting.reply.lowest_major || api::kMajor > greeting.reply.highest_major) {
        return fail("speaks versions {} to {}, this agent {}", greeting.reply.lowest_major,
                    greeting.reply.highest_major, api::kMajor);
      }
      auto& fds = (*message)->fds;
      if (fds.size() != 3) return fail("greeted with {} descriptors, not 3", fds.size());
      auto stats = map_shared(fds[0], sizeof(api::StatsPage), Access::Read);
      if (!stats) return in_context("statistics page", stats.error());
      auto rings = map_shared(fds[1], sizeof(api::EventRings), Access::ReadWrite);
      if (!rings) return in_context("event rings", rings.error());
      greeting.stats = std::static_pointer_cast<const api::StatsPage>(*stats);
      greeting.rings = std::static_pointer_cast<api::EventRings>(*rings);
      greeting.wake = std::move(fds[2]);
      if (const Status same = check_shared(greeting); !same) return tl::unexpected(same.error());
    } else if (kind == api::MessageKind::PortState && greeting.stats) {
      greeting.ports.push_back(
          {(*message)->body<api::PortState>().attached, std::move((*message)->fds)});
    } else if (kind == api::MessageKind::PortClosed) {
      closed_.push_back((*message)->body<api::PortClosed>());
    } else if (kind == api::MessageKind::Ready && greeting.stats) {
      return greeting;
    } else {
      return fail("sent message kind {} while greeting", static_cast<int>(kind));
    }
  }
}

tl::unexpected<Problem> Client::lost(Error error) {
  channel_.close();
  return tl::unexpected(Problem{Problem::Kind::Lost, std::move(error)});
}

Outcome<api::Ack> Client::transact(std::span<const std::byte> message, std::span<const int> fds) {
  if (!channel_.is_open()) return lost({"no data plane is connected", {}});
  const std::uint64_t sequence = sequence_;
  const auto deadline = Clock::now() + deadlines_.answer;
  if (const auto sent = channel_.send(message, fds, left_ms(deadline)); !sent) {
    return lost(sent.error());
  }
  for (;;) {
    auto answer = channel_.receive(left_ms(deadline));
    if (!answer) return lost(answer.error());
    if (!*answer) {
      return lost({fmt::format("no acknowledgement within {} ms", deadlines_.answer.count()), {}});
    }
    if ((*answer)->kind() == api::MessageKind::PortClosed) {
      closed_.push_back((*answer)->body<api::PortClosed>());
      continue;
    }
    const bool is_answer =
        (*answer)->kind() == api::MessageKind::Ack && (*answer)->header().sequence == sequence;
    if (!is_answer) return lost({"the data plane answered out of turn", {}});
    const auto ack = (*answer)->body<api::Ack>();
    if (ack.code == api::AckCode::Ok) return ack;
    return tl::unexpected(
        Problem{Problem::Kind::Refused, {fmt::format("refused: {}", text_of(ack)), {}}});
  }
}

bool Client::receive_waiting() {
  while (channel_.is_open()) {
    auto message = channel_.receive(0);
    if (!message) {
      channel_.close();
      return false;
    }
    if (!*message) return true;
    if ((*message)->kind() == api::MessageKind::PortClosed) {
      closed_.push_back((*message)->body<api::PortClosed>());
    }
  }
  return false;
}

std::vector<api::PortClosed> Client::take_closed() { return std::exchange(closed_, {}); }

Outcome<api::Ack> Client::configure(const api::Configure& settings) {
  return transact(api::encode(api::MessageKind::Configure, ++sequence_, settings), {});
}

Outcome<api::Ack> Client::publish(Revision revision, std::span<const OutgoingSection> sections) {
  api::PublishTable body;
  body.revision = revision.value;
  body.section_count = static_cast<std::uint32_t>(sections.size());
  std::vector<api::SectionRef> refs;
  std::vector<Fd> memories;
  std::vector<int> fds;
  for (const auto& section : sections) {
    refs.push_back(
        {section.kind, section.is_new ? 1U : 0U, section.bytes.size(), section.checksum});
    if (!section.is_new) continue;
    auto memory = sealed_memory("bulkhead-table", section.bytes);
    if (!memory) return tl::unexpected(Problem{Problem::Kind::Refused, memory.error()});
    fds.push_back(memory->value());
    memories.push_back(std::move(*memory));
  }
  if (fds.size() > api::kMaxFds) {
    return tl::unexpected(Problem{
        Problem::Kind::Refused,
        {fmt::format("the table has {} new sections, {} fit a message", fds.size(), api::kMaxFds),
         {}}});
  }
  return transact(api::encode(api::MessageKind::PublishTable, ++sequence_, body,
                              std::span<const api::SectionRef>(refs)),
                  fds);
}

Outcome<api::Ack> Client::attach(const api::AttachPort& port, std::span<const int> fds) {
  return transact(api::encode(api::MessageKind::AttachPort, ++sequence_, port), fds);
}

Outcome<api::Ack> Client::detach(PortId port, std::uint32_t generation) {
  return transact(api::encode(api::MessageKind::DetachPort, ++sequence_,
                              api::DetachPort{port.value, generation}),
                  {});
}

Outcome<api::Ack> Client::upsert(std::span<const api::AddressUpdate> updates) {
  Outcome<api::Ack> last = api::Ack{};
  while (last && !updates.empty()) {
    const auto part = updates.first(std::min(updates.size(), api::kMaxUpdatesPerMessage));
    updates = updates.subspan(part.size());
    api::UpsertAddresses body;
    body.count = static_cast<std::uint32_t>(part.size());
    last = transact(api::encode(api::MessageKind::UpsertAddresses, ++sequence_, body, part), {});
  }
  return last;
}

Outcome<api::Ack> Client::remove(std::span<const IpAddress> addresses) {
  std::vector<api::WireAddress> wire(addresses.size());
  std::transform(addresses.begin(), addresses.end(), wire.begin(), api::to_wire);
  std::span<const api::WireAddress> rest = wire;
  Outcome<api::Ack> last = api::Ack{};
  while (last && !rest.empty()) {
    const auto part = rest.first(std::min(rest.size(), api::kMaxUpdatesPerMessage));
    rest = rest.subspan(part.size());
    api::RemoveAddresses body;
    body.count = static_cast<std::uint32_t>(part.size());
    last = transact(api::encode(api::MessageKind::RemoveAddresses, ++sequence_, body, part), {});
  }
  return last;
}

}  // namespace bulkhead::control::apply
