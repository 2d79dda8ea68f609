// What must hold between keys, once each of them is right by itself.
#pragma once

#include "engine/config.h"
#include "engine/config_apply.h"
#include "engine/config_value.h"

namespace tickcast::engine {

// Collects every contradiction, at the place of the key that an operator would change.
void CheckConfig(const Config& config, const ConfigPlaces& places, ConfigMistakes& mistakes);

}  // namespace tickcast::engine
