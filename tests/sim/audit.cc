#include "tests/sim/audit.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tickcast::shards::sim {

void Audit::AddChannel(const std::string& name, ChannelType type, std::uint64_t history_size) {
  names_.push_back(name);
  channels_[name] = {.type = type, .history_size = history_size};
}

Audit::SourceId Audit::AddSource(const std::string& channel) {
  const auto id = static_cast<SourceId>(sources_.size());
  sources_.push_back({.channel = channel});
  channels_.at(channel).sources.push_back(id);
  return id;
}

void Audit::Acknowledged(SourceId source, std::uint64_t number) {
  EXPECT_EQ(number, ++sources_[source].acknowledged) << "publishes are answered in their order";
}

Payload Audit::Saw(const std::string& channel, const HeardPublication& publication) {
  const Payload payload = ReadPayload(publication.data);
  EXPECT_LT(payload.source, sources_.size());
  if (payload.source >= sources_.size()) return {};
  const Source& source = sources_[payload.source];
  EXPECT_EQ(source.channel, channel) << "a publication in another channel than its own";
  EXPECT_LE(payload.number, source.sent);
  ChannelFacts& facts = channels_.at(channel);
  std::uint64_t& newest = facts.newest[payload.source];
  newest = std::max(newest, payload.number);
  if (facts.type != ChannelType::kLog) {
    EXPECT_EQ(publication.offset, 0u) << "no history, no offsets";
    return payload;
  }
  const auto [known, is_new] = facts.by_offset.emplace(publication.offset, payload);
  EXPECT_TRUE(is_new ||
              (known->second.source == payload.source && known->second.number == payload.number))
      << channel << ": two publications with offset " << publication.offset;
  return payload;
}

void Audit::SawEpoch(const std::string& channel, const std::string& epoch) {
  std::string& known = channels_.at(channel).epoch;
  EXPECT_FALSE(epoch.empty());
  if (known.empty()) known = epoch;
  EXPECT_EQ(known, epoch) << channel;
}

void Audit::CheckComplete(const std::string& channel) {
  const ChannelFacts& facts = channels_.at(channel);
  // Where offsets follow on each other, so do the numbers of each source.
  std::map<SourceId, std::uint64_t> last;
  std::uint64_t last_offset = 0;
  for (const auto& [offset, payload] : facts.by_offset) {
    if (offset != last_offset + 1) last.clear();
    const auto [known, is_new] = last.emplace(payload.source, payload.number);
    if (!is_new) {
      EXPECT_EQ(payload.number, known->second + 1)
          << channel << ": source " << payload.source << " at offset " << offset;
      known->second = payload.number;
    }
    last_offset = offset;
  }
}

}  // namespace tickcast::shards::sim
