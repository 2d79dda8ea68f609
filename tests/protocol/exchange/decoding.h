// Decoding: what tests of every decoder share: a decoder with its event, and the cut at every byte.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

#include "protocol/exchange/decoder.h"
#include "tests/protocol/exchange/captures.h"

namespace tickcast::protocol {

class Decoding {
 public:
  explicit Decoding(std::string_view exchange) : decoder_(MakeDecoder(exchange)) {}

  // Decodes a copy of `text` with `padding` behind it. The event lives until the next call.
  Outcome Decode(std::string_view text, char padding = '}') {
    text_ = std::make_unique<PaddedText>(text, padding);
    return decoder_->Decode(text_->frame(), event_);
  }

  // Decodes bytes that have their padding already.
  Outcome DecodeInPlace(std::string_view text) {
    return decoder_->Decode(PaddedFrame(text), event_);
  }

  const Event& event() const { return event_; }
  const TickerEvent& ticker() const { return event_.ticker; }
  const TradeEvent& trade() const { return event_.trade; }
  const BookEvent& book() const { return event_.book; }

 private:
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<PaddedText> text_;
  Event event_;
};

// A frame that lost its end is malformed wherever it was cut, whatever lies behind: the rest of the
// frame itself (as in a buffer), or bytes that would close it.
inline void ExpectMalformedWhenCut(std::string_view exchange, std::string_view frame) {
  Decoding decoding(exchange);
  const PaddedText whole(frame);
  for (std::size_t cut = 0; cut < frame.size(); ++cut) {
    ASSERT_EQ(decoding.DecodeInPlace(whole.text().substr(0, cut)), Outcome::kMalformed)
        << "cut at byte " << cut << " of " << frame;
    for (const char padding : {'}', ']', ',', '"', ' ', '0', '\0'}) {
      ASSERT_EQ(decoding.Decode(frame.substr(0, cut), padding), Outcome::kMalformed)
          << "cut at byte " << cut << " before '" << padding << "' of " << frame;
    }
  }
}

// Damage that JSON does not allow, at every place where a value of `frame` ends.
inline void ExpectMalformedWhenDamaged(std::string_view exchange, std::string_view frame) {
  Decoding decoding(exchange);
  for (std::size_t at = 1; at < frame.size(); ++at) {
    if (frame[at] != ',' && frame[at] != '}' && frame[at] != ']') continue;
    for (const std::string_view damage : {"x", "\"", "1 1", ":", "{", "[", "]]", "}}", ",,"}) {
      std::string damaged(frame);
      damaged.insert(at, damage);
      ASSERT_EQ(decoding.Decode(damaged), Outcome::kMalformed) << damaged;
    }
  }
  for (const std::string_view tail : {"x", "}", "{}", ",", "1", "\"\"", " null"}) {
    ASSERT_EQ(decoding.Decode(std::string(frame) + std::string(tail)), Outcome::kMalformed) << tail;
  }
}

// `text` with the first `from` replaced by `to`; a test that changes nothing tests nothing.
inline std::string Replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string changed(text);
  const std::size_t at = changed.find(from);
  if (at == std::string::npos) {
    ADD_FAILURE() << "no " << from << " in " << text;
    return changed;
  }
  return changed.replace(at, from.size(), to);
}

}  // namespace tickcast::protocol
