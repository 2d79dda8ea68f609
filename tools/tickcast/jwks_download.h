// The keys behind client.token.jwks_public_endpoint, for a program that has no server running.
// Threading: one thread; waits for the answer.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "protocol/jwt/key_set.h"

namespace tickcast::tools {

// Waits 10 s at most. Fails when nobody answers with 200 and a JWKS document.
absl::StatusOr<std::shared_ptr<const protocol::KeySet>> DownloadJwks(const std::string& url);

}  // namespace tickcast::tools
