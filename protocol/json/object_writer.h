// Writing a JSON object member by member, with the commas in the right places.
//
// The plain functions always write their member; the ones named …UnlessEmpty, …UnlessZero and
// TrueIf leave it out as Go's `omitempty` does, which the SDKs of the Centrifuge protocol rely on.
// Threading: a value on the stack.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "protocol/json/payload.h"

namespace tickcast::protocol {

template <std::integral Integer>
void AppendNumber(Integer number, std::string& out) {
  char digits[24];  // 20 digits and a sign fit.
  out.append(digits, std::to_chars(digits, digits + sizeof(digits), number).ptr);
}

class ObjectWriter {
 public:
  // Opens the object at the end of `out`, which must outlive the writer. Names are plain ASCII.
  explicit ObjectWriter(std::string& out) : out_(out) { out_ += '{'; }
  ObjectWriter(const ObjectWriter&) = delete;
  ObjectWriter& operator=(const ObjectWriter&) = delete;

  // Starts a member whose value the caller appends to the string this returns.
  std::string& Member(std::string_view name) {
    Separate();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }

  // The same for a name that is not ours: a channel.
  std::string& MemberNamed(std::string_view name) {
    Separate();
    AppendQuoted(name, out_);
    out_ += ':';
    return out_;
  }

  void Quoted(std::string_view name, std::string_view value) { AppendQuoted(value, Member(name)); }
  void QuotedUnlessEmpty(std::string_view name, std::string_view value) {
    if (!value.empty()) Quoted(name, value);
  }

  // `json` is one-line JSON and goes in as it is.
  void JsonUnlessEmpty(std::string_view name, std::string_view json) {
    if (!json.empty()) Member(name) += json;
  }

  template <std::integral Integer>
  void Number(std::string_view name, Integer value) {
    AppendNumber(value, Member(name));
  }
  template <std::integral Integer>
  void NumberUnlessZero(std::string_view name, Integer value) {
    if (value != 0) Number(name, value);
  }

  void TrueIf(std::string_view name, bool value) {
    if (value) Member(name) += "true";
  }

  // The last call.
  void Close() { out_ += '}'; }

 private:
  void Separate() {
    if (!empty_) out_ += ',';
    empty_ = false;
  }

  std::string& out_;
  bool empty_ = true;
};

// Appends `[…]` with `append(item, out)` for each of `items`.
template <typename Item, typename Append>
void AppendArray(std::span<const Item> items, std::string& out, Append&& append) {
  out += '[';
  bool first = true;
  for (const Item& item : items) {
    if (!first) out += ',';
    first = false;
    append(item, out);
  }
  out += ']';
}

}  // namespace tickcast::protocol
