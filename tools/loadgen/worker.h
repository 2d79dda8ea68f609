// Worker: a thread that turns one crew and takes tasks in between.
//
// A ring belongs to the thread that built it, so everything that touches a crew is a task of its
// worker: built, asked and destroyed there. Between the tasks no thread needs another's leave.
// Threading: each function says.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace tickcast::loadgen {

class Worker {
 public:
  using Task = std::function<void()>;

  Worker();
  // Ends after the tasks that were posted. The crew has to be destroyed by one of them.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `turn` again and again, from now on; empty: nothing. It returns within milliseconds, so
  // that tasks are not kept waiting. On the worker's own thread.
  void SetTurn(Task turn) { turn_ = std::move(turn); }

  // Runs `task` on the worker's thread, after those posted before. Any thread.
  void Post(Task task);

 private:
  void Run();
  bool RunTasks();

  std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<Task> tasks_;
  bool ending_ = false;
  std::atomic<bool> has_tasks_{false};
  Task turn_;
  std::thread thread_;  // Last: it uses all others.
};

// Runs `task` with each worker's number on its thread, all at the same time, and waits for them.
void RunOnAll(const std::vector<std::unique_ptr<Worker>>& workers,
              const std::function<void(std::size_t)>& task);

// Runs `task` on one of them and waits.
void RunOn(Worker& worker, const std::function<void()>& task);

}  // namespace tickcast::loadgen
