// ConfigChecker: what the checks between keys are written with; for the files config_check….cc
// only.
#pragma once

#include <absl/strings/string_view.h>

#include <string>

#include "engine/config.h"
#include "engine/config_apply.h"
#include "engine/config_value.h"

namespace tickcast::engine {

class ConfigChecker {
 public:
  ConfigChecker(const Config& config, const ConfigPlaces& places, ConfigMistakes& mistakes,
                ConfigMistakes& useless)
      : config_(config), places_(places), mistakes_(mistakes), useless_(useless) {}

  const Config& config() const { return config_; }
  bool WasSet(const std::string& name) const { return places_.contains(name); }

  // The place of `name`, or of what it is part of.
  const ConfigPlace& PlaceOf(std::string name) const;

  void Wrong(const std::string& name, absl::string_view what);
  // What has no effect: nothing breaks, but it is not what was meant.
  void Useless(const std::string& name, absl::string_view what);

  // Told at the key that was set: a default cannot be the one to change.
  const char* SetOne(const char* first, const char* second) const {
    return WasSet(first) ? first : second;
  }

 private:
  const Config& config_;
  const ConfigPlaces& places_;
  ConfigMistakes& mistakes_;
  ConfigMistakes& useless_;
};

// Each tells what is wrong with its part.
void CheckNamespaces(ConfigChecker& check);  // config_check_namespaces.cc
void CheckKeyed(ConfigChecker& check);       // config_check_keyed.cc
void CheckProxies(ConfigChecker& check);     // config_check_proxies.cc
void CheckClient(ConfigChecker& check);      // config_check_client.cc

}  // namespace tickcast::engine
