// SimHttpPeer: a client of plain HTTP in a simulated world: sends requests, takes responses apart.
// Threading: as SimWorld.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/sim_peer.h"
#include "engine/sim_world.h"

namespace tickcast::shards::sim {

struct HttpResponse {
  int status = 0;
  std::string head;
  std::string body;
};

class SimHttpPeer {
 public:
  SimHttpPeer(engine::SimWorld& world, engine::SimRing& ring) : peer_(world.Connect(ring)) {}

  // `headers` are whole lines, each with its end.
  void Get(std::string_view target, std::string_view headers = {});
  void Post(std::string_view target, std::string_view body);
  void SendRaw(std::string_view bytes) { peer_.Send(bytes); }

  // All responses so far, in order. A body without its end is none yet.
  const std::vector<HttpResponse>& Responses();

  // What has come behind the last whole response.
  const std::string& rest() const { return input_; }

  engine::SimPeer& peer() { return peer_; }

 private:
  engine::SimPeer& peer_;
  std::string input_;
  std::vector<HttpResponse> responses_;
};

}  // namespace tickcast::shards::sim
