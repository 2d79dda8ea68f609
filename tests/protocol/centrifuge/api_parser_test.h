// ApiRequestParserTest: a parser of the server API's requests, and bodies for it.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "protocol/centrifuge/api.h"
#include "protocol/json/payload.h"

namespace tickcast::protocol {

class ApiRequestParserTest : public testing::Test {
 protected:
  // Parses from a buffer that is overwritten afterwards: views may not point into it.
  ApiVerdict Parse(ApiEndpoint endpoint, std::string_view body) {
    std::string padded = std::string(body) + std::string(kJsonPaddingBytes, '"');
    const ApiVerdict verdict =
        parser_.Parse(endpoint, std::string_view(padded).substr(0, body.size()));
    padded.assign(padded.size(), '#');
    EXPECT_TRUE(verdict == ApiVerdict::kOk || parser_.commands().empty());
    return verdict;
  }

  const ApiCommand& One(ApiEndpoint endpoint, std::string_view body) {
    EXPECT_EQ(Parse(endpoint, body), ApiVerdict::kOk) << body;
    EXPECT_EQ(parser_.commands().size(), 1U) << body;
    return parser_.commands()[0];
  }

  ApiRequestParser parser_;
};

}  // namespace tickcast::protocol
