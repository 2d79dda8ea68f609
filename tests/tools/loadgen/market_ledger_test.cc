#include "tools/loadgen/market_ledger.h"

#include <gtest/gtest.h>

#include <random>

namespace tickcast::loadgen {
namespace {

using Arrival = Ledger::Arrival;

TEST(MarketLedgerTest, TheFirstValueIsTheBeginning) {
  MarketLedger ledger(2);
  Ledger::Tally tally;
  EXPECT_EQ(ledger.Record(0, 1000, tally), Arrival::kInOrder);
  EXPECT_EQ(ledger.Record(1, 7, tally), Arrival::kInOrder);
  EXPECT_EQ(tally.delivered, 2U);
  EXPECT_EQ(tally.missing, 0U);
}

TEST(MarketLedgerTest, HolesAreCountedExactly) {
  MarketLedger ledger(1);
  Ledger::Tally tally;
  ledger.Begin(0, 10);
  EXPECT_EQ(ledger.Record(0, 11, tally), Arrival::kInOrder);
  EXPECT_EQ(ledger.Record(0, 15, tally), Arrival::kAfterGap);
  EXPECT_EQ(tally.missing, 3U);
  EXPECT_EQ(tally.delivered, 2U);
}

// The value in a subscribe's reply is the cut: the same one as a push is one too many.
TEST(MarketLedgerTest, WhatTheReplyHadIsADuplicate) {
  MarketLedger ledger(1);
  Ledger::Tally tally;
  ledger.Begin(0, 10);
  EXPECT_EQ(ledger.Record(0, 10, tally), Arrival::kDuplicate);
  EXPECT_EQ(tally.duplicate, 1U);
  EXPECT_EQ(tally.delivered, 0U);
}

TEST(MarketLedgerTest, AnOlderValueIsReorderedAndMovesNothing) {
  MarketLedger ledger(1);
  Ledger::Tally tally;
  ledger.Record(0, 10, tally);
  EXPECT_EQ(ledger.Record(0, 9, tally), Arrival::kReordered);
  EXPECT_EQ(ledger.Record(0, 11, tally), Arrival::kInOrder);
  EXPECT_EQ(tally.reordered, 1U);
  EXPECT_EQ(tally.missing, 0U);
}

TEST(MarketLedgerTest, ANewLifeForgetsTheOldOne) {
  MarketLedger ledger(1);
  Ledger::Tally tally;
  ledger.Record(0, 10, tally);
  ledger.Begin(0, 0);
  EXPECT_EQ(ledger.Record(0, 90, tally), Arrival::kInOrder);
  EXPECT_EQ(tally.missing, 0U);
}

// However values conflate: what arrives and what is missing are the whole sequence.
TEST(MarketLedgerTest, DeliveredAndMissingAddUpToTheSequence) {
  std::mt19937 random(5);
  MarketLedger ledger(1);
  Ledger::Tally tally;
  ledger.Begin(0, 1);
  std::uint64_t seq = 1;
  for (int i = 0; i < 10'000; ++i) ledger.Record(0, seq += 1 + random() % 5, tally);
  EXPECT_EQ(tally.delivered + tally.missing, seq - 1);
  EXPECT_EQ(tally.delivered, 10'000U);
}

}  // namespace
}  // namespace tickcast::loadgen
