// Checks between the keys of a Config that is otherwise complete.
#pragma once

#include "engine/config.h"
#include "engine/config_apply.h"
#include "engine/config_value.h"

namespace tickcast::engine {

// Tells what in `config` contradicts itself in `mistakes`, and what merely has no effect in
// `useless`, which may be the same. `places` says where each key was set.
void CheckConfig(const Config& config, const ConfigPlaces& places, ConfigMistakes& mistakes,
                 ConfigMistakes& useless);

}  // namespace tickcast::engine
