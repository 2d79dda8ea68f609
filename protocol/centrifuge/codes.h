// The numbers of the Centrifuge protocol with their texts: errors in replies, reasons for closing,
// reasons for unsubscribing.
//
// SDKs act on the numbers and applications show the texts, so both are those of the original.
// Source: errors.go, disconnect.go and unsubscribe.go of github.com/centrifugal/centrifuge.
// Threading: constants.
#pragma once

#include <cstdint>
#include <string_view>

namespace tickcast::protocol {

// What a reply's `error.code` can say. 400 to 1999 belong to applications (proxies).
enum class ErrorCode : std::uint32_t {
  kInternal = 100,
  kUnauthorized = 101,
  kUnknownChannel = 102,
  kPermissionDenied = 103,
  kMethodNotFound = 104,
  kAlreadySubscribed = 105,
  kLimitExceeded = 106,
  kBadRequest = 107,
  kNotAvailable = 108,
  kTokenExpired = 109,
  kExpired = 110,
  kTooManyRequests = 111,
  kUnrecoverablePosition = 112,
  kConcurrentPagination = 113,
};

// Why the server closes a connection: the WebSocket close code, or the code of a disconnect push.
// 3000-3499 and 4000-4499: the SDK reconnects; 3500-3999 and 4500-4999: it does not.
enum class DisconnectCode : std::uint32_t {
  kConnectionClosed = 3000,  // Never sent: how a client's own leaving is counted.
  kShutdown = 3001,
  kServerError = 3004,
  kExpired = 3005,
  kSubscriptionExpired = 3006,
  kSlow = 3008,
  kWriteError = 3009,
  kInsufficientState = 3010,
  kForceReconnect = 3011,
  kNoPong = 3012,
  kTooManyRequests = 3013,
  kStateInvalidated = 3014,
  kInvalidToken = 3500,
  kBadRequest = 3501,
  kStale = 3502,
  kForceNoReconnect = 3503,
  kConnectionLimit = 3504,
  kChannelLimit = 3505,
  kInappropriateProtocol = 3506,
  kPermissionDenied = 3507,
  kNotAvailable = 3508,
  kTooManyErrors = 3509,
};

// Why a subscription ended. At 2500 and above the SDK subscribes again. The two below 2000 are
// never sent: they name the client's own doing in events and counters.
enum class UnsubscribeCode : std::uint32_t {
  kClient = 0,
  kDisconnect = 1,
  kServer = 2000,
  kInsufficientState = 2500,
  kExpired = 2501,
  kStateInvalidated = 2502,
};

struct ErrorInfo {
  ErrorCode code;
  std::string_view message;
  bool temporary;  // The SDK may try again.
};

struct DisconnectInfo {
  DisconnectCode code;
  std::string_view reason;
};

struct UnsubscribeInfo {
  UnsubscribeCode code;
  std::string_view reason;
};

inline constexpr ErrorInfo kErrors[] = {
    {ErrorCode::kInternal, "internal server error", true},
    {ErrorCode::kUnauthorized, "unauthorized", false},
    {ErrorCode::kUnknownChannel, "unknown channel", false},
    {ErrorCode::kPermissionDenied, "permission denied", false},
    {ErrorCode::kMethodNotFound, "method not found", false},
    {ErrorCode::kAlreadySubscribed, "already subscribed", false},
    {ErrorCode::kLimitExceeded, "limit exceeded", false},
    {ErrorCode::kBadRequest, "bad request", false},
    {ErrorCode::kNotAvailable, "not available", false},
    {ErrorCode::kTokenExpired, "token expired", false},
    {ErrorCode::kExpired, "expired", false},
    {ErrorCode::kTooManyRequests, "too many requests", true},
    {ErrorCode::kUnrecoverablePosition, "unrecoverable position", false},
    {ErrorCode::kConcurrentPagination, "concurrent pagination", true},
};

inline constexpr DisconnectInfo kDisconnects[] = {
    {DisconnectCode::kConnectionClosed, "connection closed"},
    {DisconnectCode::kShutdown, "shutdown"},
    {DisconnectCode::kServerError, "internal server error"},
    {DisconnectCode::kExpired, "connection expired"},
    {DisconnectCode::kSubscriptionExpired, "subscription expired"},
    {DisconnectCode::kSlow, "slow"},
    {DisconnectCode::kWriteError, "write error"},
    {DisconnectCode::kInsufficientState, "insufficient state"},
    {DisconnectCode::kForceReconnect, "force reconnect"},
    {DisconnectCode::kNoPong, "no pong"},
    {DisconnectCode::kTooManyRequests, "too many requests"},
    {DisconnectCode::kStateInvalidated, "state invalidated"},
    {DisconnectCode::kInvalidToken, "invalid token"},
    {DisconnectCode::kBadRequest, "bad request"},
    {DisconnectCode::kStale, "stale"},
    {DisconnectCode::kForceNoReconnect, "force disconnect"},
    {DisconnectCode::kConnectionLimit, "connection limit"},
    {DisconnectCode::kChannelLimit, "channel limit"},
    {DisconnectCode::kInappropriateProtocol, "inappropriate protocol"},
    {DisconnectCode::kPermissionDenied, "permission denied"},
    {DisconnectCode::kNotAvailable, "not available"},
    {DisconnectCode::kTooManyErrors, "too many errors"},
};

inline constexpr UnsubscribeInfo kUnsubscribes[] = {
    {UnsubscribeCode::kClient, "client unsubscribed"},
    {UnsubscribeCode::kDisconnect, "client disconnected"},
    {UnsubscribeCode::kServer, "server unsubscribe"},
    {UnsubscribeCode::kInsufficientState, "insufficient state"},
    {UnsubscribeCode::kExpired, "subscription expired"},
    // The original defines the number without a text; the text is that of its 3014.
    {UnsubscribeCode::kStateInvalidated, "state invalidated"},
};

// The table row of `code`. Every enumerator has one (checked by a static_assert in codes_test).
constexpr const ErrorInfo& InfoOf(ErrorCode code) {
  // 100 to 113 without a gap, so the row is an index.
  return kErrors[static_cast<std::uint32_t>(code) - 100];
}

constexpr std::string_view ReasonOf(DisconnectCode code) {
  for (const DisconnectInfo& row : kDisconnects) {
    if (row.code == code) return row.reason;
  }
  return "";
}

constexpr std::string_view ReasonOf(UnsubscribeCode code) {
  for (const UnsubscribeInfo& row : kUnsubscribes) {
    if (row.code == code) return row.reason;
  }
  return "";
}

// How a connect that fails with `code` ends where there is no reply to say so: on unidirectional
// transports. Source: defaultUniErrorCodeToDisconnect in client.go.
constexpr DisconnectCode DisconnectFor(ErrorCode code) {
  switch (code) {
    case ErrorCode::kExpired:
    case ErrorCode::kTokenExpired:
      return DisconnectCode::kExpired;
    case ErrorCode::kTooManyRequests:
      return DisconnectCode::kTooManyRequests;
    case ErrorCode::kPermissionDenied:
      return DisconnectCode::kPermissionDenied;
    default:
      return DisconnectCode::kServerError;
  }
}

// Whether an SDK comes back after this code by itself.
constexpr bool ReconnectsAfter(DisconnectCode code) {
  const auto number = static_cast<std::uint32_t>(code);
  return !((number >= 3500 && number < 4000) || (number >= 4500 && number < 5000));
}

}  // namespace tickcast::protocol
