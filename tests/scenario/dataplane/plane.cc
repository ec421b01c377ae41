// SPDX-License-Identifier: Apache-2.0
#include "tests/scenario/dataplane/plane.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace bulkhead::scenario {

using namespace dataplane::api;

Plane::Plane(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {
  std::string folder = (std::filesystem::temp_directory_path() / "bulkhead-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp");
  root_ = folder;
}

Plane::~Plane() {
  kill();
  std::filesystem::remove_all(root_);
}

void Plane::start() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe");
  log_ = Fd(ends[0]);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a test that is killed leaves nothing behind
    dup2(ends[1], STDERR_FILENO);
    std::vector<std::string> words{BULKHEAD_DATAPLANE, "--root", root_.string(), "--memory",
                                   "plain"};
    words.insert(words.end(), arguments_.begin(), arguments_.end());
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    execv(BULKHEAD_DATAPLANE, pointers.data());
    _exit(127);
  }
  close(ends[1]);
  std::string said;
  std::array<char, 512> part{};
  while (said.find(" ready in ") == std::string::npos) {
    const ssize_t count = read(log_.value(), part.data(), part.size());
    if (count <= 0) throw std::runtime_error("bulkhead-dataplane did not start: " + said);
    said.append(part.data(), static_cast<std::size_t>(count));
  }
  log_.reset();  // nobody reads on, and a full pipe would hold up its control thread
}

void Plane::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

int Plane::stop() {
  int status = -1;
  ::kill(pid_, SIGTERM);
  waitpid(pid_, &status, 0);
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

FakeAgent::FakeAgent(const std::filesystem::path& socket) {
  auto connected = Channel::connect(socket);
  if (!connected) throw std::runtime_error(connected.error().text());
  channel_ = std::move(*connected);
  Hello hello;
  hello.agent_pid = static_cast<std::uint32_t>(getpid());
  if (auto sent = channel_.send(encode(MessageKind::Hello, ++sequence_, hello)); !sent) {
    throw std::runtime_error(sent.error().text());
  }
  Message reply = next();
  if (reply.kind() != MessageKind::HelloReply || reply.fds.size() != 3) {
    throw std::runtime_error("no greeting");
  }
  greeting = reply.body<HelloReply>();
  void* page = mmap(nullptr, sizeof(StatsPage), PROT_READ, MAP_SHARED, reply.fds[0].value(), 0);
  if (page == MAP_FAILED) throw std::runtime_error("cannot map the statistics page");
  stats_ = static_cast<const StatsPage*>(page);
  shared = std::move(reply.fds);
  for (;;) {
    Message message = next();
    if (message.kind() == MessageKind::Ready) break;
    ports.push_back({message.body<PortState>().attached, std::move(message.fds)});
  }
}

Message FakeAgent::next() {
  auto message = channel_.receive(5000);
  if (!message) throw std::runtime_error(message.error().text());
  if (!*message) throw std::runtime_error("no message in 5 s");
  return std::move(**message);
}

Ack FakeAgent::say(const std::vector<std::byte>& message, const std::vector<int>& fds) {
  if (auto sent = channel_.send(message, fds); !sent) {
    throw std::runtime_error(sent.error().text());
  }
  for (;;) {
    const Message answer = next();
    if (answer.kind() == MessageKind::Ack) return answer.body<Ack>();
  }
}

Ack FakeAgent::attach(const AttachPort& port, std::vector<int> fds) {
  return say(encode(MessageKind::AttachPort, ++sequence_, port), fds);
}

Ack FakeAgent::detach(std::uint32_t port, std::uint32_t generation) {
  return say(encode(MessageKind::DetachPort, ++sequence_, DetachPort{port, generation}));
}

Ack FakeAgent::upsert(const std::vector<AddressUpdate>& updates) {
  const UpsertAddresses body{static_cast<std::uint32_t>(updates.size()), 0};
  return say(encode(MessageKind::UpsertAddresses, ++sequence_, body,
                    std::span<const AddressUpdate>(updates)));
}

Ack FakeAgent::publish(Revision revision, std::span<const table::Section> sections,
                       bool sends_all) {
  std::vector<SectionRef> references;
  std::vector<Fd> memfds;
  std::vector<int> fds;
  for (const table::Section& section : sections) {
    const bool is_sent = sends_all || references.empty();  // the header is always new
    references.push_back({section.kind, is_sent ? 1u : 0u, section.bytes.size(), section.checksum});
    if (!is_sent) continue;
    Fd memfd(memfd_create("section", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (write(memfd.value(), section.bytes.data(), section.bytes.size()) < 0 ||
        fcntl(memfd.value(), F_ADD_SEALS,
              F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) != 0) {
      throw std::runtime_error("memfd");
    }
    fds.push_back(memfd.value());
    memfds.push_back(std::move(memfd));
  }
  const PublishTable body{revision.value, static_cast<std::uint32_t>(references.size()), 0};
  return say(
      encode(MessageKind::PublishTable, ++sequence_, body, std::span<const SectionRef>(references)),
      fds);
}

PortClosed FakeAgent::wait_for_closed() {
  for (;;) {
    const Message message = next();
    if (message.kind() == MessageKind::PortClosed) return message.body<PortClosed>();
  }
}

std::uint64_t FakeAgent::total(Counter WorkerStats::*counter) const {
  std::uint64_t sum = 0;
  for (std::size_t worker = 0; worker < stats_->workers; ++worker) {
    sum += (stats_->worker[worker].*counter).load();
  }
  return sum;
}

std::uint64_t FakeAgent::drops(DropReason reason) const {
  std::uint64_t sum = 0;
  for (std::size_t worker = 0; worker < stats_->workers; ++worker) {
    sum += stats_->worker[worker].drops[static_cast<std::size_t>(reason)].load();
  }
  return sum;
}

std::string FakeAgent::conservation() const {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  std::string wrong;
  do {
    wrong.clear();
    for (std::size_t i = 0; i < stats_->workers; ++i) {
      const WorkerStats& row = stats_->worker[i];
      const auto in = row.received.load() + row.generated.load();
      const auto out = row.sent.load() + row.dropped.load() + row.consumed.load() + row.held.load();
      std::uint64_t reasons = 0;
      for (const Counter& drop : row.drops) reasons += drop.load();
      if (in != out) wrong += fmt::format("worker {}: {} in, {} out; ", i, in, out);
      if (reasons != row.dropped.load()) wrong += fmt::format("worker {}: drop reasons; ", i);
    }
    if (wrong.empty()) return wrong;
    std::this_thread::yield();  // a burst may be under way
  } while (std::chrono::steady_clock::now() < end);
  return wrong;
}

}  // namespace bulkhead::scenario
