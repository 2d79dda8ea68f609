#include "shards/http_responder.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/shards/http_test_world.h"

namespace tickcast::shards {
namespace {

using After = HttpResponder::Host::After;

TEST(HttpResponderTest, WritesHeadAndBodyIntoTheOutbox) {
  HttpTestWorld world;
  const HttpAsker asker = world.Client();
  const protocol::ResponseHeader headers[] = {{"ETag", "\"1\""}};
  world.responder_.Respond(asker, 200, "application/json", "{}", headers);
  const TestResponse response = world.ResponseTo(asker);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.at("Content-Type"), "application/json");
  EXPECT_EQ(response.headers.at("Content-Length"), "2");
  EXPECT_EQ(response.headers.at("ETag"), "\"1\"");
  EXPECT_EQ(response.headers.at("Connection"), "keep-alive");
  EXPECT_EQ(response.body, "{}");
  EXPECT_EQ(world.after(asker), After::kKeepAlive);
}

TEST(HttpResponderTest, HeadGetsTheSameHeadAndNoBody) {
  HttpTestWorld world;
  HttpAsker asker = world.Client();
  asker.head_only = true;
  world.responder_.Respond(asker, 200, "text/plain", "hello");
  EXPECT_EQ(world.ResponseTo(asker).headers.at("Content-Length"), "5");
  EXPECT_EQ(world.ResponseTo(asker).body, "");
}

TEST(HttpResponderTest, AnAskerThatIsGoneGetsNothingNorDoesItsSlotsNextTenant) {
  HttpTestWorld world;
  const HttpAsker asker = world.Client();
  world.connections_.Close(asker.slot);
  world.responder_.Respond(asker, 200, "text/plain", "hello");
  world.responder_.Refuse(asker, 404, "no");
  world.connections_.Open(asker.slot);
  world.responder_.Respond(asker, 200, "text/plain", "hello");
  world.responder_.Refuse(asker, 404, "no");
  EXPECT_FALSE(world.answered(asker));
  EXPECT_EQ(world.connections_[asker.slot].outbox, OutboxPool::kNone);
}

TEST(HttpResponderTest, WhatHappensToTheConnectionFollowsFromTheRequest) {
  struct Case {
    bool keep_alive;
    bool broken;
    After after;
    const char* connection;
  };
  const Case cases[] = {{true, false, After::kKeepAlive, "keep-alive"},
                        {false, false, After::kClose, "close"},
                        {true, true, After::kLinger, "close"},
                        {false, true, After::kLinger, "close"}};
  for (const Case& each : cases) {
    HttpTestWorld world;
    const HttpAsker asker = world.Client(each.keep_alive);
    world.responder_.Refuse(asker, 400, "Bad Request", each.broken);
    EXPECT_EQ(world.after(asker), each.after);
    const TestResponse response = world.ResponseTo(asker);
    EXPECT_EQ(response.status, 400);
    EXPECT_EQ(response.headers.at("Connection"), each.connection);
    EXPECT_EQ(response.body, "Bad Request\n");
    EXPECT_EQ(response.headers.at("Content-Length"), "12");
  }
}

}  // namespace
}  // namespace tickcast::shards
