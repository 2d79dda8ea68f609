#include "protocol/exchange/coinbase.h"

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/exchange/frame_walk.h"
#include "protocol/exchange/level_list.h"
#include "protocol/exchange/scalar_value.h"

namespace tickcast::protocol {
namespace {

enum class Slot : std::uint8_t {
  kType,
  kSequence,
  kProduct,
  kPrice,
  kSize,
  kLastSize,
  kBid,
  kBidSize,
  kAsk,
  kAskSize,
  kSide,
  kTime,
  kTradeId,
  kBids,
  kAsks,
  kChanges,
  kCount,  // Also: not one of these.
};

// By length first, as most members of a ticker are not taken.
Slot SlotOf(std::string_view key) {
  switch (key.size()) {
    case 4:
      if (key == "type") return Slot::kType;
      if (key == "time") return Slot::kTime;
      if (key == "side") return Slot::kSide;
      if (key == "size") return Slot::kSize;
      if (key == "bids") return Slot::kBids;
      return key == "asks" ? Slot::kAsks : Slot::kCount;
    case 5:
      return key == "price" ? Slot::kPrice : Slot::kCount;
    case 7:
      return key == "changes" ? Slot::kChanges : Slot::kCount;
    case 8:
      if (key == "sequence") return Slot::kSequence;
      if (key == "best_bid") return Slot::kBid;
      if (key == "best_ask") return Slot::kAsk;
      return key == "trade_id" ? Slot::kTradeId : Slot::kCount;
    case 9:
      return key == "last_size" ? Slot::kLastSize : Slot::kCount;
    case 10:
      return key == "product_id" ? Slot::kProduct : Slot::kCount;
    case 13:
      if (key == "best_bid_size") return Slot::kBidSize;
      return key == "best_ask_size" ? Slot::kAskSize : Slot::kCount;
    default:
      return Slot::kCount;
  }
}

class CoinbaseDecoder final : public Decoder {
 public:
  Outcome Decode(PaddedFrame frame, Event& out) override;

 private:
  bool OnMember(std::string_view key, FrameWalk::Value& value);
  bool NoteLevels(Slot slot, Scalar& place, FrameWalk::Value& value);
  bool TakeTicker(TickerEvent& out);
  bool TakeTrade(bool is_last_match, TradeEvent& out);
  bool TakeBook(bool is_snapshot, BookEvent& out);
  bool TakeProduct(std::string_view& out) const;
  bool TakeTime(std::optional<std::int64_t>& time_ms) const;

  FrameWalk walk_;
  ScalarSlots<Slot> slots_;
  LevelList levels_;
};

bool CoinbaseDecoder::NoteLevels(Slot slot, Scalar& place, FrameWalk::Value& value) {
  using Layout = LevelList::Layout;
  place = {{}, Scalar::Kind::kLevels};
  if (slot == Slot::kChanges) {
    return levels_.Append(walk_, value, Layout::kSidePriceSize, Side::kBuy);
  }
  const Side side = slot == Slot::kBids ? Side::kBuy : Side::kSell;
  return levels_.Append(walk_, value, Layout::kPriceSize, side);
}

bool CoinbaseDecoder::OnMember(std::string_view key, FrameWalk::Value& value) {
  const Slot slot = SlotOf(key);
  if (slot == Slot::kCount) return walk_.Skip(value);
  Scalar* const place = slots_.Place(slot);
  if (place == nullptr) return false;
  const bool has_levels = slot == Slot::kBids || slot == Slot::kAsks || slot == Slot::kChanges;
  if (has_levels && FrameWalk::FirstCharacter(value) == '[') {
    return NoteLevels(slot, *place, value);
  }
  return walk_.ReadAny(value, *place);
}

Outcome CoinbaseDecoder::Decode(PaddedFrame frame, Event& out) {
  slots_.Clear();
  levels_.Clear();
  const bool valid = walk_.Run(frame, [this](std::string_view key, FrameWalk::Value& value) {
    return OnMember(key, value);
  });
  if (!valid) return Outcome::kMalformed;
  if (!slots_[Slot::kType].is_string()) return Outcome::kUnknown;

  const auto taken = [](bool good, Outcome outcome) {
    return good ? outcome : Outcome::kMalformed;
  };
  const std::string_view type = slots_[Slot::kType].text;
  if (type == "l2update") return taken(TakeBook(false, out.book), Outcome::kBook);
  if (type == "ticker") return taken(TakeTicker(out.ticker), Outcome::kTicker);
  if (type == "match") return taken(TakeTrade(false, out.trade), Outcome::kTrade);
  if (type == "last_match") return taken(TakeTrade(true, out.trade), Outcome::kTrade);
  if (type == "snapshot") return taken(TakeBook(true, out.book), Outcome::kBook);
  const bool is_control = type == "heartbeat" || type == "subscriptions" || type == "error";
  return is_control ? Outcome::kControl : Outcome::kUnknown;
}

bool CoinbaseDecoder::TakeProduct(std::string_view& out) const {
  const Scalar& product = slots_[Slot::kProduct];
  out = product.text;
  return product.is_string() && IsSymbol(product.text);
}

bool CoinbaseDecoder::TakeTime(std::optional<std::int64_t>& time_ms) const {
  time_ms.reset();
  if (!slots_.Has(Slot::kTime)) return true;
  const std::optional<ExchangeTime> time = TimeFromRfc3339(slots_[Slot::kTime].text);
  if (!time) return false;
  time_ms = time->ms;
  return true;
}

bool CoinbaseDecoder::TakeTicker(TickerEvent& out) {
  out.sequence = UintOf(slots_[Slot::kSequence]);
  return out.sequence && TakeProduct(out.symbol) && TakeTime(out.time_ms) &&
         TakePriceAndSize(slots_[Slot::kPrice], slots_[Slot::kLastSize], out.price, out.size) &&
         TakePriceAndSize(slots_[Slot::kBid], slots_[Slot::kBidSize], out.bid, out.bid_size) &&
         TakePriceAndSize(slots_[Slot::kAsk], slots_[Slot::kAskSize], out.ask, out.ask_size) &&
         !(out.price.empty() && out.bid.empty() && out.ask.empty());
}

bool CoinbaseDecoder::TakeTrade(bool is_last_match, TradeEvent& out) {
  const std::optional<std::uint64_t> sequence = UintOf(slots_[Slot::kSequence]);
  const std::optional<std::uint64_t> id = UintOf(slots_[Slot::kTradeId]);
  const std::optional<ExchangeTime> time = TimeFromRfc3339(slots_[Slot::kTime].text);
  const std::optional<Side> maker = SideOf(slots_[Slot::kSide]);
  if (!sequence || !id || !time || !maker || !TakeProduct(out.symbol)) return false;
  if (!TakeDecimal(slots_[Slot::kPrice], out.price) || out.price.empty() ||
      !TakeDecimal(slots_[Slot::kSize], out.size) || out.size.empty()) {
    return false;
  }
  out.sequence = *sequence;
  out.id = slots_[Slot::kTradeId].text;
  out.id_number = id;
  out.time_ms = time->ms;
  out.time_ns = time->ns;
  out.side = *maker == Side::kBuy ? Side::kSell : Side::kBuy;
  out.is_last_match = is_last_match;
  out.is_aggregate = false;
  return true;
}

bool CoinbaseDecoder::TakeBook(bool is_snapshot, BookEvent& out) {
  const auto has_array = [this](Slot slot) { return slots_[slot].kind == Scalar::Kind::kLevels; };
  const bool has_levels =
      is_snapshot ? has_array(Slot::kBids) && has_array(Slot::kAsks) : has_array(Slot::kChanges);
  if (!has_levels || !levels_.well_formed()) return false;
  out.first_sequence.reset();
  out.last_sequence.reset();
  out.previous_sequence.reset();
  out.is_snapshot = is_snapshot;
  out.levels = levels_.levels();
  out.sequence_only_changes = 0;
  return TakeProduct(out.symbol) && TakeTime(out.time_ms);
}

}  // namespace

std::unique_ptr<Decoder> MakeCoinbaseDecoder() { return std::make_unique<CoinbaseDecoder>(); }

}  // namespace tickcast::protocol
