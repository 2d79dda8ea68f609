// loadgen: load for Centrifuge servers, with a ledger. Options and terms: docs/loadgen.md.
//
// Exit status: 0, 1 when the server, the machine or an expectation failed, 2 for wrong usage.
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/loadgen/command.h"
#include "tools/loadgen/options.h"
#include "tools/loadgen/preflight.h"
#include "tools/loadgen/report.h"
#include "tools/loadgen/workload.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kListenEveryNs = 5'000'000;

int Fail(const absl::Status& status) {
  fprintf(stderr, "loadgen: %s\n", std::string(status.message()).c_str());
  return absl::IsInvalidArgument(status) ? 2 : 1;
}

absl::Status PrepareProcess(const Options& options) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  // The default slack of 50 us would be added to every scheduled publication.
  prctl(PR_SET_TIMERSLACK, 1UL);
  InstallStopSignals();
  if (options.pin < 0) return absl::OkStatus();
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<unsigned>(options.pin), &cpus);
  if (sched_setaffinity(0, sizeof(cpus), &cpus) == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--pin ", options.pin, ": ", strerror(errno)));
}

Phase PhaseOf(const Options& options) {
  return {.warmup_ns = static_cast<std::uint64_t>(options.warmup_ns),
          .duration_ns = static_cast<std::uint64_t>(options.duration_ns),
          .rate = options.rate,
          .storm_at_ns = options.storm_at_ns,
          .storm_rate = options.storm_rate};
}

// Prints the result and says which expectations it does not meet. Returns the exit status.
int Conclude(const Options& options, const Figures& figures) {
  if (options.json.empty()) {
    fputs(ToText(figures).c_str(), stdout);
  } else if (absl::Status status = WriteReport(options.json, ToJson(figures)); !status.ok()) {
    return Fail(status);
  }
  const std::vector<std::string> unmet = Unmet(options.expectations, figures);
  for (const std::string& sentence : unmet) {
    fprintf(stderr, "loadgen: expected %s\n", sentence.c_str());
  }
  return unmet.empty() ? 0 : 1;
}

// The commands of --control, read without blocking: pings want answers meanwhile.
class ControlInput {
 public:
  // A whole line, if one has come. `ended` after the last.
  std::optional<std::string> Poll() {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (!ended_ && poll(&input, 1, 0) > 0) {
      char buffer[1024];
      const ssize_t size = read(STDIN_FILENO, buffer, sizeof(buffer));
      if (size > 0) text_.append(buffer, static_cast<std::size_t>(size));
      if (size == 0) ended_ = true;
    }
    const std::size_t end = text_.find('\n');
    if (end == std::string::npos) return std::nullopt;
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }
  bool ended() const { return ended_; }

 private:
  std::string text_;
  bool ended_ = false;
};

// What a line of --control did: figures to print, or none.
absl::StatusOr<std::optional<Figures>> Obey(const std::string& line, const Options& options,
                                            Workload& workload) {
  const absl::StatusOr<Command> command = ParseCommand(line, options.rate);
  if (!command.ok()) return command.status();
  switch (command->kind) {
    case Command::Kind::kRun: {
      absl::StatusOr<Figures> figures = workload.Run(command->phase);
      if (!figures.ok()) return figures.status();
      return *std::move(figures);
    }
    case Command::Kind::kSilence:
      if (absl::Status status = workload.Silence(command->clients); !status.ok()) return status;
      return Figures{{"silent", command->clients}};
    case Command::Kind::kScroll:
      if (absl::Status status = workload.Scroll(command->keys); !status.ok()) return status;
      return Figures{{"scroll_keys", command->keys}};
    case Command::Kind::kFinish: {
      absl::StatusOr<Figures> figures = workload.Finish();
      if (!figures.ok()) return figures.status();
      return *std::move(figures);
    }
    case Command::Kind::kQuit:
      break;
  }
  return std::nullopt;
}

int Control(const Options& options, Workload& workload) {
  puts("{\"ready\":true}");
  fflush(stdout);
  ControlInput input;
  while (!StopRequested()) {
    const std::optional<std::string> line = input.Poll();
    if (!line) {
      if (input.ended()) return 0;
      workload.Rest(workload.now_ns() + kListenEveryNs);
      continue;
    }
    const absl::StatusOr<std::optional<Figures>> figures = Obey(*line, options, workload);
    if (!figures.ok()) return Fail(figures.status());
    if (!*figures) return 0;
    puts(ToJson(**figures).c_str());
    fflush(stdout);
  }
  return 0;
}

int Main(int argc, char** argv) {
  const absl::StatusOr<Options> options =
      ParseOptions(std::vector<std::string>(argv + 1, argv + argc));
  if (absl::IsCancelled(options.status())) {
    fputs(Usage().c_str(), stdout);
    return 0;
  }
  if (!options.ok()) return Fail(options.status());
  if (absl::Status status = PrepareProcess(*options); !status.ok()) return Fail(status);
  const absl::StatusOr<engine::Endpoint> server = ParseEndpoint(*options);
  if (!server.ok()) return Fail(server.status());
  if (absl::Status status = CheckServer(*options, *server); !status.ok()) return Fail(status);

  const absl::StatusOr<std::unique_ptr<Workload>> workload =
      options->mode == Mode::kChurn ? MakeChurn(*options, *server) : MakeFanout(*options, *server);
  if (!workload.ok()) return Fail(workload.status());
  if (absl::Status status = (*workload)->Prepare(); !status.ok()) return Fail(status);
  if (options->control) return Control(*options, **workload);
  absl::StatusOr<Figures> figures = (*workload)->Run(PhaseOf(*options));
  if (!figures.ok()) return Fail(figures.status());
  const absl::StatusOr<Figures> last = (*workload)->Finish();
  if (!last.ok()) return Fail(last.status());
  figures->insert(figures->end(), last->begin(), last->end());
  return Conclude(*options, *figures);
}

}  // namespace
}  // namespace tickcast::loadgen

int main(int argc, char** argv) { return tickcast::loadgen::Main(argc, argv); }
