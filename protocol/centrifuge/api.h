// The server API over HTTP: publish and broadcast by a backend, one at a time or in a batch.
//
// Four endpoints carry the same commands, so they decode to one list and one writer answers them
// all. There are two kinds of failure: a body that is not the JSON of its endpoint is HTTP 400 with
// no commands run; a command that asks something wrong is HTTP 200 with `error` in its own reply,
// and the others of the batch run. Payloads leave here validated and minified, `b64data` decoded.
// Sources: internal/api and internal/apiproto/api.proto of github.com/centrifugal/centrifugo 6.9.
// Threading: an ApiRequestParser belongs to one thread; ApiReplyWriter is a value.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tickcast::protocol {

enum class ApiEndpoint : std::uint8_t {
  kPublish,    // POST /api/publish:   {channel, data, …}
  kBroadcast,  // POST /api/broadcast: {channels, data, …}
  kBatch,      // POST /api/batch:     {commands: [{publish: {…}}, …], parallel}
  kLegacy,     // POST /api:           {id, method, params}, several with white space between
};

enum class ApiMethod : std::uint8_t {
  kPublish,
  kBroadcast,
  kOther,  // Always with an error: answered, not run.
};

// Errors of the API. 104 and 113 have other texts than those of the client protocol.
enum class ApiError : std::uint32_t {
  kNone = 0,
  kInternal = 100,
  kUnknownChannel = 102,
  kNotFound = 104,
  kBadRequest = 107,
  kNotAvailable = 108,
  kUnrecoverablePosition = 112,
  kConflict = 113,
};

constexpr std::string_view MessageOf(ApiError error) {
  switch (error) {
    case ApiError::kNone:
      return "";
    case ApiError::kInternal:
      return "internal server error";
    case ApiError::kUnknownChannel:
      return "unknown channel";
    case ApiError::kNotFound:
      return "not found";
    case ApiError::kBadRequest:
      return "bad request";
    case ApiError::kNotAvailable:
      return "not available";
    case ApiError::kUnrecoverablePosition:
      return "unrecoverable position";
    case ApiError::kConflict:
      return "conflict";
  }
  return "";
}

// The HTTP status of an error where the request has `X-Centrifugo-Error-Mode: transport`.
constexpr int HttpStatusOf(ApiError error) {
  switch (error) {
    case ApiError::kNone:
      return 200;
    case ApiError::kInternal:
      return 500;
    case ApiError::kUnknownChannel:
      return 404;
    case ApiError::kNotFound:
      return 404;
    case ApiError::kBadRequest:
      return 400;
    case ApiError::kNotAvailable:
      return 400;
    case ApiError::kUnrecoverablePosition:
      return 416;
    case ApiError::kConflict:
      return 409;
  }
  return 500;
}

// One command. Views live until the parser's next Parse().
struct ApiCommand {
  ApiMethod method = ApiMethod::kOther;
  // Not kNone: answer with it and do not run. Channel names may still be unknown to the config.
  ApiError error = ApiError::kNone;
  std::uint32_t id = 0;  // Legacy endpoint: echoed in the reply.

  // Publish has exactly one. Broadcast has at least one; an empty name among them is answered with
  // kBadRequest at its place.
  std::span<const std::string_view> channels;
  std::string_view data;  // One-line JSON, never empty where `error` is kNone.
  std::string_view tags;  // One-line JSON object of strings, or empty.
  std::string_view idempotency_key;
  std::string_view version_epoch;
  std::uint64_t version = 0;
  bool skip_history = false;
  bool delta = false;
};

enum class ApiVerdict : std::uint8_t {
  kOk,
  kBadRequest,  // HTTP 400 with the text "Bad Request"; nothing is run.
};

class ApiRequestParser {
 public:
  ApiRequestParser();
  ApiRequestParser(ApiRequestParser&&) noexcept;
  ApiRequestParser& operator=(ApiRequestParser&&) noexcept;
  ~ApiRequestParser();

  // REQUIRES: kJsonPaddingBytes readable bytes behind `body`, which may be gone after the call.
  ApiVerdict Parse(ApiEndpoint endpoint, std::string_view body);

  // In the order of the request; one for kPublish and kBroadcast; may be none for kBatch.
  std::span<const ApiCommand> commands() const;

  // Batch: the commands may run in any order. They are answered in theirs.
  bool parallel() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// How one publication ended.
struct ApiPublishResult {
  ApiError error = ApiError::kNone;
  std::uint64_t offset = 0;  // 0 and "" where the channel has no history.
  std::string_view epoch;
};

// Writes the body of the answer: one call of Publish, Broadcast or Error per command, in order,
// then Finish. Usage: if command.error is set, Error(); else run it and report the outcome.
class ApiReplyWriter {
 public:
  // Appends to `out`, which must outlive the writer.
  ApiReplyWriter(ApiEndpoint endpoint, std::string& out);

  void Publish(const ApiCommand& command, const ApiPublishResult& result);
  // `results` has one element per channel of the command.
  void Broadcast(const ApiCommand& command, std::span<const ApiPublishResult> results);
  void Error(const ApiCommand& command, ApiError error);
  void Finish();

 private:
  void BeginReply(const ApiCommand& command);

  const ApiEndpoint endpoint_;
  std::string& out_;
  std::size_t replies_ = 0;
};

// {"code":…,"message":…}: the body of an error of kPublish or kBroadcast under
// `X-Centrifugo-Error-Mode: transport`, sent with HttpStatusOf(error).
void AppendApiError(ApiError error, std::string& out);

}  // namespace tickcast::protocol
