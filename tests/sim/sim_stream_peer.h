// SimStreamPeer: a client of a response without end in a simulated world: sends one request, and
// takes the chunks of the answer apart. What is no chunk is a failure at once.
// Threading: as SimWorld.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/sim_peer.h"
#include "engine/sim_world.h"

namespace tickcast::shards::sim {

class SimStreamPeer {
 public:
  SimStreamPeer(engine::SimWorld& world, engine::SimRing& ring) : peer_(world.Connect(ring)) {}

  void Post(std::string_view target, std::string_view body, std::string_view headers = {});
  void Get(std::string_view target);

  // Everything of the body so far.
  const std::string& Body();
  // The body cut at newlines; what has none yet is left out.
  std::vector<std::string> Lines();
  // The payloads of the events in it.
  std::vector<std::string> Events();

  // The head, once it is whole.
  const std::string& head() {
    Body();
    return head_;
  }
  // The last chunk has come.
  bool ended() {
    Body();
    return ended_;
  }
  engine::SimPeer& peer() { return peer_; }

 private:
  void TakeChunks();

  engine::SimPeer& peer_;
  std::string input_;  // Not taken apart yet.
  std::string head_;
  std::string body_;
  bool ended_ = false;
};

// The string member `name` of a line of JSON; "" where it has none.
std::string MemberOf(std::string_view line, std::string_view name);

}  // namespace tickcast::shards::sim
