#include "protocol/centrifuge/track_request.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "protocol/centrifuge/command.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TrackRequestTest : public testing::Test {
 protected:
  // In blocks of exactly their sizes, so that the address sanitizer sees a byte read too far.
  bool Parse(std::string_view track, std::string_view untrack = {}) {
    const auto first = std::make_unique<char[]>(track.size());
    const auto second = std::make_unique<char[]>(untrack.size());
    track.copy(first.get(), track.size());
    untrack.copy(second.get(), untrack.size());
    return parser_.Parse({first.get(), track.size()}, {second.get(), untrack.size()});
  }

  std::vector<std::string_view> signatures() const {
    std::vector<std::string_view> all;
    for (const TrackBatch& batch : parser_.batches()) all.push_back(batch.signature);
    return all;
  }

  void ExpectNothing() const {
    EXPECT_THAT(parser_.batches(), IsEmpty());
    EXPECT_THAT(parser_.items(), IsEmpty());
    EXPECT_THAT(parser_.untrack(), IsEmpty());
  }

  TrackRequestParser parser_;
};

TEST_F(TrackRequestTest, ReadsBatchesWithTheirItems) {
  ASSERT_TRUE(Parse(R"([{"signature":"s1","items":[{"key":"a","version":3},{"key":"b"}]},)"
                    R"({"items":[{"version":18446744073709551615,"key":"c"}],"signature":"s2"}])"));
  EXPECT_THAT(signatures(), ElementsAre("s1", "s2"));
  EXPECT_THAT(parser_.batches()[0].items, ElementsAre(TrackItem{"a", 3}, TrackItem{"b", 0}));
  EXPECT_THAT(parser_.batches()[1].items, ElementsAre(TrackItem{"c", 18446744073709551615U}));
  EXPECT_THAT(parser_.items(), ElementsAre(TrackItem{"a", 3}, TrackItem{"b", 0},
                                           TrackItem{"c", 18446744073709551615U}));
  EXPECT_THAT(parser_.untrack(), IsEmpty());
}

TEST_F(TrackRequestTest, ReadsWhatIsUntracked) {
  ASSERT_TRUE(Parse({}, R"(["a","","a","\u00e9\n\"x"])"));
  EXPECT_THAT(parser_.untrack(), ElementsAre("a", "", "a", "\xc3\xa9\n\"x"));
  EXPECT_THAT(parser_.batches(), IsEmpty());
  ASSERT_TRUE(Parse(R"([{"signature":"s","items":[{"key":"k"}]}])", R"(["u"])"));
  EXPECT_THAT(parser_.items(), ElementsAre(TrackItem{"k", 0}));
  EXPECT_THAT(parser_.untrack(), ElementsAre("u"));
}

TEST_F(TrackRequestTest, NothingAskedIsNothing) {
  for (const auto& [track, untrack] : {std::pair{"", ""}, {"[]", ""}, {"", "[]"}, {"[]", "[]"}}) {
    EXPECT_TRUE(Parse(track, untrack));
    ExpectNothing();
  }
}

TEST_F(TrackRequestTest, AbsentAndNullMembersAreEmpty) {
  ASSERT_TRUE(Parse(R"([{},{"signature":null,"items":null},{"items":[{},{"key":null}],"x":[1]}])",
                    "[null]"));
  EXPECT_THAT(signatures(), ElementsAre("", "", ""));
  EXPECT_THAT(parser_.batches()[0].items, IsEmpty());
  EXPECT_THAT(parser_.batches()[1].items, IsEmpty());
  EXPECT_THAT(parser_.batches()[2].items, ElementsAre(TrackItem{}, TrackItem{}));
  EXPECT_THAT(parser_.untrack(), ElementsAre(""));
}

TEST_F(TrackRequestTest, AMemberNamedTwiceCountsTheLastTime) {
  ASSERT_TRUE(Parse(R"([{"items":[{"key":"a"},{"key":"b"}],"signature":"s","signature":"t",)"
                    R"("items":[{"key":"c","key":"d"}]},{"items":[{"key":"e"}]}])"));
  EXPECT_THAT(signatures(), ElementsAre("t", ""));
  EXPECT_THAT(parser_.batches()[0].items, ElementsAre(TrackItem{"d", 0}));
  EXPECT_THAT(parser_.batches()[1].items, ElementsAre(TrackItem{"e", 0}));
}

TEST_F(TrackRequestTest, WrongTypesAreRefused) {
  for (const char* track :
       {"null", "{}", "1", "[null]", "[1]", "[[]]", R"(["s"])", R"([{"signature":1}])",
        R"([{"items":{}}])", R"([{"items":[null]}])", R"([{"items":["k"]}])",
        R"([{"items":[{"key":1}]}])", R"([{"items":[{"key":"k","version":-1}]}])",
        R"([{"items":[{"key":"k","version":1.5}]}])", R"([{"items":[{"key":"k","version":"1"}]}])",
        R"([{"items":[{"key":"k","version":18446744073709551616}]}])", R"([{}],"x":[])"}) {
    SCOPED_TRACE(track);
    ASSERT_TRUE(Parse(R"([{"items":[{"key":"k"}]}])", R"(["u"])"));
    EXPECT_FALSE(Parse(track));
    ExpectNothing();
  }
  for (const char* untrack : {"null", "{}", "\"k\"", "[1]", "[[]]", "[{}]"}) {
    EXPECT_FALSE(Parse(R"([{"items":[{"key":"k"}]}])", untrack)) << untrack;
    ExpectNothing();
  }
}

TEST_F(TrackRequestTest, CutAtEveryByteItIsRefused) {
  const std::string track =
      R"([{"signature":"s","items":[{"key":"a\n","version":3},{"key":"b"}]}])";
  for (std::size_t size = 1; size < track.size(); ++size) {
    EXPECT_FALSE(Parse(std::string_view(track).substr(0, size))) << size;
    ExpectNothing();
  }
  const std::string untrack = R"(["a","\u00e9"])";
  for (std::size_t size = 1; size < untrack.size(); ++size) {
    EXPECT_FALSE(Parse(track, std::string_view(untrack).substr(0, size))) << size;
  }
  EXPECT_TRUE(Parse(track, untrack));
}

// As many as a frame of 64 KiB can hold: nothing is cut off, and the views stay good while the list
// of them grows.
TEST_F(TrackRequestTest, ReadsAsManyAsAFrameHolds) {
  std::string track = "[";
  for (int batch = 0; batch < 20; ++batch) {
    track += batch == 0 ? R"({"signature":"s","items":[)" : R"(,{"signature":"s","items":[)";
    for (int key = 0; key < 500; ++key) {
      if (key != 0) track += ',';
      track += R"({"key":")" + std::to_string(batch * 500 + key) + "\"}";
    }
    track += "]}";
  }
  track += "]";
  ASSERT_TRUE(Parse(track));
  ASSERT_EQ(parser_.items().size(), 10'000u);
  for (std::size_t i = 0; i < 10'000; ++i) {
    ASSERT_EQ(parser_.batches()[i / 500].items[i % 500].key, std::to_string(i));
  }
}

// Both encodings of a command lead to the same batches.
TEST_F(TrackRequestTest, ReadsWhatCommandsHold) {
  constexpr std::string_view kJson =
      R"({"id":1,"sub_refresh":{"channel":"c","type":1,)"
      R"("track":[{"signature":"s","items":[{"key":"k","version":3},{"key":"l\u0001"}]}],)"
      R"("untrack":["u"]}})";
  // {1: 1, 15: {1: "c", 3: 1, 4: {1: "s", 2: {1: "k", 2: 3}, 2: {1: "l\1"}}, 5: "u"}}
  constexpr std::string_view kProtobuf(
      "\x1e\x08\x01\x7a\x1a\x0a\x01\x63\x18\x01\x22\x10\x0a\x01\x73\x12\x05\x0a\x01\x6b\x10\x03"
      "\x12\x04\x0a\x02\x6c\x01\x2a\x01\x75");
  for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    const std::string_view wire = encoding == Encoding::kJson ? kJson : kProtobuf;
    std::string frame(wire);
    frame.resize(frame.size() + kJsonPaddingBytes);
    CommandParser commands;
    commands.Begin({frame.data(), wire.size()}, encoding);
    ASSERT_EQ(commands.Next(), CommandVerdict::kCommand);
    const SubRefreshRequest& request = commands.command().sub_refresh;
    EXPECT_EQ(request.type, kSubRefreshTrack);
    ASSERT_TRUE(parser_.Parse(request.track, request.untrack));
    EXPECT_THAT(signatures(), ElementsAre("s"));
    EXPECT_THAT(parser_.items(), ElementsAre(TrackItem{"k", 3}, TrackItem{"l\1", 0}));
    EXPECT_THAT(parser_.untrack(), ElementsAre("u"));
  }
}

}  // namespace
}  // namespace tickcast::protocol
