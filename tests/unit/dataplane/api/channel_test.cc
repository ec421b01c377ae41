// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

namespace bulkhead::dataplane::api {
namespace {

struct Ends {
  Channel ours;
  Channel theirs;
  Ends() {
    std::array<int, 2> fds{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds.data()), 0);
    ours = Channel(Fd(fds[0]));
    theirs = Channel(Fd(fds[1]));
  }
};

TEST(Channel, CarriesAMessageWithItsDescriptors) {
  Ends ends;
  std::array<int, 2> pipe_fds{};
  ASSERT_EQ(pipe(pipe_fds.data()), 0);
  const Fd read_end(pipe_fds[0]);
  const Fd write_end(pipe_fds[1]);
  DetachPort detach;
  detach.port = 17;
  ASSERT_TRUE(ends.ours.send(encode(MessageKind::DetachPort, 5, detach), pipe_fds));
  auto received = ends.theirs.receive(1000);
  ASSERT_TRUE(received && *received);
  const Message& message = **received;
  EXPECT_EQ(message.kind(), MessageKind::DetachPort);
  EXPECT_EQ(message.header().sequence, 5u);
  EXPECT_EQ(message.body<DetachPort>().port, 17u);
  ASSERT_EQ(message.fds.size(), 2u);
  ASSERT_EQ(write(message.fds[1].value(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(read_end.value(), &byte, 1), 1);
  EXPECT_NE(fcntl(message.fds[0].value(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Channel, CarriesArrays) {
  Ends ends;
  const std::array<WireAddress, 3> items{WireAddress{{1}, 4, {}}, WireAddress{{2}, 6, {}},
                                         WireAddress{{3}, 6, {}}};
  const RemoveAddresses remove{3, 0};
  ASSERT_TRUE(ends.ours.send(
      encode(MessageKind::RemoveAddresses, 1, remove, std::span<const WireAddress>(items))));
  auto received = ends.theirs.receive(1000);
  ASSERT_TRUE(received && *received);
  EXPECT_EQ(((*received)->item<RemoveAddresses, WireAddress>(2).bytes[0]), 3);
  EXPECT_EQ(((*received)->item<RemoveAddresses, WireAddress>(3).family), 0);  // past the end: zero
}

TEST(Channel, SaysNothingWhenNothingCame) {
  Ends ends;
  auto received = ends.ours.receive(0);
  ASSERT_TRUE(received);
  EXPECT_FALSE(received->has_value());
}

TEST(Channel, FailsWhenThePeerClosed) {
  Ends ends;
  ends.theirs.close();
  auto received = ends.ours.receive(1000);
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().message, "closed by the peer");
  EXPECT_FALSE(ends.ours.send(encode(MessageKind::Ready, 1)));
}

TEST(Channel, RefusesAMessageThatSaysAnotherSize) {
  Ends ends;
  auto bytes = encode(MessageKind::Ready, 1);
  bytes.push_back(std::byte{0});
  ASSERT_TRUE(ends.ours.send(bytes));
  EXPECT_FALSE(ends.theirs.receive(1000));
  const std::array<std::byte, 3> tiny{};
  ASSERT_TRUE(ends.ours.send(tiny));
  EXPECT_FALSE(ends.theirs.receive(1000));
}

TEST(Channel, ListensForItsOwnerOnlyAndReplacesADeadSocket) {
  std::string folder = testing::TempDir() + "bulkhead-channel-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::filesystem::path path = std::filesystem::path(folder) / "test.sock";
  {
    auto dead = listen_at(path);
    ASSERT_TRUE(dead) << dead.error().text();
  }
  auto listener = listen_at(path);
  ASSERT_TRUE(listener) << listener.error().text();
  struct stat status {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  auto client = Channel::connect(path);
  ASSERT_TRUE(client) << client.error().text();
  Fd accepted = accept_at(listener->value());
  ASSERT_TRUE(accepted.is_open());
  auto peer = peer_of(accepted.value());
  ASSERT_TRUE(peer);
  EXPECT_EQ(peer->uid, getuid());
  EXPECT_EQ(peer->pid, getpid());
  std::filesystem::remove_all(folder);
}

TEST(Channel, NamesThePathNobodyListensAt) {
  auto client = Channel::connect("/nonexistent/dataplane.sock");
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().text().find("/nonexistent/dataplane.sock"), std::string::npos);
}

}  // namespace
}  // namespace bulkhead::dataplane::api
