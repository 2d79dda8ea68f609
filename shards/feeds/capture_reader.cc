#include "shards/feeds/capture_reader.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <cerrno>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::shards {

absl::StatusOr<std::unique_ptr<CaptureReader>> CaptureReader::Open(std::string path, bool loop) {
  auto cutter = CaptureCutter::Open(path);
  if (!cutter.ok()) return cutter.status();
  std::unique_ptr<CaptureBlock> first = (*cutter)->Next();
  if (!first->end.ok()) return first->end;
  if (first->frames.empty()) {
    return absl::DataLossError(absl::StrCat(path, ": holds no frame (byte 0 of the text)"));
  }
  return std::unique_ptr<CaptureReader>(
      new CaptureReader(*std::move(cutter), std::move(first), loop));
}

CaptureReader::CaptureReader(std::unique_ptr<CaptureCutter> cutter,
                             std::unique_ptr<CaptureBlock> first, bool loop)
    : cutter_(std::move(cutter)), loop_(loop), lane_(kAheadBlocks) {
  INVARIANT(sem_init(&free_places_, 0, kAheadBlocks) == 0, "a semaphore of this size exists");
  first->begins_pass = true;
  helper_ = std::thread(&CaptureReader::ReadAhead, this, std::move(first));
}

CaptureReader::~CaptureReader() {
  stop_.store(true, std::memory_order_relaxed);
  sem_post(&free_places_);
  helper_.join();
  sem_destroy(&free_places_);
}

std::unique_ptr<CaptureBlock> CaptureReader::Take() {
  std::unique_ptr<CaptureBlock>* const front = lane_.Front();
  if (front == nullptr) return nullptr;
  std::unique_ptr<CaptureBlock> block = std::move(*front);
  lane_.Pop();
  sem_post(&free_places_);
  return block;
}

// The helper's whole life.
void CaptureReader::ReadAhead(std::unique_ptr<CaptureBlock> block) {
  for (;;) {
    const bool again = loop_ && block->last && block->end.ok();
    if (again) block->last = false;
    const bool last = block->last;
    if (!Hand(std::move(block)) || last) return;
    const absl::Status rewound = again ? cutter_->Rewind() : absl::OkStatus();
    if (rewound.ok()) {
      block = cutter_->Next();
    } else {
      block = std::make_unique<CaptureBlock>();
      block->last = true;
      block->end = rewound;
    }
    block->begins_pass = again;
  }
}

// False when the reader is being destroyed.
bool CaptureReader::Hand(std::unique_ptr<CaptureBlock> block) {
  while (sem_wait(&free_places_) != 0) INVARIANT(errno == EINTR, "a semaphore can be waited on");
  if (stop_.load(std::memory_order_relaxed)) return false;
  INVARIANT(lane_.TryPush(std::move(block)), "a place was free and is not");
  lane_.Publish();
  return true;
}

}  // namespace tickcast::shards
