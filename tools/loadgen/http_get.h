// HttpGet: one page of the server under test, fetched by a connection of its own.
// Threading: blocks its thread, for a few seconds at most.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "engine/uring_connector.h"

namespace tickcast::loadgen {

// The body of a response of status 200. Unavailable when there is none.
absl::StatusOr<std::string> HttpGet(const engine::Endpoint& server, const std::string& path);

// The body of `response`, read to its end. DataLoss when it is cut short or of no known form,
// Unavailable when its status is not 200.
absl::StatusOr<std::string> ReadBody(std::string_view response);

}  // namespace tickcast::loadgen
