// What the data of publications must be, where the operator says (publication_data_format).
// Threading: pure functions.
#pragma once

#include <string_view>

#include "engine/config.h"

namespace tickcast::shards {

// A namespace's own word, or else the one for all channels.
inline engine::DataFormat FormatOf(const engine::Config& config, const engine::Namespace& ns) {
  return ns.publication_data_format != engine::DataFormat::kInherited
             ? ns.publication_data_format
             : config.channel.publication_data_format;
}

// `json` is one line of it, or empty where the data is none.
inline bool FitsFormat(std::string_view json, engine::DataFormat format) {
  switch (format) {
    case engine::DataFormat::kInherited:
    case engine::DataFormat::kBinary:
      return true;
    case engine::DataFormat::kJson:
      return !json.empty();
    case engine::DataFormat::kJsonObject:
      return json.starts_with('{');
  }
  return true;
}

}  // namespace tickcast::shards
