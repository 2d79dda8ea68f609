// docs/openapi.json and the code say the same: every path, every member of a request and of a
// reply, in both directions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <re2/re2.h>
#include <simdjson.h>

#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/centrifuge/api.h"
#include "protocol/centrifuge/api_reply.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

std::string ReadSource(const std::string& path) {
  std::ifstream file(std::string(TICKCAST_SOURCE_ROOT) + "/" + path);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

class OpenApiTest : public testing::Test {
 protected:
  OpenApiTest() : text_(ReadSource("docs/openapi.json")) {
    EXPECT_EQ(parser_.parse(text_).get(document_), simdjson::SUCCESS);
  }

  element At(std::string_view pointer) {
    element found;
    EXPECT_EQ(document_.at_pointer(pointer).get(found), simdjson::SUCCESS) << pointer;
    return found;
  }
  // What a schema says, its reference followed.
  element Resolve(element schema) {
    std::string_view reference;
    if (schema["$ref"].get(reference) != simdjson::SUCCESS) return schema;
    return At(reference.substr(1));
  }
  // Names and schemas of an object's members; of an array's elements', or a map's values'.
  std::map<std::string, element> MembersOf(element schema) {
    std::map<std::string, element> members;
    schema = Resolve(schema);
    for (const char* const inner : {"items", "additionalProperties"}) {
      element of_each;
      if (schema[inner].get(of_each) == simdjson::SUCCESS) return MembersOf(of_each);
    }
    object properties;
    if (schema["properties"].get(properties) != simdjson::SUCCESS) return members;
    for (const auto& [name, value] : properties) members.emplace(name, value);
    return members;
  }
  element RequestOf(ApiMethod method) {
    return At("/paths/~1" + std::string(NameOf(method)) +
              "/post/requestBody/content/application~1json/schema");
  }
  element ResponseOf(std::string_view path) {
    return At("/paths/~1" + std::string(path) +
              "/post/responses/200/content/application~1json/schema");
  }

  // Whether the parser looks at a member: it refuses at least one of two types then.
  bool Reads(ApiMethod method, const std::string& begin, const std::string& name,
             const std::string& end) {
    for (const char* const value : {"1", "\"x\""}) {
      const std::string body = begin + "\"" + name + "\":" + value + end;
      const std::string padded = body + std::string(kJsonPaddingBytes, ' ');
      if (requests_.Parse({ApiForm::kSingle, method},
                          std::string_view(padded).substr(0, body.size())) ==
          ApiVerdict::kBadRequest) {
        return true;
      }
    }
    return false;
  }

  std::string text_;
  simdjson::dom::parser parser_;
  element document_;
  ApiRequestParser requests_;
};

// Members that take any JSON, so that no type is wrong; `params` is passed over.
const std::set<std::string> kAnyJson = {"data", "info", "params"};

// Every name that the decoder compares a member's with.
std::set<std::string> NamesInTheDecoder() {
  const std::string source = ReadSource("protocol/centrifuge/api_members.cc");
  const RE2 comparison("name [=!]= \"([a-z0-9_]+)\"");
  std::set<std::string> names;
  re2::StringPiece rest(source);
  for (std::string name; RE2::FindAndConsume(&rest, comparison, &name);) names.insert(name);
  EXPECT_GT(names.size(), 30u);
  return names;
}

TEST_F(OpenApiTest, EveryEndpointHasItsPath) {
  std::set<std::string> paths;
  object in_document;
  ASSERT_EQ(document_["paths"].get(in_document), simdjson::SUCCESS);
  for (const auto& [path, item] : in_document) {
    const std::string name(path);
    const auto endpoint = ApiEndpointAt(name == "/" ? "" : name);
    EXPECT_TRUE(endpoint.has_value()) << name;
    element post;
    EXPECT_EQ(item["post"].get(post), simdjson::SUCCESS) << name;
    paths.insert(name);
  }
  std::set<std::string> expected = {"/", "/batch"};
  for (int i = 0; i < kApiMethods; ++i) {
    expected.insert("/" + std::string(NameOf(static_cast<ApiMethod>(i))));
  }
  EXPECT_EQ(paths, expected);
}

TEST_F(OpenApiTest, RequestsHaveTheMembersThatAreRead) {
  const std::set<std::string> names = NamesInTheDecoder();
  for (int i = 0; i < kApiMethods; ++i) {
    const auto method = static_cast<ApiMethod>(i);
    SCOPED_TRACE(NameOf(method));
    const std::map<std::string, element> members = MembersOf(RequestOf(method));
    for (const auto& [name, schema] : members) {
      if (kAnyJson.contains(name)) continue;
      EXPECT_TRUE(names.contains(name)) << name;
      EXPECT_TRUE(Reads(method, "{", name, "}")) << name;
      // What is in an object, and what is in that.
      for (const auto& [inner, inner_schema] : MembersOf(schema)) {
        EXPECT_TRUE(Reads(method, "{\"" + name + "\":{", inner, "}}")) << name << '.' << inner;
        for (const auto& [innermost, unused] : MembersOf(inner_schema)) {
          EXPECT_TRUE(Reads(method, "{\"" + name + "\":{\"" + inner + "\":{", innermost, "}}}"))
              << name << '.' << inner << '.' << innermost;
        }
      }
    }
    for (const std::string& name : names) {
      if (!members.contains(name)) {
        EXPECT_FALSE(Reads(method, "{", name, "}")) << name;
      }
      for (const auto& [outer, schema] : members) {
        const bool told = kAnyJson.contains(outer) || outer == "tags" ||
                          MembersOf(schema).contains(name) ||
                          // What refuses any object does not read its members.
                          Reads(method, "{\"" + outer + "\":{", "nothing", "}}");
        if (!told) {
          EXPECT_FALSE(Reads(method, "{\"" + outer + "\":{", name, "}}")) << outer << '.' << name;
        }
      }
    }
  }
}

// Members that take anything are seen by what becomes of them.
TEST_F(OpenApiTest, RequestsHaveThePayloadsThatAreRead) {
  for (int i = 0; i < kApiMethods; ++i) {
    const auto method = static_cast<ApiMethod>(i);
    if (method == ApiMethod::kRpc) continue;
    SCOPED_TRACE(NameOf(method));
    const std::map<std::string, element> members = MembersOf(RequestOf(method));
    const std::string body =
        R"({"channel":"c","channels":["c"],"key":"k","version":1,"user":"u","uid":"u",)"
        R"("data":"a","info":"b"})";
    const std::string padded = body + std::string(kJsonPaddingBytes, ' ');
    ASSERT_EQ(requests_.Parse({ApiForm::kSingle, method},
                              std::string_view(padded).substr(0, body.size())),
              ApiVerdict::kOk);
    const ApiCommand& command = requests_.commands()[0];
    ASSERT_EQ(command.error, ApiError::kNone);
    EXPECT_EQ(members.contains("data"), command.data == "\"a\"");
    EXPECT_EQ(members.contains("info"), command.info == "\"b\"");
  }
}

TEST_F(OpenApiTest, ABatchTakesAndAnswersEveryMethod) {
  const auto commands =
      MembersOf(MembersOf(At("/paths/~1batch/post/requestBody/content/application~1json/schema"))
                    .at("commands"));
  const auto replies = MembersOf(MembersOf(ResponseOf("batch")).at("replies"));
  EXPECT_TRUE(replies.contains("error"));
  EXPECT_EQ(commands.size(), static_cast<std::size_t>(kApiMethods));
  EXPECT_EQ(replies.size(), commands.size() + 1);
  for (int i = 0; i < kApiMethods; ++i) {
    const std::string name(NameOf(static_cast<ApiMethod>(i)));
    EXPECT_TRUE(commands.contains(name)) << name;
    EXPECT_TRUE(replies.contains(name)) << name;
  }
}

class OpenApiReplyTest : public OpenApiTest {
 protected:
  // That `reply`, in which nothing is left out, has the members of `schema`, and no others.
  void ExpectSame(element schema, element reply, const std::string& where) {
    schema = Resolve(schema);
    simdjson::dom::array elements;
    if (reply.get(elements) == simdjson::SUCCESS) {
      for (const element each : elements) ExpectSame(schema["items"], each, where + "[]");
      EXPECT_NE(elements.size(), 0u) << where;
      return;
    }
    object members;
    if (reply.get(members) != simdjson::SUCCESS) return;
    element of_each;
    if (schema["additionalProperties"].get(of_each) == simdjson::SUCCESS) {
      for (const auto& [name, value] : members) ExpectSame(of_each, value, where + "{}");
      return;
    }
    object properties;
    if (schema["properties"].get(properties) != simdjson::SUCCESS) return;  // Any JSON.
    std::set<std::string> told, written;
    for (const auto& [name, value] : properties) told.insert(std::string(name));
    for (const auto& [name, value] : members) written.insert(std::string(name));
    EXPECT_EQ(told, written) << where;
    for (const auto& [name, value] : members) {
      if (told.contains(std::string(name))) {
        ExpectSame(schema["properties"][name], value, where + "." + std::string(name));
      }
    }
  }

  template <typename Write>
  void ExpectReply(ApiMethod method, Write&& write) {
    std::string body;
    ApiReplyWriter writer(ApiForm::kSingle, body);
    write(writer);
    writer.Finish();
    simdjson::dom::parser parser;
    element reply, outcome;
    ASSERT_EQ(parser.parse(body).get(reply), simdjson::SUCCESS) << body;
    const bool failed = reply["error"].get(outcome) == simdjson::SUCCESS;
    if (!failed) {
      ASSERT_EQ(reply["result"].get(outcome), simdjson::SUCCESS) << body;
    }
    const std::string name = failed ? "error" : "result";
    ExpectSame(MembersOf(ResponseOf(NameOf(method))).at(name), outcome,
               std::string(NameOf(method)) + "." + name);
  }
};

TEST_F(OpenApiReplyTest, RepliesHaveTheMembersThatAreWritten) {
  const ApiCommand none;
  const ClientInfo client = {"u", "c", "1", "2"};
  const ApiPublishResult published = {ApiError::kNone, 1, "e"};
  const PublicationView publication = {
      .data = "1", .info = client, .offset = 1, .tags = R"({"a":"b"})"};
  const ApiNode node = {"u", "n", "v", 1, 1, 1, 1, 1, 60, 1, 1};
  const ApiChannel channel = {"c", 1};
  using enum ApiMethod;
  ExpectReply(kPublish, [&](auto& w) { w.Publish(none, published); });
  ExpectReply(kPresence, [&](auto& w) { w.Presence(none, {&client, 1}); });
  ExpectReply(kPresenceStats, [&](auto& w) { w.PresenceStats(none, 1, 1); });
  ExpectReply(kHistory, [&](auto& w) {
    w.History(none, {.publications = {&publication, 1}, .epoch = "e", .offset = 1});
  });
  ExpectReply(kInfo, [&](auto& w) { w.Info(none, node); });
  ExpectReply(kChannels, [&](auto& w) { w.Channels(none, {&channel, 1}); });
  const ApiMapEntry entry = {"k", "1", R"({"a":"b"})", 1, true, 1};
  const ApiMapPage page = {{&entry, 1}, 1, "e", "cu"};
  for (const ApiMethod method : {kMapPublish, kMapRemove}) {
    ExpectReply(method, [&](auto& w) { w.MapWritten(none, {1, "e", "version"}); });
  }
  ExpectReply(kMapReadState, [&](auto& w) { w.MapRead(none, page); });
  ExpectReply(kMapReadStream, [&](auto& w) {
    w.MapRead(none, {.entries = page.entries, .offset = 1, .epoch = "e"});
  });
  ExpectReply(kMapStats, [&](auto& w) { w.MapStats(none, 1); });
  for (const ApiMethod method :
       {kSubscribe, kUnsubscribe, kDisconnect, kRefresh, kHistoryRemove, kMapClear,
        kSharedPollPublish, kBlockUser, kUnblockUser, kRevokeToken, kInvalidateUserTokens}) {
    ExpectReply(method, [&](auto& w) { w.Done(none); });
  }
  for (int i = 0; i < kApiMethods; ++i) {
    ExpectReply(static_cast<ApiMethod>(i), [&](auto& w) { w.Error(none, ApiError::kInternal); });
  }
  // A response of a broadcast has one of its two members.
  const auto responses =
      MembersOf(MembersOf(MembersOf(ResponseOf("broadcast")).at("result")).at("responses"));
  EXPECT_EQ(responses.size(), 2u);
  EXPECT_TRUE(responses.contains("result"));
  EXPECT_TRUE(responses.contains("error"));
}

TEST_F(OpenApiTest, ErrorCodesAreThoseOfTheCode) {
  std::vector<std::uint32_t> codes;
  for (const element code : At("/components/schemas/Error/properties/code/enum")) {
    std::uint64_t number = 0;
    ASSERT_EQ(code.get(number), simdjson::SUCCESS);
    EXPECT_NE(MessageOf(static_cast<ApiError>(number)), "") << number;
    codes.push_back(static_cast<std::uint32_t>(number));
  }
  EXPECT_THAT(codes, testing::ElementsAre(100, 102, 104, 107, 108, 112, 113));
}

}  // namespace
}  // namespace tickcast::protocol
