// LoadPem(): a certificate or key as operators give it: PEM text, base64 of it, or the name of a
// file with it.
// Source: RFC 7468; internal/configtypes/pem.go of github.com/centrifugal/centrifugo.
// Threading: reads the file on the thread of the caller: at the start only.
#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace tickcast::engine {

inline constexpr std::size_t kMaxPemBytes = 1024 * 1024;

// The text, which holds at least one block whose label ends with `label` ("CERTIFICATE", "PRIVATE
// KEY"); or what is wrong with `value`, without repeating it, as it may be a secret.
absl::StatusOr<std::string> LoadPem(const std::string& value, std::string_view label);

}  // namespace tickcast::engine
