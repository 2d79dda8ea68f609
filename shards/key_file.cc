#include "shards/key_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/log.h"
#include "protocol/jwt/jwks.h"

namespace tickcast::shards {
namespace {

constexpr std::chrono::seconds kLook(1);

}  // namespace

KeyFile::KeyFile(std::string path, SharedKeys& keys, engine::Registry& registry)
    : path_(std::move(path)),
      keys_(keys),
      loads_(registry.AddCounter("tickcast_token_keys_loads_total",
                                 "JWKS documents that were taken over", {{"source", "file"}})),
      failures_(registry.AddCounter("tickcast_token_keys_failures_total",
                                    "JWKS documents that could not be had or read",
                                    {{"source", "file"}})) {}

absl::StatusOr<std::unique_ptr<KeyFile>> KeyFile::Start(std::string path, SharedKeys& keys,
                                                        engine::Registry& registry) {
  std::unique_ptr<KeyFile> file(new KeyFile(std::move(path), keys, registry));
  if (absl::Status status = file->Read(); !status.ok()) return status;
  file->thread_ = std::thread([&file = *file] { file.Run(); });
  return file;
}

KeyFile::~KeyFile() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

absl::StatusOr<KeyFile::Stamp> KeyFile::StampOf(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return absl::NotFoundError(absl::StrCat(path, ": ", strerror(errno)));
  }
  return Stamp{
      static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec,
      static_cast<std::uint64_t>(status.st_size), status.st_ino};
}

// The stamp is taken before the text: a file that changes in between is read once more.
absl::Status KeyFile::Read() {
  absl::StatusOr<Stamp> stamp = StampOf(path_);
  if (!stamp.ok()) return stamp.status();
  stamp_ = *stamp;
  std::ifstream in(path_, std::ios::binary);
  std::string text(protocol::kMaxJwksBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return absl::UnavailableError(absl::StrCat(path_, ": cannot be read"));
  text.resize(static_cast<std::size_t>(in.gcount()));
  absl::StatusOr<protocol::Jwks> jwks = protocol::ParseJwks(text);
  if (!jwks.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path_, ": ", jwks.status().message()));
  }
  if (jwks->passed_over > 0) {
    engine::Log(engine::LogLevel::kWarn, "token-keys",
                absl::StrCat(path_, ": ", jwks->passed_over, " keys cannot be used"));
  }
  keys_.Replace(std::make_shared<protocol::KeySet>(std::move(jwks->keys)));
  loads_.Add();
  return absl::OkStatus();
}

void KeyFile::Run() {
  std::unique_lock lock(mutex_);
  bool failed = false;
  while (!stopping_) {
    wake_.wait_for(lock, kLook, [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    const absl::StatusOr<Stamp> stamp = StampOf(path_);
    if (!stamp.ok() || failed || *stamp != stamp_) {
      const absl::Status status = Read();
      failed = !status.ok();
      if (failed) {
        failures_.Add();
        engine::Log(engine::LogLevel::kWarn, "token-keys",
                    absl::StrCat("the keys stay as they are: ", status.message()));
      }
    }
    lock.lock();
  }
}

}  // namespace tickcast::shards
