// HttpCall: one request to somebody else's HTTP server, which comes back as its own answer.
//
// Who asked is named by kind, slot and generation, so an answer that comes after its asker went
// away is recognised and dropped. HttpPort: a shard's end of the way to whoever makes the calls
// (engine/http_client.h on libcurl, engine/sim_http.h in simulated worlds).
// Threading: a call is owned by one thread at a time; a port belongs to its shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace tickcast::engine {

// What a TLS connection is made with: PEM texts, "" where one is not needed.
struct HttpTls {
  std::string ca_pem;  // Trusted instead of the system's authorities.
  std::string certificate_pem;
  std::string key_pem;
  std::string server_name;   // Told and checked instead of the URL's host; "": that one.
  bool skip_verify = false;  // Neither the chain nor the name is checked.

  bool operator==(const HttpTls&) const = default;
};

enum class HttpOutcome : std::uint8_t {
  kAnswered,     // `status` and `response` say what; also a 500 is an answer.
  kTimeout,      // Nothing whole within `timeout_ns`.
  kUnreachable,  // No address, no connection, or TLS was refused.
  kBroken,       // The connection ended, or what came was no HTTP.
  kTooLarge,     // More than `max_response_bytes`.
  kInvalid,      // The call itself cannot be made: a URL or header that is none.
};
inline constexpr std::size_t kHttpOutcomes = 6;

// "answered" … "invalid", as metrics label it.
const char* HttpOutcomeName(HttpOutcome outcome);

struct HttpCall {
  enum class Method : std::uint8_t { kGet, kPost };

  // The asker: a number of its own kind, and where it is on its shard.
  std::uint32_t owner = 0;
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint64_t id = 0;  // The asker's own.

  Method method = Method::kPost;
  std::string url;                           // http:// or https://
  std::vector<std::string> headers;          // "Name: value", no control characters.
  std::string body;                          // Of kPost.
  std::shared_ptr<const HttpTls> tls;        // Null: the system's authorities.
  std::uint64_t timeout_ns = 1'000'000'000;  // From Submit() to the answer's last byte.
  std::size_t max_response_bytes = 1024 * 1024;

  // The answer.
  HttpOutcome outcome = HttpOutcome::kInvalid;
  int status = 0;        // kAnswered.
  std::string response;  // kAnswered; its capacity has kResponsePaddingBytes more than its size.
  std::uint64_t took_ns = 0;

  // For parsers that read whole blocks.
  static constexpr std::size_t kResponsePaddingBytes = 64;
};

class HttpPort {
 public:
  virtual ~HttpPort() = default;

  // Begins a call. False, and `call` untouched, when too many of this shard are under way.
  virtual bool Submit(std::unique_ptr<HttpCall>&& call) = 0;

  // Hands over what was submitted. Once a turn.
  virtual void Publish() = 0;

  // The oldest answer that was not taken, or null. Every call is answered once.
  virtual std::unique_ptr<HttpCall> Take() = 0;

  // Whether Take() would give one. After Doorbell::PrepareSleep() of the shard, whoever answers
  // later will ring it.
  virtual bool has_answers() const = 0;
};

}  // namespace tickcast::engine
