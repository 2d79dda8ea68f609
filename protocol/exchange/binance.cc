#include "protocol/exchange/binance.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/exchange/frame_walk.h"
#include "protocol/exchange/level_list.h"
#include "protocol/exchange/scalar_value.h"

namespace tickcast::protocol {
namespace {

// Named for the event in which a letter occurs first; `b`, `B`, `a`, `A` mean the same in spot and
// USD-M, but not in every event.
enum class Slot : std::uint8_t {
  kEvent,         // e
  kEventTime,     // E
  kTime,          // T: of the trade, or of the transaction in USD-M.
  kSymbol,        // s
  kFirstUpdate,   // U
  kLastUpdate,    // u
  kPrevious,      // pu
  kBid,           // b: the best bid, or an array of levels.
  kBidSize,       // B
  kAsk,           // a: the best ask, an array of levels, or the id of an aggregate trade.
  kAskSize,       // A
  kTradeId,       // t
  kPrice,         // p
  kQuantity,      // q
  kBuyerIsMaker,  // m
  kSnapshotId,    // lastUpdateId
  kSnapshotBids,  // bids
  kSnapshotAsks,  // asks
  kReply,         // result, error or code: an answer to what the client sent.
  kCount,         // Also: not one of these.
};

Slot SlotOfLetter(char letter) {
  switch (letter) {
    case 'e':
      return Slot::kEvent;
    case 'E':
      return Slot::kEventTime;
    case 'T':
      return Slot::kTime;
    case 's':
      return Slot::kSymbol;
    case 'U':
      return Slot::kFirstUpdate;
    case 'u':
      return Slot::kLastUpdate;
    case 'b':
      return Slot::kBid;
    case 'B':
      return Slot::kBidSize;
    case 'a':
      return Slot::kAsk;
    case 'A':
      return Slot::kAskSize;
    case 't':
      return Slot::kTradeId;
    case 'p':
      return Slot::kPrice;
    case 'q':
      return Slot::kQuantity;
    case 'm':
      return Slot::kBuyerIsMaker;
    default:
      return Slot::kCount;
  }
}

Slot SlotOf(std::string_view key) {
  if (key.size() == 1) return SlotOfLetter(key.front());
  if (key == "pu") return Slot::kPrevious;
  if (key == "lastUpdateId") return Slot::kSnapshotId;
  if (key == "bids") return Slot::kSnapshotBids;
  if (key == "asks") return Slot::kSnapshotAsks;
  if (key == "result" || key == "error" || key == "code") return Slot::kReply;
  return Slot::kCount;
}

std::optional<Side> BookSideOf(Slot slot) {
  if (slot == Slot::kBid || slot == Slot::kSnapshotBids) return Side::kBuy;
  if (slot == Slot::kAsk || slot == Slot::kSnapshotAsks) return Side::kSell;
  return std::nullopt;
}

class BinanceDecoder final : public Decoder {
 public:
  Outcome Decode(PaddedFrame frame, Event& out) override;

 private:
  bool OnRootMember(std::string_view key, FrameWalk::Value& value);
  bool OnMember(std::string_view key, FrameWalk::Value& value);
  Outcome TakeEvent(Event& out);
  bool TakeTicker(TickerEvent& out);
  Outcome TakeTrade(Slot id_slot, TradeEvent& out);
  bool TakeDelta(BookEvent& out);
  bool TakeSnapshot(BookEvent& out);
  bool TakeSymbol(std::string_view& out) const;
  bool TakeBookTime(std::optional<std::int64_t>& time_ms) const;

  FrameWalk walk_;
  ScalarSlots<Slot> slots_;
  LevelList levels_;
};

bool BinanceDecoder::OnMember(std::string_view key, FrameWalk::Value& value) {
  const Slot slot = SlotOf(key);
  if (slot == Slot::kCount) return walk_.Skip(value);
  Scalar* const place = slots_.Place(slot);
  if (place == nullptr) return false;
  const std::optional<Side> side = BookSideOf(slot);
  if (side && FrameWalk::FirstCharacter(value) == '[') {
    *place = {{}, Scalar::Kind::kLevels};
    return levels_.Append(walk_, value, LevelList::Layout::kPriceSize, *side);
  }
  return walk_.ReadAny(value, *place);
}

bool BinanceDecoder::OnRootMember(std::string_view key, FrameWalk::Value& value) {
  if (key != "data" || FrameWalk::FirstCharacter(value) != '{') return OnMember(key, value);
  // The combined wrapper, {"stream":"btcusdt@trade","data":{…}}: the stream's name says nothing
  // that the event itself does not say.
  FrameWalk::Object data;
  return value.get_object().get(data) == simdjson::SUCCESS &&
         walk_.ForEachMember(data, [this](std::string_view data_key, FrameWalk::Value& data_value) {
           return OnMember(data_key, data_value);
         });
}

Outcome BinanceDecoder::Decode(PaddedFrame frame, Event& out) {
  slots_.Clear();
  levels_.Clear();
  const bool valid = walk_.Run(frame, [this](std::string_view key, FrameWalk::Value& value) {
    return OnRootMember(key, value);
  });
  if (!valid) return Outcome::kMalformed;
  if (slots_.Has(Slot::kEvent)) return TakeEvent(out);

  // Spot's bookTicker and the snapshot name no event; they are told by members of their own.
  if (slots_.HasAll(Slot::kLastUpdate, Slot::kSymbol)) {
    return TakeTicker(out.ticker) ? Outcome::kTicker : Outcome::kMalformed;
  }
  if (slots_.Has(Slot::kSnapshotId)) {
    return TakeSnapshot(out.book) ? Outcome::kBook : Outcome::kMalformed;
  }
  return slots_.Has(Slot::kReply) ? Outcome::kControl : Outcome::kUnknown;
}

Outcome BinanceDecoder::TakeEvent(Event& out) {
  if (!slots_[Slot::kEvent].is_string()) return Outcome::kMalformed;
  const std::string_view event = slots_[Slot::kEvent].text;
  if (event == "bookTicker") {
    return TakeTicker(out.ticker) ? Outcome::kTicker : Outcome::kMalformed;
  }
  if (event == "trade") return TakeTrade(Slot::kTradeId, out.trade);
  if (event == "depthUpdate") {
    return TakeDelta(out.book) ? Outcome::kBook : Outcome::kMalformed;
  }
  if (event == "aggTrade") {
    const Outcome outcome = TakeTrade(Slot::kAsk, out.trade);
    out.trade.is_aggregate = outcome == Outcome::kTrade;
    return outcome;
  }
  // Precedes a forced close of the connection.
  return event == "serverShutdown" ? Outcome::kControl : Outcome::kUnknown;
}

bool BinanceDecoder::TakeSymbol(std::string_view& out) const {
  const Scalar& symbol = slots_[Slot::kSymbol];
  out = symbol.text;
  return symbol.is_string() && IsSymbol(symbol.text);
}

// The time of the event's cause where it is given (USD-M `T`), else of its sending.
bool BinanceDecoder::TakeBookTime(std::optional<std::int64_t>& time_ms) const {
  time_ms.reset();
  const Slot slot = slots_.Has(Slot::kTime) ? Slot::kTime : Slot::kEventTime;
  if (!slots_.Has(slot)) return true;
  const std::optional<ExchangeTime> time = TimeOf(slots_[slot]);
  if (!time) return false;
  time_ms = time->ms;
  return true;
}

bool BinanceDecoder::TakeTicker(TickerEvent& out) {
  if (!slots_.HasAll(Slot::kLastUpdate, Slot::kBid, Slot::kBidSize, Slot::kAsk, Slot::kAskSize)) {
    return false;
  }
  out.price = out.size = {};
  out.sequence = UintOf(slots_[Slot::kLastUpdate]);
  return out.sequence && TakeSymbol(out.symbol) && TakeBookTime(out.time_ms) &&
         TakePriceAndSize(slots_[Slot::kBid], slots_[Slot::kBidSize], out.bid, out.bid_size) &&
         TakePriceAndSize(slots_[Slot::kAsk], slots_[Slot::kAskSize], out.ask, out.ask_size);
}

Outcome BinanceDecoder::TakeTrade(Slot id_slot, TradeEvent& out) {
  const Slot time_slot = slots_.Has(Slot::kTime) ? Slot::kTime : Slot::kEventTime;
  const std::optional<std::uint64_t> id = UintOf(slots_[id_slot]);
  const std::optional<ExchangeTime> time = TimeOf(slots_[time_slot]);
  const Scalar::Kind maker = slots_[Slot::kBuyerIsMaker].kind;
  if (!id || !time || !TakeSymbol(out.symbol)) return Outcome::kMalformed;
  if (maker != Scalar::Kind::kTrue && maker != Scalar::Kind::kFalse) return Outcome::kMalformed;
  if (!TakeDecimal(slots_[Slot::kPrice], out.price) || out.price.empty() ||
      !TakeDecimal(slots_[Slot::kQuantity], out.size) || out.size.empty()) {
    return Outcome::kMalformed;
  }
  // USD-M sends placeholders of quantity zero for trades that are not shown to the public.
  if (IsZero(out.size)) return Outcome::kUnknown;
  out.sequence = *id;
  out.id = slots_[id_slot].text;
  out.id_number = id;
  out.time_ms = time->ms;
  out.time_ns = time->ns;
  out.side = maker == Scalar::Kind::kTrue ? Side::kSell : Side::kBuy;
  out.is_last_match = false;
  out.is_aggregate = false;
  return Outcome::kTrade;
}

bool BinanceDecoder::TakeDelta(BookEvent& out) {
  if (slots_[Slot::kBid].kind != Scalar::Kind::kLevels ||
      slots_[Slot::kAsk].kind != Scalar::Kind::kLevels || !levels_.well_formed()) {
    return false;
  }
  out.first_sequence = UintOf(slots_[Slot::kFirstUpdate]);
  out.last_sequence = UintOf(slots_[Slot::kLastUpdate]);
  out.previous_sequence = UintOf(slots_[Slot::kPrevious]);
  if (!out.first_sequence || !out.last_sequence || *out.first_sequence > *out.last_sequence ||
      out.previous_sequence.has_value() != slots_.Has(Slot::kPrevious)) {
    return false;
  }
  out.is_snapshot = false;
  out.levels = levels_.levels();
  out.sequence_only_changes = 0;
  return TakeSymbol(out.symbol) && TakeBookTime(out.time_ms);
}

bool BinanceDecoder::TakeSnapshot(BookEvent& out) {
  if (slots_[Slot::kSnapshotBids].kind != Scalar::Kind::kLevels ||
      slots_[Slot::kSnapshotAsks].kind != Scalar::Kind::kLevels || !levels_.well_formed()) {
    return false;
  }
  out.symbol = {};
  out.first_sequence.reset();
  out.last_sequence = UintOf(slots_[Slot::kSnapshotId]);
  out.previous_sequence.reset();
  out.is_snapshot = true;
  out.levels = levels_.levels();
  out.sequence_only_changes = 0;
  return out.last_sequence && TakeBookTime(out.time_ms);
}

}  // namespace

std::unique_ptr<Decoder> MakeBinanceDecoder() { return std::make_unique<BinanceDecoder>(); }

}  // namespace tickcast::protocol
