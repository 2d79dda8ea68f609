// HttpTransfers: the calls under way in libcurl, and what libcurl keeps between them.
// Threading: the helper thread of an HttpClient; only Wake() from any thread.
// Source: libcurl-multi(3), curl_easy_setopt(3).
#pragma once

#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/http_call.h"

namespace tickcast::engine {

class HttpTransfers {
 public:
  // Null when libcurl cannot be set up.
  static std::unique_ptr<HttpTransfers> Create(long idle_connections);
  // What is under way is dropped.
  ~HttpTransfers();
  HttpTransfers(const HttpTransfers&) = delete;
  HttpTransfers& operator=(const HttpTransfers&) = delete;

  // Begins a call; `lane` comes back with it.
  void Add(std::uint32_t lane, std::unique_ptr<HttpCall> call);

  // Moves every transfer as far as it goes.
  void Perform();

  struct Finished {
    std::uint32_t lane = 0;
    std::unique_ptr<HttpCall> call;  // Null: none is left.
  };
  Finished TakeFinished();

  // Sleeps until a socket is ready, a deadline of libcurl has come, or somebody called Wake().
  void Sleep(int at_most_ms);
  void Wake() { curl_multi_wakeup(multi_); }

  std::size_t in_flight() const { return in_flight_; }

 private:
  struct Transfer;

  explicit HttpTransfers(CURLM* multi);
  std::unique_ptr<Transfer> NewTransfer();
  bool Prepare(Transfer& transfer);
  bool PrepareHeaders(Transfer& transfer);
  void PrepareTls(Transfer& transfer);
  bool PrepareServerName(Transfer& transfer);
  static std::size_t OnBody(char* bytes, std::size_t size, std::size_t count, void* transfer);

  CURLM* const multi_;
  std::vector<Transfer*> active_;                   // Owned; each knows its place.
  std::vector<std::unique_ptr<Transfer>> idle_;     // Their handles are used again.
  std::vector<std::unique_ptr<Transfer>> refused_;  // Never got under way.
  std::size_t in_flight_ = 0;
};

}  // namespace tickcast::engine
