// TickersPage: GET /v1/tickers: the last value of every ticker channel of the process.
//
// Last values live on their channels' home shards, so the page asks every shard and is kept for a
// second, which is also what Cache-Control allows a CDN: however many ask, each shard is asked and
// the whole page is compressed once a second at most.
// Threading: owned by one shard.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/http/request_head.h"
#include "shards/exchange.h"
#include "shards/http_responder.h"
#include "shards/publication.h"

namespace tickcast::shards {

class TickersPage {
 public:
  TickersPage(Exchange& exchange, HttpResponder& responder)
      : exchange_(exchange), responder_(responder) {}

  // Answers now or when the shards have.
  void Run(const HttpAsker& asker, const protocol::RequestHead& head, std::uint64_t now_ns);

  void OnAnswer(Request& answer, std::uint64_t now_ns);

 private:
  static constexpr std::uint64_t kFreshNs = 1'000'000'000;

  struct Waiter {
    HttpAsker asker;
    bool filtered = false;
    std::vector<std::string> symbols;  // Wanted, when filtered.
    bool gzip = false;
    std::string known_etag;  // If-None-Match.
  };
  struct Page {
    std::string json;
    std::string gzip;  // Of a filtered page only where it is asked for.
    std::string etag;
  };

  static Waiter WaiterOf(const HttpAsker& asker, const protocol::RequestHead& head);
  void Gather();
  static Page Render(const std::vector<PublicationRef>& tickers,
                     const std::vector<std::string>* symbols);
  void Answer(const Waiter& waiter);

  Exchange& exchange_;
  HttpResponder& responder_;
  std::vector<Waiter> waiters_;
  std::size_t pending_shards_ = 0;
  std::vector<PublicationRef> gathering_;
  std::vector<PublicationRef> tickers_;  // By channel name.
  Page page_;                            // Of all of them.
  std::uint64_t made_ns_ = 0;            // 0 = never.
};

}  // namespace tickcast::shards
