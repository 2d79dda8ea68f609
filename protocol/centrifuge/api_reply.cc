#include "protocol/centrifuge/api.h"
#include "protocol/json/object_writer.h"

namespace tickcast::protocol {
namespace {

// {"offset":…,"epoch":…}, both only where the channel has a history.
void AppendPublishResult(const ApiPublishResult& result, std::string& out) {
  ObjectWriter writer(out);
  writer.NumberUnlessZero("offset", result.offset);
  writer.QuotedUnlessEmpty("epoch", result.epoch);
  writer.Close();
}

// {"responses":[{"result":{…}},{"error":{…}},…]}
void AppendBroadcastResult(std::span<const ApiPublishResult> results, std::string& out) {
  ObjectWriter writer(out);
  AppendArray(results, writer.Member("responses"),
              [](const ApiPublishResult& result, std::string& element) {
                ObjectWriter response(element);
                if (result.error == ApiError::kNone) {
                  AppendPublishResult(result, response.Member("result"));
                } else {
                  AppendApiError(result.error, response.Member("error"));
                }
                response.Close();
              });
  writer.Close();
}

}  // namespace

void AppendApiError(ApiError error, std::string& out) {
  ObjectWriter writer(out);
  writer.Number("code", static_cast<std::uint32_t>(error));
  writer.Quoted("message", MessageOf(error));
  writer.Close();
}

ApiReplyWriter::ApiReplyWriter(ApiEndpoint endpoint, std::string& out)
    : endpoint_(endpoint), out_(out) {}

// Opens a reply up to where its `error` or its outcome goes; the caller closes the object.
void ApiReplyWriter::BeginReply(const ApiCommand& command) {
  switch (endpoint_) {
    case ApiEndpoint::kPublish:
    case ApiEndpoint::kBroadcast:
      out_ += '{';
      break;
    case ApiEndpoint::kBatch:
      out_ += replies_ == 0 ? R"({"replies":[{)" : ",{";
      break;
    case ApiEndpoint::kLegacy:
      out_ += replies_ == 0 ? "{" : "\n{";
      if (command.id != 0) {
        out_ += R"("id":)";
        AppendNumber(command.id, out_);
        out_ += ',';
      }
      break;
  }
  ++replies_;
}

void ApiReplyWriter::Publish(const ApiCommand& command, const ApiPublishResult& result) {
  if (result.error != ApiError::kNone) return Error(command, result.error);
  BeginReply(command);
  // A batch names the outcome for its method, the others have only one to tell.
  out_ += endpoint_ == ApiEndpoint::kBatch ? R"("publish":)" : R"("result":)";
  AppendPublishResult(result, out_);
  out_ += '}';
}

void ApiReplyWriter::Broadcast(const ApiCommand& command,
                               std::span<const ApiPublishResult> results) {
  BeginReply(command);
  out_ += endpoint_ == ApiEndpoint::kBatch ? R"("broadcast":)" : R"("result":)";
  AppendBroadcastResult(results, out_);
  out_ += '}';
}

void ApiReplyWriter::Error(const ApiCommand& command, ApiError error) {
  BeginReply(command);
  out_ += R"("error":)";
  AppendApiError(error, out_);
  out_ += '}';
}

void ApiReplyWriter::Finish() {
  if (endpoint_ == ApiEndpoint::kBatch) out_ += replies_ == 0 ? "{}" : "]}";
}

}  // namespace tickcast::protocol
