#include "tools/tickcast/generate_config.h"

#include <absl/strings/escaping.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tools/tickcast/check_config.h"
#include "tools/tickcast/subcommand_options.h"

namespace tickcast::tools {
namespace {

constexpr std::size_t kSecretBytes = 64;  // As many as HS512 has room for.

// Empty: there is no randomness to be had.
std::string NewSecret() {
  unsigned char bytes[kSecretBytes];
  if (RAND_bytes(bytes, sizeof(bytes)) != 1) return {};
  return absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

// Empty: the name ends like no form of a configuration.
std::string Compose(const std::string& file, const std::string& secret, const std::string& key) {
  if (absl::EndsWith(file, ".toml")) {
    return absl::StrCat("[client]\nallowed_origins = []\n\n[client.token]\nhmac_secret_key = \"",
                        secret, "\"\n\n[http_api]\nkey = \"", key, "\"\n");
  }
  if (absl::EndsWith(file, ".json")) {
    return absl::StrCat(
        "{\n  \"client\": {\n    \"token\": {\n      \"hmac_secret_key\": \"", secret,
        "\"\n    },\n    \"allowed_origins\": []\n  },\n  \"http_api\": {\n    \"key\": \"", key,
        "\"\n  }\n}\n");
  }
  if (absl::EndsWith(file, ".yaml") || absl::EndsWith(file, ".yml")) {
    return absl::StrCat("client:\n  token:\n    hmac_secret_key: \"", secret,
                        "\"\n  allowed_origins: []\n\nhttp_api:\n  key: \"", key, "\"\n");
  }
  return {};
}

// A new file, for its owner only: it has secrets. Empty, or why not.
std::string WriteNewFile(const std::string& file, const std::string& text) {
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return std::strerror(errno);
  const ssize_t written = write(descriptor, text.data(), text.size());
  const int failure = errno;
  const bool whole = written == static_cast<ssize_t>(text.size());
  if (close(descriptor) == 0 && whole) return {};
  unlink(file.c_str());
  return std::strerror(whole ? errno : failure);
}

}  // namespace

SubcommandResult GenerateConfig(std::span<const std::string> arguments, engine::ConfigSources) {
  const SubcommandOption known[] = {kConfigOption};
  SubcommandOptions options;
  std::string wrong = ReadSubcommandOptions(arguments, known, options);
  if (wrong.empty() && !options.operands.empty()) wrong = "takes no operands";
  const std::string file = options.Has("config") ? options.Get("config") : "config.toml";
  const std::string secret = NewSecret();
  const std::string key = NewSecret();
  const std::string text = Compose(file, secret, key);
  if (wrong.empty() && text.empty()) {
    wrong = absl::StrCat(file, ": must end with .toml, .json, .yaml or .yml");
  }
  if (!wrong.empty()) return SubcommandUsage("genconfig", wrong);
  if (secret.empty() || key.empty()) {
    return {kSubcommandFailed, {}, "genconfig: there is no randomness to be had\n"};
  }
  wrong = WriteNewFile(file, text);
  if (!wrong.empty()) {
    return {kSubcommandFailed, {}, absl::StrCat("genconfig: ", file, ": ", wrong, "\n")};
  }
  return {0, absl::StrCat("wrote ", file, "\n"), {}};
}

}  // namespace tickcast::tools
