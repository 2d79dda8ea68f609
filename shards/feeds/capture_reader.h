// CaptureReader: a capture file as a stream of blocks that a shard can take without ever waiting.
//
// A helper thread reads and inflates ahead; finished blocks cross to the shard by value through a
// lane of kAheadBlocks, so a capture of any size costs about a megabyte. The helper sleeps while
// the lane is full. What is wrong with the file's name, kind or first block is found by Open(), so
// that a server does not start on it; later faults arrive as the last block's `end`.
// Threading: Open(), Take() and the destructor on the owner's thread; the helper is the reader's.
#pragma once

#include <absl/status/statusor.h>
#include <semaphore.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "engine/lane.h"
#include "shards/feeds/capture_cutter.h"

namespace tickcast::shards {

class CaptureReader {
 public:
  static constexpr std::size_t kAheadBlocks = 4;

  // Opens `path` (CaptureText says what it may be), reads its first block and starts the helper.
  // With `loop`, the capture begins again after its end, each time with a block whose begins_pass
  // is set. Fails, naming the file and the byte, when the first block has a fault or no frame.
  static absl::StatusOr<std::unique_ptr<CaptureReader>> Open(std::string path, bool loop);

  // Stops the helper, whatever it is at, and waits for it: at most one read and one inflate.
  ~CaptureReader();
  CaptureReader(const CaptureReader&) = delete;
  CaptureReader& operator=(const CaptureReader&) = delete;

  // The next block, in the file's order; null when none is ready yet. REQUIRES: the block before
  // was not the last.
  std::unique_ptr<CaptureBlock> Take();

 private:
  CaptureReader(std::unique_ptr<CaptureCutter> cutter, std::unique_ptr<CaptureBlock> first,
                bool loop);

  void ReadAhead(std::unique_ptr<CaptureBlock> block);
  bool Hand(std::unique_ptr<CaptureBlock> block);

  const std::unique_ptr<CaptureCutter> cutter_;  // The helper's once it runs.
  const bool loop_;
  engine::Lane<std::unique_ptr<CaptureBlock>> lane_;
  // Free places in the lane; the helper sleeps on it. POSIX's, because posting it takes no lock.
  sem_t free_places_;
  std::atomic<bool> stop_ = false;
  std::thread helper_;  // Last: it uses everything above.
};

}  // namespace tickcast::shards
