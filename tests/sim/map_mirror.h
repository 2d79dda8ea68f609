// MapMirror: a map channel as an official SDK keeps it: pages of state, pages of changes, live; a
// position to come back with; the newest payload of each key, against which deltas are told.
//
// It says what to ask next, and is told what was heard; whoever owns it connects and sends.
// Source: subscription.ts of github.com/centrifugal/centrifuge-js. Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "simdjson.h"
#include "tests/sim/sim_client.h"

namespace tickcast::shards::sim {

class MapMirror {
 public:
  struct Wants {
    std::string channel;
    int limit = 0;  // Of a page; 0: the server's own.
    bool delta = false;
    std::string tf = {};    // JSON of a filter, "" = none.
    std::string data = {};  // JSON of the first request's `data`, "" = none.
  };

  explicit MapMirror(Wants wants) : wants_(std::move(wants)) {}

  // Subscribes on `client`, which is connected: with its position, if it has one, else from the
  // first page. What it has stays until it is live again.
  void Begin(SimClient& client);
  // Unsubscribes, and subscribes again when that is answered. REQUIRES: it has begun.
  void Leave();
  // The connection is gone, or what it says does not count any more.
  void Lose();
  // Goes on with the next page. REQUIRES: waits().
  void Continue();

  // Everything that the client hears, in order. What no server may say is a failure.
  void OnHeard(const Heard& heard);

  // Pages come one after the other by themselves, unless somebody wants to be in between.
  void set_stops_between_pages(bool stops) { stops_ = stops; }
  bool waits() const { return !next_.empty(); }
  bool live() const { return live_; }
  // It was told to begin anew, by an error or an unsubscribe; then Begin() is due.
  bool ended() const { return ended_; }
  // Why; 0: it has not.
  std::uint32_t end_code() const { return end_code_; }

  // The JSON of each key's value.
  const std::map<std::string, std::string>& keys() const { return keys_; }
  std::uint64_t offset() const { return offset_; }
  const std::string& epoch() const { return epoch_; }
  // What came while it was live.
  int pushes() const { return pushes_; }
  int deltas() const { return deltas_; }
  int pages() const { return pages_; }
  // How often it was live again by its position, or from the first page.
  int recoveries() const { return recoveries_; }
  int syncs() const { return syncs_; }

 private:
  using Values = std::map<std::string, std::string>;

  void Ask(std::string_view members);
  void AskState(std::string_view cursor);
  void AskStream();
  void OnReply(const Heard& reply);
  void OnError(std::uint32_t code);
  void OnLive(const Heard& reply);
  // Puts a publication into `values`, and its payload where the next delta is told against it.
  void Take(const HeardPublication& heard, bool delta, Values& values);
  std::string TextOf(std::string_view json);

  const Wants wants_;
  SimClient* client_ = nullptr;
  simdjson::dom::parser json_;
  std::string next_;  // The request that waits.
  std::uint32_t asking_ = 0;
  std::uint32_t leaving_ = 0;  // Id of an unsubscribe, before whose answer anything may come.
  bool stops_ = false;
  bool beginning_ = false;
  bool live_ = false;
  bool ended_ = false;
  std::uint32_t end_code_ = 0;

  Values keys_;
  Values payloads_;  // As text, where deltas were asked for.
  Values buffer_;    // Of the pages, …
  Values removed_;   // … and what the changes behind them removed.
  bool delta_ = false;
  bool recover_ = false;
  std::uint64_t offset_ = 0;
  std::uint64_t shown_offset_ = 0;  // Of keys_.
  std::string epoch_;

  int pushes_ = 0;
  int deltas_ = 0;
  int pages_ = 0;
  int recoveries_ = 0;
  int syncs_ = 0;
};

}  // namespace tickcast::shards::sim
