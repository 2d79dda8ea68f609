#include "tools/loadgen/worker.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace tickcast::loadgen {
namespace {

TEST(WorkerTest, TasksRunInOrderOnOneOtherThread) {
  std::vector<int> order;
  std::vector<std::thread::id> threads;
  Worker worker;
  for (int i = 0; i < 100; ++i) {
    worker.Post([&, i] {
      order.push_back(i);
      threads.push_back(std::this_thread::get_id());
    });
  }
  RunOn(worker, [] {});
  ASSERT_EQ(order.size(), 100U);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
    EXPECT_EQ(threads[static_cast<std::size_t>(i)], threads[0]);
  }
  EXPECT_NE(threads[0], std::this_thread::get_id());
}

TEST(WorkerTest, ItTurnsBetweenTasksUntilItIsToldNotTo) {
  std::atomic<int> turns = 0;
  Worker worker;
  RunOn(worker, [&] {
    worker.SetTurn([&] {
      ++turns;
      std::this_thread::yield();
    });
  });
  while (turns.load() < 1000) std::this_thread::yield();
  RunOn(worker, [&] { worker.SetTurn({}); });
  const int stopped = turns.load();
  RunOn(worker, [] {});
  EXPECT_EQ(turns.load(), stopped);
}

TEST(WorkerTest, AllWorkAtTheSameTimeAndAreWaitedFor) {
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < 4; ++i) workers.push_back(std::make_unique<Worker>());
  // Each waits for all others: one after the other would never end.
  std::atomic<int> here = 0;
  std::vector<int> numbers(4);
  RunOnAll(workers, [&](std::size_t i) {
    ++here;
    while (here.load() < 4) std::this_thread::yield();
    numbers[i] = static_cast<int>(i) + 1;
  });
  EXPECT_EQ(numbers, (std::vector<int>{1, 2, 3, 4}));
}

TEST(WorkerTest, WhatWasPostedRunsBeforeTheEnd) {
  int ran = 0;
  {
    Worker worker;
    for (int i = 0; i < 50; ++i) worker.Post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 50);
}

}  // namespace
}  // namespace tickcast::loadgen
