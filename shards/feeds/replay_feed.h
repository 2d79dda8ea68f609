// ReplayFeed: a recorded capture, published as if the exchange sent it now.
//
// Frames go through the intake of a live feed, in the file's order, each when its receive time
// says: the n-th frame is due (receive_n - receive_1) / speed after the first. A shard that falls
// behind catches up a turn's worth at a time and drops nothing. Speed 0 takes a turn's worth every
// turn; what holds it back then is the sink. The payloads keep the times of the recording.
// Threading: Open() may be called anywhere; then the shard's thread only. A helper thread reads.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "shards/feeds/capture_reader.h"
#include "shards/feeds/feed.h"
#include "shards/feeds/feed_counters.h"
#include "shards/feeds/frame_intake.h"

namespace tickcast::shards {

struct ReplayOptions {
  std::string file;          // A capture, plain or gzip (CaptureText).
  std::string exchange;      // Whose frames they are: a name of protocol::Exchanges().
  double speed = 1;          // 2: twice as fast as recorded. 0: as fast as possible.
  bool loop = false;         // Begin again at the end; symbols' sequences start anew then.
  std::uint32_t copies = 1;  // Symbols x copies: SYMBOL, SYMBOL~2 … (FrameIntake).
};

class ReplayFeed final : public Feed {
 public:
  static constexpr double kMinSpeed = 0.001;
  static constexpr double kMaxSpeed = 1'000'000;
  static constexpr std::uint32_t kMaxCopies = 10'000;
  // About 100 us of decoding: other work of the shard never waits longer for a replay.
  static constexpr std::size_t kMaxFramesPerTurn = 256;
  // Recorded time between the last frame of a pass and the first of the next one, so that a capture
  // of one frame does not turn into a loop without time.
  static constexpr std::uint64_t kPassPauseNs = 100'000'000;
  // How soon a feed that is ahead of its reader looks again. Much less than a block lasts.
  static constexpr std::uint64_t kStarvedPauseNs = 200'000;

  // Opens the capture and reads its first block. Fails, naming the option or the file and byte,
  // when an option is out of range or the capture is none (CaptureReader::Open()).
  static absl::StatusOr<std::unique_ptr<ReplayFeed>> Open(const ReplayOptions& options,
                                                          FeedLog log);

  // The first call starts the clock.
  std::uint64_t Run(std::uint64_t now_ns, FeedSink& sink) override;

  // The capture is over: everything in it has been published, and Run() says kFinished.
  bool finished() const { return finished_; }

  // Why it is over; OK until then and when it was read to its end.
  const absl::Status& end() const { return end_; }

  const FeedCounters& counters() const override { return intake_.counters(); }
  const ReplayOptions& options() const { return options_; }

 private:
  enum class Supply { kReady, kStarved, kOver };

  ReplayFeed(const ReplayOptions& options, const protocol::Exchange& exchange,
             std::unique_ptr<CaptureReader> reader, FeedLog log);

  Supply NextBlock(std::uint64_t now_ns);
  void BeginPass(std::uint64_t now_ns);
  std::uint64_t DueNs(const CaptureFrame& frame, std::uint64_t now_ns) const;
  std::uint64_t ScaledNs(std::uint64_t recorded_ns) const;
  void Finish();

  const ReplayOptions options_;
  const FeedLog log_;
  const std::unique_ptr<CaptureReader> reader_;
  FrameIntake intake_;
  std::unique_ptr<CaptureBlock> block_;
  std::size_t next_frame_ = 0;  // Index into block_->frames.
  std::uint64_t pass_begin_ns_ = 0;
  std::uint64_t pass_first_receive_ns_ = 0;
  std::uint64_t last_due_ns_ = 0;
  bool finished_ = false;
  absl::Status end_;
};

}  // namespace tickcast::shards
