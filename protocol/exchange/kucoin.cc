#include "protocol/exchange/kucoin.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/exchange/frame_walk.h"
#include "protocol/exchange/level_list.h"
#include "protocol/exchange/scalar_value.h"

namespace tickcast::protocol {
namespace {

enum class Slot : std::uint8_t {
  // Of the envelope.
  kTopic,
  kType,
  kSubject,
  // Of its data; no name means two things in the topics that are taken.
  kSequence,
  kSequenceStart,
  kSequenceEnd,
  kSymbol,
  kTime,
  kTimestamp,  // level1's time.
  kPrice,
  kSize,
  kBid,  // bestBid, or the first of level1's `bids`.
  kBidSize,
  kAsk,
  kAskSize,
  kSide,
  kTradeId,
  kChanges,
  kCount,  // Also: not one of these.
};

Slot EnvelopeSlotOf(std::string_view key) {
  if (key == "topic") return Slot::kTopic;
  if (key == "type") return Slot::kType;
  if (key == "subject") return Slot::kSubject;
  return Slot::kCount;
}

// By length first: eighteen names have ten lengths.
Slot DataSlotOf(std::string_view key) {
  switch (key.size()) {
    case 4:
      if (key == "time") return Slot::kTime;
      if (key == "size") return Slot::kSize;
      return key == "side" ? Slot::kSide : Slot::kCount;
    case 5:
      return key == "price" ? Slot::kPrice : Slot::kCount;
    case 6:
      return key == "symbol" ? Slot::kSymbol : Slot::kCount;
    case 7:
      if (key == "bestBid") return Slot::kBid;
      if (key == "bestAsk") return Slot::kAsk;
      if (key == "changes") return Slot::kChanges;
      return key == "tradeId" ? Slot::kTradeId : Slot::kCount;
    case 8:
      return key == "sequence" ? Slot::kSequence : Slot::kCount;
    case 9:
      return key == "timestamp" ? Slot::kTimestamp : Slot::kCount;
    case 11:
      if (key == "bestBidSize") return Slot::kBidSize;
      if (key == "bestAskSize") return Slot::kAskSize;
      return key == "sequenceEnd" ? Slot::kSequenceEnd : Slot::kCount;
    case 13:
      return key == "sequenceStart" ? Slot::kSequenceStart : Slot::kCount;
    default:
      return Slot::kCount;
  }
}

// What is taken, by the part of the topic before its colon.
enum class Topic : std::uint8_t { kTicker, kLevel1, kLevel2, kMatch, kOther };

Topic TopicOf(std::string_view name) {
  if (name == "/market/ticker") return Topic::kTicker;
  if (name == "/market/level2") return Topic::kLevel2;
  if (name == "/market/match") return Topic::kMatch;
  if (name == "/spotMarket/level1") return Topic::kLevel1;
  return Topic::kOther;
}

class KucoinDecoder final : public Decoder {
 public:
  Outcome Decode(PaddedFrame frame, Event& out) override;

 private:
  bool OnEnvelopeMember(std::string_view key, FrameWalk::Value& value);
  bool OnDataMember(std::string_view key, FrameWalk::Value& value);
  bool NoteBest(FrameWalk::Value& value, Slot price, Slot size);
  bool NoteChanges(FrameWalk::Value& value);
  bool Note(Slot slot, FrameWalk::Value& value);
  Outcome TakeMessage(Event& out);
  bool TakeTicker(std::string_view topic_symbol, TickerEvent& out);
  bool TakeLevel1(std::string_view topic_symbol, TickerEvent& out);
  bool TakeValues(TickerEvent& out);
  bool TakeTrade(TradeEvent& out);
  bool TakeDelta(BookEvent& out);
  bool TakeDataSymbol(std::string_view& out) const;
  bool TakeTime(Slot slot, std::optional<std::int64_t>& time_ms) const;

  FrameWalk walk_;
  ScalarSlots<Slot> slots_;
  LevelList levels_;
  bool best_is_flat_ = true;  // `asks` and `bids` were [price, size], as level1 has them.
};

bool KucoinDecoder::Note(Slot slot, FrameWalk::Value& value) {
  Scalar* const place = slots_.Place(slot);
  return place != nullptr && walk_.ReadAny(value, *place);
}

// level1's `asks` and `bids` hold one flat level, or nothing; the depth topics nest their levels.
bool KucoinDecoder::NoteBest(FrameWalk::Value& value, Slot price, Slot size) {
  if (FrameWalk::FirstCharacter(value) != '[') {
    best_is_flat_ = false;
    return walk_.Skip(value);
  }
  FrameWalk::Array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) return false;
  std::size_t count = 0;
  const bool valid = walk_.ForEachElement(array, [&](FrameWalk::Value& element) {
    ++count;
    if (count <= 2) return Note(count == 1 ? price : size, element);
    return walk_.Skip(element);
  });
  if (count == 1 || slots_[price].kind == Scalar::Kind::kCompound) best_is_flat_ = false;
  return valid;
}

bool KucoinDecoder::NoteChanges(FrameWalk::Value& value) {
  Scalar* const place = slots_.Place(Slot::kChanges);
  if (place == nullptr) return false;
  if (FrameWalk::FirstCharacter(value) != '{') return walk_.ReadAny(value, *place);
  *place = {{}, Scalar::Kind::kLevels};
  FrameWalk::Object changes;
  if (value.get_object().get(changes) != simdjson::SUCCESS) return false;
  int asks = 0;
  int bids = 0;
  const bool valid =
      walk_.ForEachMember(changes, [&](std::string_view key, FrameWalk::Value& side) {
        constexpr auto kLayout = LevelList::Layout::kPriceSizeSequence;
        if (key == "asks") return ++asks == 1 && levels_.Append(walk_, side, kLayout, Side::kSell);
        if (key == "bids") return ++bids == 1 && levels_.Append(walk_, side, kLayout, Side::kBuy);
        return walk_.Skip(side);
      });
  return valid && asks == 1 && bids == 1;
}

bool KucoinDecoder::OnDataMember(std::string_view key, FrameWalk::Value& value) {
  if (key == "asks") return NoteBest(value, Slot::kAsk, Slot::kAskSize);
  if (key == "bids") return NoteBest(value, Slot::kBid, Slot::kBidSize);
  const Slot slot = DataSlotOf(key);
  if (slot == Slot::kCount) return walk_.Skip(value);
  if (slot == Slot::kChanges) return NoteChanges(value);
  return Note(slot, value);
}

bool KucoinDecoder::OnEnvelopeMember(std::string_view key, FrameWalk::Value& value) {
  if (key != "data" || FrameWalk::FirstCharacter(value) != '{') {
    const Slot slot = EnvelopeSlotOf(key);
    return slot == Slot::kCount ? walk_.Skip(value) : Note(slot, value);
  }
  FrameWalk::Object data;
  return value.get_object().get(data) == simdjson::SUCCESS &&
         walk_.ForEachMember(data, [this](std::string_view data_key, FrameWalk::Value& data_value) {
           return OnDataMember(data_key, data_value);
         });
}

Outcome KucoinDecoder::Decode(PaddedFrame frame, Event& out) {
  slots_.Clear();
  levels_.Clear();
  best_is_flat_ = true;
  const bool valid = walk_.Run(frame, [this](std::string_view key, FrameWalk::Value& value) {
    return OnEnvelopeMember(key, value);
  });
  if (!valid) return Outcome::kMalformed;
  if (!slots_[Slot::kType].is_string()) return Outcome::kUnknown;
  const std::string_view type = slots_[Slot::kType].text;
  if (type == "message") return TakeMessage(out);
  const bool is_control = type == "welcome" || type == "ack" || type == "pong" || type == "error";
  return is_control ? Outcome::kControl : Outcome::kUnknown;
}

Outcome KucoinDecoder::TakeMessage(Event& out) {
  if (!slots_[Slot::kTopic].is_string()) return Outcome::kUnknown;
  const std::string_view topic = slots_[Slot::kTopic].text;
  const std::size_t colon = topic.find(':');
  if (colon == std::string_view::npos) return Outcome::kUnknown;
  const std::string_view symbol = topic.substr(colon + 1);
  switch (TopicOf(topic.substr(0, colon))) {
    case Topic::kTicker:
      return TakeTicker(symbol, out.ticker) ? Outcome::kTicker : Outcome::kMalformed;
    case Topic::kLevel1:
      return TakeLevel1(symbol, out.ticker) ? Outcome::kTicker : Outcome::kMalformed;
    case Topic::kLevel2:
      return TakeDelta(out.book) ? Outcome::kBook : Outcome::kMalformed;
    case Topic::kMatch:
      return TakeTrade(out.trade) ? Outcome::kTrade : Outcome::kMalformed;
    case Topic::kOther:
      break;
  }
  return Outcome::kUnknown;
}

// A symbol without trades has no price and an empty book no best levels, but never is all absent.
bool KucoinDecoder::TakeValues(TickerEvent& out) {
  return TakePriceAndSize(slots_[Slot::kPrice], slots_[Slot::kSize], out.price, out.size) &&
         TakePriceAndSize(slots_[Slot::kBid], slots_[Slot::kBidSize], out.bid, out.bid_size) &&
         TakePriceAndSize(slots_[Slot::kAsk], slots_[Slot::kAskSize], out.ask, out.ask_size) &&
         !(out.price.empty() && out.bid.empty() && out.ask.empty());
}

bool KucoinDecoder::TakeTicker(std::string_view topic_symbol, TickerEvent& out) {
  out.symbol = topic_symbol;
  if (topic_symbol == "all") {
    if (!slots_[Slot::kSubject].is_string()) return false;
    out.symbol = slots_[Slot::kSubject].text;
  }
  out.sequence = UintOf(slots_[Slot::kSequence]);
  return IsSymbol(out.symbol) && out.sequence && TakeTime(Slot::kTime, out.time_ms) &&
         TakeValues(out);
}

bool KucoinDecoder::TakeLevel1(std::string_view topic_symbol, TickerEvent& out) {
  out.symbol = topic_symbol;
  out.sequence.reset();
  return best_is_flat_ && IsSymbol(out.symbol) && TakeTime(Slot::kTimestamp, out.time_ms) &&
         TakeValues(out);
}

bool KucoinDecoder::TakeTime(Slot slot, std::optional<std::int64_t>& time_ms) const {
  time_ms.reset();
  if (!slots_.Has(slot)) return true;
  const std::optional<ExchangeTime> time = TimeOf(slots_[slot]);
  if (!time) return false;
  time_ms = time->ms;
  return true;
}

bool KucoinDecoder::TakeDataSymbol(std::string_view& out) const {
  const Scalar& symbol = slots_[Slot::kSymbol];
  out = symbol.text;
  return symbol.is_string() && IsSymbol(symbol.text);
}

bool KucoinDecoder::TakeTrade(TradeEvent& out) {
  const std::optional<std::uint64_t> sequence = UintOf(slots_[Slot::kSequence]);
  const std::optional<ExchangeTime> time = TimeOf(slots_[Slot::kTime]);
  const std::optional<Side> side = SideOf(slots_[Slot::kSide]);
  const Scalar& id = slots_[Slot::kTradeId];
  if (!sequence || !time || !side || !id.is_string() || !IsId(id.text)) return false;
  if (!TakeDataSymbol(out.symbol) || !TakeDecimal(slots_[Slot::kPrice], out.price) ||
      out.price.empty() || !TakeDecimal(slots_[Slot::kSize], out.size) || out.size.empty()) {
    return false;
  }
  out.sequence = *sequence;
  out.id = id.text;
  out.id_number.reset();
  out.time_ms = time->ms;
  out.time_ns = time->ns;
  out.side = *side;
  out.is_last_match = false;
  out.is_aggregate = false;
  return true;
}

bool KucoinDecoder::TakeDelta(BookEvent& out) {
  if (slots_[Slot::kChanges].kind != Scalar::Kind::kLevels || !levels_.well_formed()) {
    return false;
  }
  out.first_sequence = UintOf(slots_[Slot::kSequenceStart]);
  out.last_sequence = UintOf(slots_[Slot::kSequenceEnd]);
  out.previous_sequence.reset();
  if (!out.first_sequence || !out.last_sequence || *out.first_sequence > *out.last_sequence ||
      !TakeDataSymbol(out.symbol)) {
    return false;
  }
  if (!TakeTime(Slot::kTime, out.time_ms)) return false;
  out.is_snapshot = false;
  out.levels = levels_.levels();
  out.sequence_only_changes = levels_.sequence_only();
  return true;
}

}  // namespace

std::unique_ptr<Decoder> MakeKucoinDecoder() { return std::make_unique<KucoinDecoder>(); }

}  // namespace tickcast::protocol
