// Preflight: one client in slow motion before thousands in a hurry, so that a dead port or a server
// of another protocol is named at once and in words.
// Threading: blocks its thread, for a few seconds at most.
#pragma once

#include "absl/status/status.h"
#include "engine/uring_connector.h"
#include "tools/loadgen/options.h"

namespace tickcast::loadgen {

// Connects, upgrades and sends a connect command. Unavailable when nobody listens or answers,
// FailedPrecondition when what listens there does not speak the protocol.
absl::Status CheckServer(const Options& options, const engine::Endpoint& server);

// The IPv4 address of options.host. InvalidArgument when it is none.
absl::StatusOr<engine::Endpoint> ParseEndpoint(const Options& options);

}  // namespace tickcast::loadgen
