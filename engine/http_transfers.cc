#include "engine/http_transfers.h"

#include <time.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "engine/invariant.h"

namespace tickcast::engine {
namespace {

std::uint64_t NowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

bool IsHttpUrl(std::string_view url) {
  return url.substr(0, 7) == "http://" || url.substr(0, 8) == "https://";
}

// A line break in a header would begin another one, or the body.
bool IsHeaderLine(std::string_view line) {
  const std::size_t colon = line.find(':');
  return colon != 0 && colon != std::string_view::npos &&
         std::none_of(line.begin(), line.end(), [](char c) {
           return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
         });
}

HttpOutcome OutcomeOf(CURLcode code) {
  switch (code) {
    case CURLE_OK:
      return HttpOutcome::kAnswered;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpOutcome::kTimeout;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CIPHER:
      return HttpOutcome::kUnreachable;
    case CURLE_URL_MALFORMAT:
    case CURLE_BAD_FUNCTION_ARGUMENT:
      return HttpOutcome::kInvalid;
    case CURLE_WRITE_ERROR:  // OnBody() refused more.
    case CURLE_FILESIZE_EXCEEDED:
      return HttpOutcome::kTooLarge;
    default:
      return HttpOutcome::kBroken;
  }
}

void SetBlob(CURL* easy, CURLoption option, const std::string& pem) {
  if (pem.empty()) return;
  // libcurl copies it: with NOCOPY a second transfer on the same connection would need it too.
  curl_blob blob{.data = const_cast<char*>(pem.data()), .len = pem.size(), .flags = CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

}  // namespace

const char* HttpOutcomeName(HttpOutcome outcome) {
  switch (outcome) {
    case HttpOutcome::kAnswered:
      return "answered";
    case HttpOutcome::kTimeout:
      return "timeout";
    case HttpOutcome::kUnreachable:
      return "unreachable";
    case HttpOutcome::kBroken:
      return "broken";
    case HttpOutcome::kTooLarge:
      return "too_large";
    case HttpOutcome::kInvalid:
      return "invalid";
  }
  return "";
}

struct HttpTransfers::Transfer {
  CURL* easy = nullptr;
  curl_slist* headers = nullptr;
  curl_slist* connect_to = nullptr;
  std::unique_ptr<HttpCall> call;
  std::uint32_t lane = 0;
  std::uint64_t began_ns = 0;
  std::size_t place = 0;  // In active_.

  Transfer() : easy(curl_easy_init()) {}
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    FreeLists();
    curl_easy_cleanup(easy);
  }

  void FreeLists() {
    curl_slist_free_all(std::exchange(headers, nullptr));
    curl_slist_free_all(std::exchange(connect_to, nullptr));
  }
};

std::unique_ptr<HttpTransfers> HttpTransfers::Create(long idle_connections) {
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return nullptr;
  CURLM* const multi = curl_multi_init();
  if (multi == nullptr) return nullptr;
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, idle_connections);
  return std::unique_ptr<HttpTransfers>(new HttpTransfers(multi));
}

HttpTransfers::HttpTransfers(CURLM* multi) : multi_(multi) {}

HttpTransfers::~HttpTransfers() {
  for (Transfer* transfer : active_) {
    curl_multi_remove_handle(multi_, transfer->easy);
    delete transfer;
  }
  idle_.clear();
  curl_multi_cleanup(multi_);
}

std::unique_ptr<HttpTransfers::Transfer> HttpTransfers::NewTransfer() {
  if (idle_.empty()) return std::make_unique<Transfer>();
  std::unique_ptr<Transfer> transfer = std::move(idle_.back());
  idle_.pop_back();
  return transfer;
}

void HttpTransfers::Add(std::uint32_t lane, std::unique_ptr<HttpCall> call) {
  std::unique_ptr<Transfer> transfer = NewTransfer();
  transfer->call = std::move(call);
  transfer->lane = lane;
  transfer->began_ns = NowNs();
  ++in_flight_;
  if (transfer->easy == nullptr || !Prepare(*transfer) ||
      curl_multi_add_handle(multi_, transfer->easy) != CURLM_OK) {
    transfer->call->outcome = HttpOutcome::kInvalid;
    refused_.push_back(std::move(transfer));
    return;
  }
  transfer->place = active_.size();
  active_.push_back(transfer.release());
}

bool HttpTransfers::Prepare(Transfer& transfer) {
  CURL* const easy = transfer.easy;
  HttpCall& call = *transfer.call;
  call.response.clear();
  if (!IsHttpUrl(call.url)) return false;
  curl_easy_setopt(easy, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PROXY, "");  // None, whatever the environment says.
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                   static_cast<long>(std::max<std::uint64_t>(call.timeout_ns / 1'000'000, 1)));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &HttpTransfers::OnBody);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  // Refused by its Content-Length already, where it gives one.
  curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE,
                   static_cast<curl_off_t>(call.max_response_bytes));
  if (call.method == HttpCall::Method::kPost) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call.body.data());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call.body.size()));
  }
  PrepareTls(transfer);
  if (call.tls != nullptr && !call.tls->server_name.empty() && !PrepareServerName(transfer)) {
    return false;
  }
  return PrepareHeaders(transfer);
}

// libcurl tells and checks the host of the URL: that becomes the server's name, the connection goes
// where the call's URL says, and so does the request's Host.
bool HttpTransfers::PrepareServerName(Transfer& transfer) {
  const HttpCall& call = *transfer.call;
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (url == nullptr || curl_url_set(url.get(), CURLUPART_URL, call.url.c_str(), 0) != CURLUE_OK) {
    return false;
  }
  const auto take = [&url](CURLUPart part, unsigned int flags) {
    char* text = nullptr;
    std::string taken;
    if (curl_url_get(url.get(), part, &text, flags) == CURLUE_OK) taken = text;
    curl_free(text);
    return taken;
  };
  const std::string host = take(CURLUPART_HOST, 0);
  const std::string port = take(CURLUPART_PORT, CURLU_DEFAULT_PORT);
  const std::string own_port = take(CURLUPART_PORT, 0);
  if (host.empty() ||
      curl_url_set(url.get(), CURLUPART_HOST, call.tls->server_name.c_str(), 0) != CURLUE_OK) {
    return false;
  }
  const std::string there = take(CURLUPART_URL, 0);
  transfer.connect_to = curl_slist_append(nullptr, ("::" + host + ":" + port).c_str());
  const std::string field = "Host: " + host + (own_port.empty() ? "" : ":" + own_port);
  transfer.headers = curl_slist_append(nullptr, field.c_str());
  if (transfer.connect_to == nullptr || transfer.headers == nullptr) return false;
  curl_easy_setopt(transfer.easy, CURLOPT_URL, there.c_str());
  curl_easy_setopt(transfer.easy, CURLOPT_CONNECT_TO, transfer.connect_to);
  return true;
}

bool HttpTransfers::PrepareHeaders(Transfer& transfer) {
  // libcurl would wait a second for leave to send a body of more than a megabyte.
  transfer.headers = curl_slist_append(transfer.headers, "Expect:");
  for (const std::string& header : transfer.call->headers) {
    if (!IsHeaderLine(header)) return false;
    // "Name:" would take one of libcurl's own headers away; "Name;" is how it spells an empty one.
    std::string line = header;
    if (line.find_first_not_of(" \t", line.find(':') + 1) == std::string::npos) {
      line = line.substr(0, line.find(':')) + ";";
    }
    curl_slist* const longer = curl_slist_append(transfer.headers, line.c_str());
    if (longer == nullptr) return false;
    transfer.headers = longer;
  }
  curl_easy_setopt(transfer.easy, CURLOPT_HTTPHEADER, transfer.headers);
  return true;
}

void HttpTransfers::PrepareTls(Transfer& transfer) {
  curl_easy_setopt(transfer.easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const HttpTls* const tls = transfer.call->tls.get();
  if (tls == nullptr) return;
  SetBlob(transfer.easy, CURLOPT_CAINFO_BLOB, tls->ca_pem);
  SetBlob(transfer.easy, CURLOPT_SSLCERT_BLOB, tls->certificate_pem);
  SetBlob(transfer.easy, CURLOPT_SSLKEY_BLOB, tls->key_pem);
  if (tls->skip_verify) {
    curl_easy_setopt(transfer.easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(transfer.easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

std::size_t HttpTransfers::OnBody(char* bytes, std::size_t size, std::size_t count,
                                  void* transfer) {
  HttpCall& call = *static_cast<Transfer*>(transfer)->call;
  const std::size_t length = size * count;
  if (length > call.max_response_bytes - call.response.size()) return length == 0 ? 1 : 0;
  call.response.append(bytes, length);
  return length;
}

void HttpTransfers::Perform() {
  int running = 0;
  const CURLMcode code = curl_multi_perform(multi_, &running);
  INVARIANT(code == CURLM_OK, "curl_multi_perform fails only when it is used wrongly");
}

HttpTransfers::Finished HttpTransfers::TakeFinished() {
  std::unique_ptr<Transfer> transfer;
  if (!refused_.empty()) {
    transfer = std::move(refused_.back());
    refused_.pop_back();
  }
  int queued = 0;
  while (transfer == nullptr) {
    const CURLMsg* const message = curl_multi_info_read(multi_, &queued);
    if (message == nullptr) return {};
    if (message->msg != CURLMSG_DONE) continue;
    char* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    transfer.reset(reinterpret_cast<Transfer*>(owner));
    HttpCall& call = *transfer->call;
    call.outcome = OutcomeOf(message->data.result);
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    call.status = static_cast<int>(status);
    curl_multi_remove_handle(multi_, transfer->easy);
    active_[transfer->place] = active_.back();
    active_[transfer->place]->place = transfer->place;
    active_.pop_back();
  }
  --in_flight_;
  Finished finished{.lane = transfer->lane, .call = std::move(transfer->call)};
  finished.call->took_ns = NowNs() - transfer->began_ns;
  finished.call->response.reserve(finished.call->response.size() + HttpCall::kResponsePaddingBytes);
  transfer->FreeLists();
  if (transfer->easy != nullptr) {
    curl_easy_reset(transfer->easy);
    idle_.push_back(std::move(transfer));
  }
  return finished;
}

void HttpTransfers::Sleep(int at_most_ms) {
  if (!refused_.empty()) return;
  curl_multi_poll(multi_, nullptr, 0, at_most_ms, nullptr);
}

}  // namespace tickcast::engine
