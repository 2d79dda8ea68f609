// PayloadValue: the number in a payload that `min_change` compares.
// Threading: owned by one shard.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tickcast::shards {

class PayloadValue {
 public:
  PayloadValue();
  ~PayloadValue();
  PayloadValue(const PayloadValue&) = delete;
  PayloadValue& operator=(const PayloadValue&) = delete;

  // The first of `fields` that `data` (valid one-line JSON, an object) has at its top, as a number
  // or a decimal string; NaN when there is none, or it is no number. As a float: its 24 bits tell
  // changes of a hundred-thousandth apart, the least that can be asked for.
  float Read(std::string_view data, std::span<const std::string> fields);

 private:
  // Behind a pointer: simdjson's header takes a third of the time a file that includes Shard takes.
  struct Parser;
  const std::unique_ptr<Parser> parser_;
  std::string padded_;
};

}  // namespace tickcast::shards
