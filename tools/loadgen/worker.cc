#include "tools/loadgen/worker.h"

#include <latch>
#include <utility>

namespace tickcast::loadgen {

Worker::Worker() : thread_([this] { Run(); }) {}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    has_tasks_.store(true, std::memory_order_release);
  }
  posted_.notify_one();
  thread_.join();
}

void Worker::Post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
    has_tasks_.store(true, std::memory_order_release);
  }
  posted_.notify_one();
}

void Worker::Run() {
  for (;;) {
    if (!turn_) {
      std::unique_lock lock(mutex_);
      posted_.wait(lock, [this] { return ending_ || !tasks_.empty(); });
    }
    // One look at a flag per turn, instead of a lock.
    if (has_tasks_.load(std::memory_order_acquire) && !RunTasks()) return;
    if (turn_) turn_();
  }
}

// Returns whether to go on.
bool Worker::RunTasks() {
  std::vector<Task> tasks;
  bool ending = false;
  {
    const std::lock_guard lock(mutex_);
    tasks.swap(tasks_);
    ending = ending_;
    has_tasks_.store(ending, std::memory_order_release);
  }
  for (const Task& task : tasks) task();
  return !ending;
}

void RunOnAll(const std::vector<std::unique_ptr<Worker>>& workers,
              const std::function<void(std::size_t)>& task) {
  std::latch done(static_cast<std::ptrdiff_t>(workers.size()));
  for (std::size_t i = 0; i < workers.size(); ++i) {
    workers[i]->Post([&task, &done, i] {
      task(i);
      done.count_down();
    });
  }
  done.wait();
}

void RunOn(Worker& worker, const std::function<void()>& task) {
  std::latch done(1);
  worker.Post([&task, &done] {
    task();
    done.count_down();
  });
  done.wait();
}

}  // namespace tickcast::loadgen
