// The text that Prometheus scrapes, written by prometheus-cpp's serializer.
// Source: the Prometheus text exposition format 0.0.4.
#pragma once

#include <string>
#include <string_view>

#include "engine/metrics.h"

namespace tickcast::engine {

// The Content-Type that goes with MetricsText().
inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// Every metric of `registry` as it stands; each family's HELP and TYPE once, families sorted by
// name. Allocates: for scrapes, not for every turn. Any thread.
std::string MetricsText(const Registry& registry);

}  // namespace tickcast::engine
