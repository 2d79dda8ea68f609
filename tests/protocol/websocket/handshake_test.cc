#include "protocol/websocket/handshake.h"

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tickcast::protocol {
namespace {

constexpr std::string_view kSampleKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kSampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct Request {
  std::string line = "GET /chat HTTP/1.1";
  std::string upgrade = "Upgrade: websocket\r\n";
  std::string connection = "Connection: Upgrade\r\n";
  std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  std::string version = "Sec-WebSocket-Version: 13\r\n";
  std::string more;
};

struct Checked {
  int status = 0;
  std::string accept_key;
  std::string subprotocol;
  std::string response;  // Of an upgrade.
};

template <std::size_t kSize>
std::string Text(const std::array<char, kSize>& characters) {
  return {characters.begin(), characters.end()};
}

Checked Check(const Request& request, std::vector<std::string_view> spoken = {kJsonSubprotocol}) {
  const std::string bytes = request.line + "\r\nHost: server.example.com\r\n" + request.upgrade +
                            request.connection + request.key + request.version + request.more +
                            "\r\n";
  RequestHead head;
  EXPECT_EQ(ParseRequestHead(bytes, head).verdict, HeadVerdict::kComplete) << bytes;
  const ServerHandshake handshake = CheckUpgrade(head, spoken);
  EXPECT_EQ(handshake.reason.empty(), handshake.status == 101);
  Checked checked{.status = handshake.status,
                  .accept_key = Text(handshake.accept_key),
                  .subprotocol = std::string(handshake.subprotocol)};
  if (checked.status == 101) AppendUpgradeResponse(handshake, checked.response);
  return checked;
}

TEST(HandshakeTest, AnswersTheSampleOfTheRfc) {
  EXPECT_EQ(Text(AcceptKey(kSampleKey)), kSampleAccept);
  const Checked checked = Check({});
  EXPECT_EQ(checked.status, 101);
  EXPECT_EQ(checked.accept_key, kSampleAccept);
  EXPECT_EQ(checked.subprotocol, "");
  EXPECT_EQ(checked.response,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
}

TEST(HandshakeTest, MakesAKeyOfRandomBytes) {
  constexpr std::string_view kNonce = "the sample nonce";
  EXPECT_EQ(Text(MakeKey(std::as_bytes(std::span<const char, 16>(kNonce.data(), 16)))), kSampleKey);
}

TEST(HandshakeTest, TakesListsAndAnyCase) {
  EXPECT_EQ(Check({.upgrade = "upgrade: h2c, WebSocket\r\n"}).status, 101);
  EXPECT_EQ(Check({.connection = "Connection: keep-alive, UPGRADE\r\n"}).status, 101);
  EXPECT_EQ(Check({.connection = "Connection: keep-alive\r\nConnection: upgrade\r\n"}).status, 101);
  EXPECT_EQ(Check({.more = "Content-Length: 0\r\n"}).status, 101);
}

TEST(HandshakeTest, RefusesWhatIsNoUpgrade) {
  EXPECT_EQ(Check({.line = "POST /chat HTTP/1.1"}).status, 405);
  EXPECT_EQ(Check({.line = "HEAD /chat HTTP/1.1"}).status, 405);
  EXPECT_EQ(Check({.line = "GET /chat HTTP/1.0"}).status, 400);
  EXPECT_EQ(Check({.upgrade = ""}).status, 426);
  EXPECT_EQ(Check({.upgrade = "Upgrade: h2c\r\n"}).status, 426);
  EXPECT_EQ(Check({.connection = ""}).status, 400);
  EXPECT_EQ(Check({.connection = "Connection: keep-alive\r\n"}).status, 400);
  EXPECT_EQ(Check({.more = "Content-Length: 1\r\n"}).status, 400);
}

TEST(HandshakeTest, SpeaksVersion13Only) {
  EXPECT_EQ(Check({.version = ""}).status, 426);
  for (const std::string_view version : {"", "8", "12", "14", "013", "13, 8", "13.0"}) {
    EXPECT_EQ(Check({.version = "Sec-WebSocket-Version: " + std::string(version) + "\r\n"}).status,
              426)
        << version;
  }
  const std::string line = Request{}.version;
  EXPECT_EQ(Check({.version = line + line}).status, 426);
}

TEST(HandshakeTest, NeedsOneKeyOf16Bytes) {
  EXPECT_EQ(Check({.key = ""}).status, 400);
  for (const std::string_view key : {
           "",
           "dGhlIHNhbXBsZSBub25jZQ",
           "dGhlIHNhbXBsZSBub25jZQ=",
           "dGhlIHNhbXBsZSBub25jZQ===",
           "dGhlIHNhbXBsZSBub25jZQA=",  // 17 bytes.
           "dGhlIHNhbXBsZSBub25jAAAA",  // 18 bytes.
           "dGhlIHNhbXBsZSBub25j====",
           "dGhlIHNhbXBsZSBub25jZQ..",
           "dGhlIHNhbXBsZSBub25-ZQ==",
           "dGhl IHNh bXBsZSBub25jZQ",
       }) {
    EXPECT_EQ(Check({.key = "Sec-WebSocket-Key: " + std::string(key) + "\r\n"}).status, 400) << key;
  }
  const std::string line = Request{}.key;
  EXPECT_EQ(Check({.key = line + line}).status, 400);
}

TEST(HandshakeTest, TakesTheFirstSubprotocolItSpeaks) {
  const auto chosen = [](std::string_view offer, std::vector<std::string_view> spoken) {
    const Checked checked =
        Check({.more = "Sec-WebSocket-Protocol: " + std::string(offer) + "\r\n"}, spoken);
    EXPECT_EQ(checked.status, 101);
    EXPECT_EQ(checked.response.find("Sec-WebSocket-Protocol: ") == std::string::npos,
              checked.subprotocol.empty());
    return checked.subprotocol;
  };
  const std::vector<std::string_view> json = {kJsonSubprotocol};
  const std::vector<std::string_view> both = {kJsonSubprotocol, kProtobufSubprotocol};
  EXPECT_EQ(chosen("centrifuge-json", json), "centrifuge-json");
  EXPECT_EQ(chosen("x,\tcentrifuge-json ", json), "centrifuge-json");
  EXPECT_EQ(chosen("x\r\nSec-WebSocket-Protocol: centrifuge-json", json), "centrifuge-json");
  EXPECT_EQ(chosen("Centrifuge-JSON", json), "");
  EXPECT_EQ(chosen("centrifuge-protobuf", json), "");
  EXPECT_EQ(chosen("centrifuge-protobuf, centrifuge-json", both), "centrifuge-protobuf");
  EXPECT_EQ(chosen("centrifuge-json", {}), "");
  EXPECT_EQ(chosen("", both), "");
  EXPECT_EQ(chosen(",,", both), "");
}

constexpr UpgradeRequest kRequest = {
    .host = "h:1", .target = "/p?q", .key = kSampleKey, .subprotocols = "x, centrifuge-json"};

TEST(HandshakeTest, AServerTakesTheRequestOfAClient) {
  const HeaderField more[] = {{"Origin", "http://h"}};
  UpgradeRequest request = kRequest;
  request.headers = more;
  std::string bytes;
  AppendUpgradeRequest(request, bytes);
  RequestHead head;
  const HeadResult result = ParseRequestHead(bytes, head);
  ASSERT_EQ(result.verdict, HeadVerdict::kComplete);
  EXPECT_EQ(result.head_bytes, bytes.size());
  EXPECT_EQ(head.target, "/p?q");
  EXPECT_EQ(head.Find("Host"), "h:1");
  EXPECT_EQ(head.Find("Origin"), "http://h");
  const ServerHandshake handshake = CheckUpgrade(head);
  EXPECT_EQ(handshake.status, 101);
  EXPECT_EQ(Text(handshake.accept_key), kSampleAccept);
  EXPECT_EQ(handshake.subprotocol, "centrifuge-json");

  std::string response;
  AppendUpgradeResponse(handshake, response);
  const UpgradeAnswer answer = CheckUpgradeAnswer(response + "frames", kRequest);
  EXPECT_EQ(answer.verdict, UpgradeAnswer::Verdict::kAccepted) << answer.reason;
  EXPECT_EQ(answer.head_bytes, response.size());
  EXPECT_EQ(answer.status, 101);
  for (std::size_t cut = 0; cut < response.size(); ++cut) {
    EXPECT_EQ(CheckUpgradeAnswer(std::string_view(response).substr(0, cut), kRequest).verdict,
              UpgradeAnswer::Verdict::kNeedMore)
        << "cut at " << cut;
  }

  bytes.clear();
  AppendUpgradeRequest({.host = "h", .target = "/", .key = kSampleKey}, bytes);
  EXPECT_EQ(bytes.find("Sec-WebSocket-Protocol"), std::string::npos);
}

struct Answer {
  std::string line = "HTTP/1.1 101 Switching Protocols\r\n";
  std::string upgrade = "Upgrade: WebSocket\r\n";
  std::string connection = "Connection: upgrade\r\n";
  std::string accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
  std::string more;
};

UpgradeAnswer::Verdict VerdictOf(const Answer& answer, const UpgradeRequest& request = kRequest) {
  const std::string bytes =
      answer.line + answer.upgrade + answer.connection + answer.accept + answer.more + "\r\n";
  const UpgradeAnswer checked = CheckUpgradeAnswer(bytes, request);
  EXPECT_EQ(checked.reason.empty(), checked.verdict != UpgradeAnswer::Verdict::kBad);
  return checked.verdict;
}

TEST(HandshakeTest, AClientRefusesA101ThatDoesNotFit) {
  using Verdict = UpgradeAnswer::Verdict;
  EXPECT_EQ(VerdictOf({}), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf({.line = "HTTP/1.1 101\r\n"}), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf({.upgrade = ""}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.connection = "Connection: close\r\n"}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.accept = ""}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.accept = "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"}),
            Verdict::kBad);
  EXPECT_EQ(VerdictOf({.accept = Answer{}.accept + Answer{}.accept}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.more = "Sec-WebSocket-Extensions: permessage-deflate\r\n"}), Verdict::kBad);
  const Answer chosen = {.more = "Sec-WebSocket-Protocol: centrifuge-json\r\n"};
  EXPECT_EQ(VerdictOf(chosen), Verdict::kAccepted);
  EXPECT_EQ(VerdictOf(chosen, {.host = "h", .target = "/", .key = kSampleKey}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.more = "Sec-WebSocket-Protocol: y\r\n"}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.more = chosen.more + chosen.more}), Verdict::kBad);
}

TEST(HandshakeTest, AClientTellsARefusalFromGarbage) {
  using Verdict = UpgradeAnswer::Verdict;
  EXPECT_EQ(CheckUpgradeAnswer("HTTP/1.1 403 Forbidden\r\n\r\n", kRequest).status, 403);
  EXPECT_EQ(VerdictOf({.line = "HTTP/1.1 403 Forbidden\r\n"}), Verdict::kRefused);
  EXPECT_EQ(VerdictOf({.line = "HTTP/1.0 503 \r\n"}), Verdict::kRefused);
  for (const std::string_view line : {"HTTP/1.1 099", "HTTP/1.1 10", "HTTP/1.1 1011",
                                      "HTTP/2.0 101", "HTTP/1.1  101", "101", "", "SSH-2.0-x"}) {
    EXPECT_EQ(VerdictOf({.line = std::string(line) + "\r\n"}), Verdict::kBad) << line;
  }
  EXPECT_EQ(VerdictOf({.line = "HTTP/1.1 101 x\n"}), Verdict::kBad);
  EXPECT_EQ(VerdictOf({.upgrade = " folded\r\n"}), Verdict::kBad);
  EXPECT_EQ(CheckUpgradeAnswer("\x16\x03", kRequest).verdict, Verdict::kBad);
}

}  // namespace
}  // namespace tickcast::protocol
