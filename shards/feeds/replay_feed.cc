#include "shards/feeds/replay_feed.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

namespace tickcast::shards {

static_assert(CaptureBlock::kPaddingBytes >= protocol::kJsonPaddingBytes,
              "the decoders read behind a frame");

absl::StatusOr<std::unique_ptr<ReplayFeed>> ReplayFeed::Open(const ReplayOptions& options,
                                                             FeedLog log) {
  const protocol::Exchange* const exchange = protocol::FindExchange(options.exchange);
  if (exchange == nullptr) {
    std::vector<std::string> known;
    for (const protocol::Exchange& each : protocol::Exchanges()) known.emplace_back(each.name);
    return absl::InvalidArgumentError(absl::StrCat("replay of ", options.file, ": exchange \"",
                                                   options.exchange, "\" is none of ",
                                                   absl::StrJoin(known, ", ")));
  }
  // Written so that a NaN is out of range.
  const bool speed_fits =
      options.speed == 0 || (options.speed >= kMinSpeed && options.speed <= kMaxSpeed);
  if (!speed_fits) {
    return absl::InvalidArgumentError(absl::StrCat("replay of ", options.file, ": speed ",
                                                   options.speed, " is neither 0 nor from ",
                                                   kMinSpeed, " to ", kMaxSpeed));
  }
  if (options.copies < 1 || options.copies > kMaxCopies) {
    return absl::InvalidArgumentError(absl::StrCat("replay of ", options.file, ": ", options.copies,
                                                   " copies are not from 1 to ", kMaxCopies));
  }
  auto reader = CaptureReader::Open(options.file, options.loop);
  if (!reader.ok()) return reader.status();
  return std::unique_ptr<ReplayFeed>(
      new ReplayFeed(options, *exchange, *std::move(reader), std::move(log)));
}

ReplayFeed::ReplayFeed(const ReplayOptions& options, const protocol::Exchange& exchange,
                       std::unique_ptr<CaptureReader> reader, FeedLog log)
    : options_(options),
      log_(log),
      reader_(std::move(reader)),
      intake_(exchange, options.copies, std::move(log)) {}

std::uint64_t ReplayFeed::Run(std::uint64_t now_ns, FeedSink& sink) {
  if (finished_) return kFinished;
  if (intake_.Retry(sink) == FrameIntake::Progress::kHeld) return now_ns;
  for (std::size_t taken = 0; taken < kMaxFramesPerTurn; ++taken) {
    if (block_ == nullptr || next_frame_ == block_->frames.size()) {
      switch (NextBlock(now_ns)) {
        case Supply::kReady:
          continue;
        case Supply::kStarved:
          return now_ns + kStarvedPauseNs;
        case Supply::kOver:
          Finish();
          return kFinished;
      }
    }
    const CaptureFrame& frame = block_->frames[next_frame_];
    const std::uint64_t due_ns = DueNs(frame, now_ns);
    if (due_ns > now_ns) return due_ns;
    last_due_ns_ = due_ns;
    ++next_frame_;
    // It entered the process when it was due: what a late turn adds is latency of ours.
    const protocol::PaddedFrame text(block_->Text(frame));
    if (intake_.Take(text, due_ns, sink) == FrameIntake::Progress::kHeld) return now_ns;
  }
  return now_ns;
}

// Called when the frames at hand are used up. kReady: look at them again; there may be none in a
// block, but then another follows or it is the last.
ReplayFeed::Supply ReplayFeed::NextBlock(std::uint64_t now_ns) {
  if (block_ != nullptr && block_->last) return Supply::kOver;
  std::unique_ptr<CaptureBlock> block = reader_->Take();
  if (block == nullptr) return Supply::kStarved;
  block_ = std::move(block);
  next_frame_ = 0;
  if (block_->begins_pass && !block_->frames.empty()) BeginPass(now_ns);
  return Supply::kReady;
}

void ReplayFeed::BeginPass(std::uint64_t now_ns) {
  FeedCounters& counters = intake_.counters();
  pass_begin_ns_ = counters.passes == 0 ? now_ns : last_due_ns_ + ScaledNs(kPassPauseNs);
  pass_first_receive_ns_ = block_->frames.front().receive_ns;
  // The recorded sequences go back to where they began, as after a reconnect.
  if (counters.passes++ > 0) intake_.Reset();
}

std::uint64_t ReplayFeed::DueNs(const CaptureFrame& frame, std::uint64_t now_ns) const {
  if (options_.speed == 0) return now_ns;
  // A recorder's clock may step back; the file's order counts then.
  const std::uint64_t receive_ns = std::max(frame.receive_ns, pass_first_receive_ns_);
  return std::max(pass_begin_ns_ + ScaledNs(receive_ns - pass_first_receive_ns_), last_due_ns_);
}

// At speeds in range and for captures of up to months, exact to a few nanoseconds.
std::uint64_t ReplayFeed::ScaledNs(std::uint64_t recorded_ns) const {
  if (options_.speed == 0) return 0;
  constexpr double kLongestNs = 1e18;  // 31 years; a stray receive time must not overflow.
  const double scaled_ns = static_cast<double>(recorded_ns) / options_.speed;
  return static_cast<std::uint64_t>(std::min(scaled_ns, kLongestNs));
}

void ReplayFeed::Finish() {
  finished_ = true;
  end_ = block_->end;
  block_.reset();
  FeedCounters& counters = intake_.counters();
  if (!end_.ok()) ++counters.failures;
  if (!log_) return;
  const std::string tally =
      absl::StrCat(counters.frames, " frames, ", counters.ticks_published, " ticks and ",
                   counters.trades_published, " trades published");
  log_(end_.ok() ? absl::StrCat(options_.file, ": replayed to its end: ", tally)
                 : absl::StrCat("replay ended early: ", end_.message(), "; ", tally));
}

}  // namespace tickcast::shards
