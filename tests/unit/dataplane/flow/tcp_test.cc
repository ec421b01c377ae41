// SPDX-License-Identifier: Apache-2.0
#include "dataplane/flow/tcp.h"

#include <gtest/gtest.h>

#include "dataplane/packet/wire.h"

namespace bulkhead::dataplane {
namespace {

constexpr bool kOriginator = false;
constexpr bool kResponder = true;

// A connection seen from the middle; ISNs 100 and 500 unless said otherwise.
class TcpTest : public ::testing::Test {
 protected:
  static TcpSegment segment(std::uint8_t flags, std::uint32_t sequence,
                            std::uint32_t acknowledgment, std::uint32_t bytes = 0,
                            std::uint16_t window = 1000) {
    return {sequence, acknowledgment, bytes, window, flags, 0xff};
  }
  TcpVerdict track(bool side, std::uint8_t flags, std::uint32_t sequence,
                   std::uint32_t acknowledgment, std::uint32_t bytes = 0) {
    return track_tcp(flow, side, segment(flags, sequence, acknowledgment, bytes));
  }
  void syn(std::uint32_t isn = 100, std::uint8_t scale = 0xff) {
    TcpSegment first = segment(kTcpSyn, isn, 0);
    first.window_scale = scale;
    open_tcp(flow, first);
  }
  void syn_ack(std::uint8_t scale = 0xff) {
    TcpSegment second = segment(kTcpSyn | kTcpAck, 500, flow.tcp[0].end);
    second.window_scale = scale;
    ASSERT_EQ(track_tcp(flow, kResponder, second), TcpVerdict::Pass);
  }
  void establish() {
    syn();
    syn_ack();
    ASSERT_EQ(track(kOriginator, kTcpAck, 101, 501), TcpVerdict::Pass);
    ASSERT_EQ(flow.tcp_state, TcpState::Established);
  }

  Flow flow;
};

TEST_F(TcpTest, IsEstablishedByTheThirdSegmentOnly) {
  syn();
  EXPECT_EQ(flow.tcp_state, TcpState::SynSent);
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501), TcpVerdict::BadState);
  syn_ack();
  EXPECT_EQ(flow.tcp_state, TcpState::SynReceived);
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::Established);
}

TEST_F(TcpTest, RefusesASynAckThatAcknowledgesAnotherSyn) {
  syn();
  EXPECT_EQ(track(kResponder, kTcpSyn | kTcpAck, 500, 100), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpSyn | kTcpAck, 500, 102), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpSyn | kTcpAck, 500, 101), TcpVerdict::Pass);
}

TEST_F(TcpTest, RefusesSimultaneousOpenAndSynAckOfTheOriginator) {
  syn();
  EXPECT_EQ(track(kResponder, kTcpSyn, 500, 0), TcpVerdict::BadState);
  EXPECT_EQ(track(kOriginator, kTcpSyn | kTcpAck, 100, 0), TcpVerdict::BadState);
}

TEST_F(TcpTest, PassesDataInTheWindowOnly) {
  establish();
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501, 1000), TcpVerdict::Pass);
  EXPECT_EQ(track(kOriginator, kTcpAck, 1102, 501, 1), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpAck, 501, 1101), TcpVerdict::Pass);  // opens it again
  EXPECT_EQ(track(kOriginator, kTcpAck, 1102, 501, 1), TcpVerdict::Pass);
}

TEST_F(TcpTest, RefusesAcknowledgmentsOfWhatWasNeverSent) {
  establish();
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 502), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501 - 70000), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501), TcpVerdict::Pass);
}

TEST_F(TcpTest, PassesRetransmissionsButNothingLongGone) {
  establish();
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501, 500), TcpVerdict::Pass);
  EXPECT_EQ(track(kOriginator, kTcpAck, 101, 501, 500), TcpVerdict::Pass);
  EXPECT_EQ(track(kOriginator, kTcpAck, 601 - 3000, 501, 10), TcpVerdict::OutOfWindow);
}

TEST_F(TcpTest, ScalesWindowsWhenBothOfferIt) {
  syn(100, 7);
  syn_ack(7);
  ASSERT_EQ(track(kOriginator, kTcpAck, 101, 501), TcpVerdict::Pass);
  ASSERT_EQ(track(kResponder, kTcpAck, 501, 101), TcpVerdict::Pass);  // 1000 << 7
  EXPECT_EQ(track(kOriginator, kTcpAck, 101 + 100'000, 501, 1), TcpVerdict::Pass);
}

TEST_F(TcpTest, DoesNotScaleWhenOneSideDoesNotOfferIt) {
  syn(100, 7);
  syn_ack(0xff);
  ASSERT_EQ(track(kOriginator, kTcpAck, 101, 501), TcpVerdict::Pass);
  ASSERT_EQ(track(kResponder, kTcpAck, 501, 101), TcpVerdict::Pass);
  EXPECT_EQ(track(kOriginator, kTcpAck, 101 + 100'000, 501, 1), TcpVerdict::OutOfWindow);
}

TEST_F(TcpTest, SurvivesSequenceNumbersThatWrap) {
  syn(0xffffffff);
  syn_ack();
  EXPECT_EQ(track(kOriginator, kTcpAck, 0, 501, 900), TcpVerdict::Pass);
  EXPECT_EQ(track(kResponder, kTcpAck, 501, 900), TcpVerdict::Pass);
  EXPECT_EQ(track(kOriginator, kTcpAck, 900, 501, 900), TcpVerdict::Pass);
}

TEST_F(TcpTest, EndsByAResetAtTheExactNumberOnly) {
  establish();
  EXPECT_EQ(track(kResponder, kTcpRst, 501 + 0x10000, 0), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpRst, 501 + 900, 0), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::Established);  // the receiver will ask back
  EXPECT_EQ(track(kResponder, kTcpRst, 501, 0), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::Reset);
}

TEST_F(TcpTest, TakesARefusalThatAcknowledgesTheSyn) {
  syn();
  EXPECT_EQ(track(kResponder, kTcpRst, 0, 0), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpRst | kTcpAck, 0, 300), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpRst | kTcpAck, 0, 101), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::Reset);
}

TEST_F(TcpTest, ClosesByBothFinsAndReopensByASynOnlyThen) {
  establish();
  EXPECT_EQ(track(kOriginator, kTcpSyn, 9000, 0), TcpVerdict::Pass);  // answered by a challenge
  EXPECT_EQ(flow.tcp_state, TcpState::Established);
  EXPECT_EQ(track(kOriginator, kTcpFin | kTcpAck, 101, 501), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::HalfClosed);
  EXPECT_EQ(track(kResponder, kTcpAck, 501, 102, 100), TcpVerdict::Pass);
  EXPECT_EQ(track(kResponder, kTcpFin | kTcpAck, 601, 102), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::Closed);
  EXPECT_EQ(track(kOriginator, kTcpAck, 102, 602), TcpVerdict::Pass);
  EXPECT_EQ(track(kOriginator, kTcpSyn, 9000, 0), TcpVerdict::Reopen);
  EXPECT_EQ(track(kResponder, kTcpSyn, 9000, 0), TcpVerdict::Reopen);
}

TEST_F(TcpTest, LetsAHalfOpenConnectionBeCleared) {
  syn();
  EXPECT_EQ(track(kOriginator, kTcpRst, 7777, 0), TcpVerdict::OutOfWindow);
  EXPECT_EQ(track(kResponder, kTcpAck, 9999, 7777), TcpVerdict::Pass);  // the challenge
  EXPECT_EQ(track(kResponder, kTcpAck, 9999, 7777, 10), TcpVerdict::BadState);
  EXPECT_EQ(track(kOriginator, kTcpRst, 7777, 0), TcpVerdict::Pass);
  EXPECT_EQ(flow.tcp_state, TcpState::SynSent);
}

}  // namespace
}  // namespace bulkhead::dataplane
