#include "shards/tickers_page.h"

#include <zlib.h>

#include <algorithm>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "engine/invariant.h"
#include "protocol/abseil.h"
#include "protocol/json/payload.h"

namespace tickcast::shards {
namespace {

constexpr std::string_view kNamespace = "ticker:";
constexpr int kGzipWindow = 15 + 16;  // zlib's way to ask for the gzip format (RFC 1952).

// Fast compression: this runs on a shard, at most once a second.
std::string Gzip(const std::string& text) {
  z_stream stream{};
  const int ready =
      deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY);
  INVARIANT(ready == Z_OK, "zlib has memory for one stream");
  std::string packed(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  const int ended = deflate(&stream, Z_FINISH);
  INVARIANT(ended == Z_STREAM_END, "deflateBound() is enough for one call");
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// "sim.BTC-USDT" is wanted by that name and by its symbol.
bool Wanted(std::string_view key, const std::vector<std::string>& symbols) {
  const std::string_view symbol = key.substr(key.find('.') + 1);
  return std::any_of(symbols.begin(), symbols.end(),
                     [&](const std::string& wanted) { return wanted == key || wanted == symbol; });
}

}  // namespace

TickersPage::Waiter TickersPage::WaiterOf(const HttpAsker& asker,
                                          const protocol::RequestHead& head) {
  Waiter waiter{.asker = asker};
  if (const auto symbols = protocol::QueryParameter(head.query, "symbols")) {
    waiter.filtered = true;
    waiter.symbols = absl::StrSplit(*symbols, ',', absl::SkipEmpty());
  }
  // "gzip;q=0" is no such token: who refuses it gets plain text, as who weighs it otherwise does.
  waiter.gzip = head.HasToken("Accept-Encoding", "gzip");
  if (const auto etag = head.Find("If-None-Match")) waiter.known_etag = std::string(*etag);
  return waiter;
}

void TickersPage::Run(const HttpAsker& asker, const protocol::RequestHead& head,
                      std::uint64_t now_ns) {
  Waiter waiter = WaiterOf(asker, head);
  if (made_ns_ != 0 && now_ns - made_ns_ < kFreshNs) return Answer(waiter);
  waiters_.push_back(std::move(waiter));
  if (pending_shards_ == 0) Gather();
}

void TickersPage::Gather() {
  pending_shards_ = exchange_.shards();
  gathering_.clear();
  for (ShardId shard = 0; shard < exchange_.shards(); ++shard) {
    auto request = std::make_unique<Request>();
    request->kind = Request::Kind::kTickers;
    request->asker = Request::Asker::kTickersPage;
    request->origin = exchange_.self();
    request->channel = kNamespace;
    exchange_.Send(shard, {.kind = Message::Kind::kAsk, .request = std::move(request)});
  }
}

void TickersPage::OnAnswer(Request& answer, std::uint64_t now_ns) {
  for (PublicationRef& ticker : answer.publications) gathering_.push_back(std::move(ticker));
  if (--pending_shards_ > 0) return;
  std::sort(
      gathering_.begin(), gathering_.end(),
      [](const PublicationRef& a, const PublicationRef& b) { return a->channel() < b->channel(); });
  tickers_.swap(gathering_);
  gathering_.clear();
  page_ = Render(tickers_, nullptr);
  page_.gzip = Gzip(page_.json);
  made_ns_ = now_ns;
  const std::vector<Waiter> waiters = std::exchange(waiters_, {});
  for (const Waiter& waiter : waiters) Answer(waiter);
}

TickersPage::Page TickersPage::Render(const std::vector<PublicationRef>& tickers,
                                      const std::vector<std::string>* symbols) {
  Page page;
  page.json = "{\"tickers\":{";
  bool first = true;
  for (const PublicationRef& ticker : tickers) {
    const std::string_view key = ticker->channel().substr(kNamespace.size());
    if (symbols != nullptr && !Wanted(key, *symbols)) continue;
    if (!first) page.json += ',';
    first = false;
    protocol::AppendQuoted(key, page.json);
    page.json += ':';
    page.json += ticker->data();
  }
  page.json += "}}\n";
  // Weak, as one tag stands for the plain and the compressed bytes (RFC 9110 section 8.8.3.3).
  page.etag =
      absl::StrCat("W/\"", absl::Hex(std::hash<std::string>{}(page.json), absl::kZeroPad16), "\"");
  return page;
}

void TickersPage::Answer(const Waiter& waiter) {
  Page filtered;
  if (waiter.filtered) filtered = Render(tickers_, &waiter.symbols);
  const Page& page = waiter.filtered ? filtered : page_;
  const protocol::ResponseHeader headers[] = {{"Cache-Control", "public, max-age=1"},
                                              {"ETag", page.etag},
                                              {"Vary", "Accept-Encoding"},
                                              {"Access-Control-Allow-Origin", "*"},
                                              {"Content-Encoding", "gzip"}};
  const std::span<const protocol::ResponseHeader> all(headers);
  // Compared weakly (RFC 9110 section 13.1.2): a proxy may have dropped the W/.
  const std::string_view opaque_tag = std::string_view(page.etag).substr(2);
  if (waiter.known_etag.find(opaque_tag) != std::string::npos || waiter.known_etag == "*") {
    return responder_.Respond(waiter.asker, 304, {}, {}, all.first(4));
  }
  if (!waiter.gzip) {
    return responder_.Respond(waiter.asker, 200, "application/json", page.json, all.first(4));
  }
  if (waiter.filtered) filtered.gzip = Gzip(filtered.json);
  responder_.Respond(waiter.asker, 200, "application/json", page.gzip, all);
}

}  // namespace tickcast::shards
