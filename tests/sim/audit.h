// Audit: what was published in a simulated world, and so what a subscriber has to receive.
//
// Each source numbers its publications to a channel 1, 2, 3 …, so a hole, a repetition or a change
// of order shows wherever it comes about. Sources of one channel are mixed by its home shard alone;
// where the channel has offsets, all that saw one of them must have seen the same publication.
// Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace tickcast::shards::sim {

enum class ChannelType {
  kState,
  kFlow,  // A stream without history: whoever misses something has missed it.
  kLog,   // A stream with history.
};

class Audit {
 public:
  using SourceId = std::uint32_t;

  struct ChannelFacts {
    ChannelType type = ChannelType::kState;
    std::uint64_t history_size = 0;  // kLog.
    std::vector<SourceId> sources;
    std::string epoch;                           // As the first to learn it was told.
    std::map<std::uint64_t, Payload> by_offset;  // kLog, as far as anybody saw it.
    std::map<SourceId, std::uint64_t> newest;    // Highest number that anybody saw.
  };

  void AddChannel(const std::string& name, ChannelType type, std::uint64_t history_size = 0);
  const std::vector<std::string>& channels() const { return names_; }
  ChannelFacts& channel(const std::string& name) { return channels_.at(name); }

  SourceId AddSource(const std::string& channel);
  // What the source is about to publish; counted as sent by Sent().
  Payload Next(SourceId source) const { return {source, sources_[source].sent + 1}; }
  void Sent(SourceId source) { ++sources_[source].sent; }
  // The server has said that it took publication `number`.
  void Acknowledged(SourceId source, std::uint64_t number);
  std::uint64_t sent(SourceId source) const { return sources_[source].sent; }
  const std::string& ChannelOf(SourceId source) const { return sources_[source].channel; }

  // Somebody has received this publication, pushed or in a reply.
  Payload Saw(const std::string& channel, const HeardPublication& publication);
  void SawEpoch(const std::string& channel, const std::string& epoch);

  // When all has been delivered: nobody's acknowledged publication is missing.
  void CheckComplete(const std::string& channel);

 private:
  struct Source {
    std::string channel;
    std::uint64_t sent = 0;
    std::uint64_t acknowledged = 0;
  };
  std::vector<std::string> names_;
  std::map<std::string, ChannelFacts> channels_;
  std::vector<Source> sources_;
};

}  // namespace tickcast::shards::sim
