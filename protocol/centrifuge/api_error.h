// ApiError: what the server API answers where a command cannot be done.
//
// 104 and 113 have other texts than those of the client protocol.
// Source: internal/apiproto/errors.go of github.com/centrifugal/centrifugo 6.9.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tickcast::protocol {

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
    case ApiError::kNotFound:
      return 404;
    case ApiError::kBadRequest:
    case ApiError::kNotAvailable:
      return 400;
    case ApiError::kUnrecoverablePosition:
      return 416;
    case ApiError::kConflict:
      return 409;
  }
  return 500;
}

// {"code":…,"message":…}: also the whole body of an answer under
// `X-Centrifugo-Error-Mode: transport`, sent with HttpStatusOf(error).
void AppendApiError(ApiError error, std::string& out);

}  // namespace tickcast::protocol
