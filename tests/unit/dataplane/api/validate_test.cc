// SPDX-License-Identifier: Apache-2.0
#include "dataplane/api/validate.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "dataplane/api/channel.h"

namespace bulkhead::dataplane::api {
namespace {

AttachPort pod() {
  AttachPort attach;
  attach.port = 16;
  attach.endpoint = 3;
  attach.generation = 1;
  attach.mtu = 1500;
  attach.mac[0] = 2;
  attach.gateway_mac[0] = 2;
  attach.address_count = 2;
  attach.addresses[0] = to_wire(IpAddress::v4(10, 0, 0, 1));
  attach.addresses[1] = to_wire(IpAddress::parse("fd00::1").value());
  attach.name[0] = 'e';
  return attach;
}

std::string refusal(std::span<const std::byte> message, std::size_t fds = 0) {
  const auto valid = validate(message, fds);
  return valid ? "" : valid.error().error.text();
}

std::string attach_refusal(const AttachPort& attach, std::size_t fds = 1) {
  return refusal(encode(MessageKind::AttachPort, 1, attach), fds);
}

TEST(Validate, AcceptsAPodsPort) { EXPECT_EQ(attach_refusal(pod()), ""); }

TEST(Validate, RefusesPortsOutOfRange) {
  auto attach = pod();
  attach.port = 0;
  EXPECT_NE(attach_refusal(attach), "");
  attach.port = kMaxPorts;
  EXPECT_NE(attach_refusal(attach), "");
  attach.port = kMaxPorts - 1;
  EXPECT_EQ(attach_refusal(attach), "");
}

TEST(Validate, RefusesUnknownKindsAndRoles) {
  auto attach = pod();
  attach.role = static_cast<PortRole>(9);
  EXPECT_NE(attach_refusal(attach), "");
  attach = pod();
  attach.kind = static_cast<PortKind>(0);
  EXPECT_NE(attach_refusal(attach), "");
  attach = pod();
  attach.endpoint = 0;
  EXPECT_NE(attach_refusal(attach), "");
}

TEST(Validate, RefusesMtusThatNoFrameFits) {
  auto attach = pod();
  attach.mtu = 1279;
  EXPECT_NE(attach_refusal(attach), "");
  attach.mtu = 61441;
  EXPECT_NE(attach_refusal(attach), "");
  attach.mtu = 61440;
  EXPECT_EQ(attach_refusal(attach), "");
}

TEST(Validate, RefusesBadAddresses) {
  auto attach = pod();
  attach.address_count = kMaxAddressesPerPort + 1;
  EXPECT_NE(attach_refusal(attach), "");
  attach = pod();
  attach.addresses[1].family = 5;
  EXPECT_NE(attach_refusal(attach), "");
  attach = pod();
  attach.addresses[0].bytes[9] = 1;  // IPv4 has four bytes
  EXPECT_NE(attach_refusal(attach), "");
}

TEST(Validate, RefusesNamesThatCouldFoolALog) {
  auto attach = pod();
  attach.name[0] = '\x1b';
  EXPECT_NE(attach_refusal(attach), "");
  std::fill(std::begin(attach.name), std::end(attach.name), 'a');
  EXPECT_EQ(attach_refusal(attach), "the name does not end");
}

TEST(Validate, RefusesAnotherVersionAsUnsupported) {
  auto bytes = encode(MessageKind::Configure, 1, Configure{});
  bytes[6] = std::byte{9};
  const auto valid = validate(bytes, 0);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().code, AckCode::Unsupported);
}

TEST(Validate, RefusesWhatOnlyWeSend) {
  const auto valid = validate(encode(MessageKind::Ack, 1, Ack{}), 0);
  ASSERT_FALSE(valid);
  EXPECT_EQ(valid.error().code, AckCode::Unsupported);
}

TEST(Validate, CountsMustMatchTheBytes) {
  const std::array<AddressUpdate, 2> updates{
      AddressUpdate{to_wire(IpAddress::v4(1, 2, 3, 4)), 16, 0, 0, 0},
      AddressUpdate{to_wire(IpAddress::v4(1, 2, 3, 5)), 16, 0, 0, 0}};
  const auto message = [&](std::uint32_t count) {
    return encode(MessageKind::UpsertAddresses, 1, UpsertAddresses{count, 0},
                  std::span<const AddressUpdate>(updates));
  };
  EXPECT_EQ(refusal(message(2)), "");
  EXPECT_NE(refusal(message(1)), "");
  EXPECT_NE(refusal(message(3)), "");
  EXPECT_NE(refusal(message(0xffffffff)), "");
}

TEST(Validate, TablesBringExactlyTheirDescriptors) {
  const std::array<SectionRef, 2> sections{SectionRef{1, 1, 64, 7}, SectionRef{2, 0, 64, 8}};
  const auto message = encode(MessageKind::PublishTable, 1, PublishTable{5, 2, 0},
                              std::span<const SectionRef>(sections));
  EXPECT_EQ(refusal(message, 1), "");
  EXPECT_NE(refusal(message, 0), "");
  EXPECT_NE(refusal(message, 2), "");
  const auto unnumbered = encode(MessageKind::PublishTable, 1, PublishTable{0, 2, 0},
                                 std::span<const SectionRef>(sections));
  EXPECT_NE(refusal(unnumbered, 1), "");
}

TEST(Validate, RefusesDescriptorsNobodyAskedFor) {
  EXPECT_EQ(refusal(encode(MessageKind::Configure, 1, Configure{}), 0), "");
  EXPECT_NE(refusal(encode(MessageKind::Configure, 1, Configure{}), 1), "");
}

TEST(Validate, WireAddressesKeepTheirFamily) {
  const auto four = IpAddress::v4(10, 1, 2, 3);
  const auto six = IpAddress::parse("fd00::a01:203").value();
  EXPECT_EQ(from_wire(to_wire(four)), four);
  EXPECT_EQ(from_wire(to_wire(six)), six);
}

// Whatever the bytes, an answer and no step outside them (ASan watches).
TEST(Validate, SurvivesRandomBytes) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(random() % 400);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % 7 == 0 ? random() : 0);
    if (bytes.size() >= sizeof(MessageHeader)) {
      MessageHeader header;
      header.size = static_cast<std::uint32_t>(bytes.size());
      header.kind = static_cast<std::uint16_t>(random() % 32);
      std::memcpy(bytes.data(), &header, sizeof header);
    }
    if (!validate(bytes, random() % 3)) ++refused;
  }
  EXPECT_GT(refused, 15'000u);
}

}  // namespace
}  // namespace bulkhead::dataplane::api
