#include "engine/uring_probe.h"

#include <errno.h>
#include <string.h>

#include <memory>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "engine/uring_abi.h"

namespace tickcast::engine {
namespace {

struct NeededOpcode {
  int opcode;
  const char* name;
  const char* kernel;
};

constexpr NeededOpcode kOpcodes[] = {
    {IORING_OP_ACCEPT, "accept", "5.5 (multishot 5.19)"},
    {IORING_OP_RECV, "receive", "5.6 (multishot 6.0)"},
    {IORING_OP_SEND, "send", "5.6"},
    {IORING_OP_POLL_ADD, "poll", "5.1"},
    {IORING_OP_ASYNC_CANCEL, "cancel", "5.5"},
    {IORING_OP_CLOSE, "close of a direct descriptor", "5.15"},
    {IORING_OP_MSG_RING, "messages between rings", "5.18"},
};

struct NeededFeature {
  unsigned bit;
  const char* name;
  const char* kernel;
};

constexpr NeededFeature kFeatures[] = {
    {IORING_FEAT_NODROP, "completions that are never dropped", "5.5"},
    {IORING_FEAT_EXT_ARG, "a timeout in the wait call", "5.11"},
    {IORING_FEAT_CQE_SKIP, "skipping the completion of a success", "5.17"},
};

}  // namespace

absl::Status RingSetupError(int error) {
  if (error == ENOSYS || error == EPERM || error == EACCES) {
    return absl::UnavailableError(absl::StrCat(
        "io_uring is disabled here (", strerror(error),
        "): set sysctl kernel.io_uring_disabled=0, and allow io_uring_setup, io_uring_enter and "
        "io_uring_register in the seccomp profile of the container or unit"));
  }
  if (error == EINVAL) {
    return absl::FailedPreconditionError(
        "this kernel's io_uring lacks DEFER_TASKRUN, which came with Linux 6.1: a newer kernel is "
        "needed");
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("io_uring could not be set up: ", strerror(error)));
}

absl::Status ProbeKernel() {
  io_uring ring{};
  io_uring_params params{};
  params.flags = kRingSetupFlags;
  if (const int error = io_uring_queue_init_params(8, &ring, &params); error < 0) {
    return RingSetupError(-error);
  }
  const absl::Cleanup exit_ring = [&ring] { io_uring_queue_exit(&ring); };

  std::vector<std::string> missing;
  const auto free_probe = [](io_uring_probe* probe) { io_uring_free_probe(probe); };
  const std::unique_ptr<io_uring_probe, decltype(free_probe)> probe(io_uring_get_probe_ring(&ring),
                                                                    free_probe);
  for (const NeededOpcode& needed : kOpcodes) {
    if (probe == nullptr || !io_uring_opcode_supported(probe.get(), needed.opcode)) {
      missing.push_back(absl::StrCat(needed.name, " (Linux ", needed.kernel, ")"));
    }
  }
  for (const NeededFeature& needed : kFeatures) {
    if ((params.features & needed.bit) == 0) {
      missing.push_back(absl::StrCat(needed.name, " (Linux ", needed.kernel, ")"));
    }
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("this kernel's io_uring lacks: ", absl::StrJoin(missing, ", ")));
}

}  // namespace tickcast::engine
