// KeyFile: the JWKS document in a file, read again when the file changes.
//
// A helper thread of its own looks at the file once a second, because reading a disk may block.
// Whoever rotates keys writes a new file and renames it over the old one (rename(2)), so that it is
// never read half written; one that is no document changes nothing and is tried again.
// Threading: Start() and the destructor from one controlling thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "engine/metrics.h"
#include "shards/key_source.h"
#include "shards/shared_keys.h"

namespace tickcast::shards {

class KeyFile final : public KeySource {
 public:
  // Reads `path` into `keys` at once and keeps it up to date; fails when it cannot be read now.
  // `keys` and `registry` outlive it.
  static absl::StatusOr<std::unique_ptr<KeyFile>> Start(std::string path, SharedKeys& keys,
                                                        engine::Registry& registry);
  ~KeyFile() override;

  void Poll(std::uint64_t, engine::HttpPort*) override {}
  // The thread looks once a second anyway: nobody waits for it.
  bool OnUnknownKey(std::uint64_t) override { return false; }
  std::uint64_t tries() const override { return 0; }

 private:
  // What tells one version of the file from another.
  struct Stamp {
    std::int64_t modified_ns = 0;
    std::uint64_t size_bytes = 0;
    std::uint64_t inode = 0;
    bool operator==(const Stamp&) const = default;
  };

  KeyFile(std::string path, SharedKeys& keys, engine::Registry& registry);
  static absl::StatusOr<Stamp> StampOf(const std::string& path);
  absl::Status Read();
  void Run();

  const std::string path_;
  SharedKeys& keys_;
  engine::Counter& loads_;
  engine::Counter& failures_;
  Stamp stamp_;  // Of what was read last.
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace tickcast::shards
