#include "protocol/http/response.h"

#include <charconv>
#include <initializer_list>

namespace tickcast::protocol {
namespace {

void Append(std::initializer_list<std::string_view> parts, std::string& out) {
  for (const std::string_view part : parts) out += part;
}

void AppendNumber(std::uint64_t number, std::string& out) {
  char digits[20];
  const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), number);
  static_cast<void>(error);  // 20 digits hold every uint64.
  out.append(digits, end);
}

}  // namespace

std::string_view ReasonPhrase(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 411:
      return "Length Required";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

void AppendResponseHead(const ResponseHead& head, std::string& out) {
  out += "HTTP/1.1 ";
  AppendNumber(static_cast<std::uint64_t>(head.status), out);
  // The space stands even before an empty phrase.
  Append({" ", ReasonPhrase(head.status), "\r\n"}, out);
  if (!head.content_type.empty()) Append({"Content-Type: ", head.content_type, "\r\n"}, out);
  if (head.chunked) {
    out += "Transfer-Encoding: chunked\r\n";
  } else if (head.status != 204 && head.status != 304) {
    out += "Content-Length: ";
    AppendNumber(head.content_length, out);
    out += "\r\n";
  }
  for (const ResponseHeader& header : head.headers) {
    Append({header.name, ": ", header.value, "\r\n"}, out);
  }
  // Said in both cases: a client of HTTP/1.0 that asked for keep-alive closes without it.
  Append({"Connection: ", head.status == 426 ? "upgrade, " : "",
          head.keep_alive ? "keep-alive" : "close", "\r\n\r\n"},
         out);
}

}  // namespace tickcast::protocol
