#include "tools/loadgen/process_usage.h"

#include <dirent.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace tickcast::loadgen {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

struct CloseFile {
  void operator()(FILE* file) const { fclose(file); }
};
struct CloseFolder {
  void operator()(DIR* folder) const { closedir(folder); }
};

std::uint64_t ReadFirstNumber(const std::string& path) {
  const std::unique_ptr<FILE, CloseFile> file(fopen(path.c_str(), "re"));
  unsigned long long number = 0;
  if (file == nullptr || fscanf(file.get(), "%llu", &number) != 1) return 0;
  return number;
}

}  // namespace

absl::StatusOr<std::uint64_t> ProcessCpuNs(std::int32_t pid) {
  if (pid == 0) {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<std::uint64_t>(used.tv_sec) * kNanosecondsPerSecond +
           static_cast<std::uint64_t>(used.tv_nsec);
  }
  const std::string tasks = absl::StrCat("/proc/", pid, "/task");
  const std::unique_ptr<DIR, CloseFolder> folder(opendir(tasks.c_str()));
  if (folder == nullptr) return absl::NotFoundError(absl::StrCat("--server-pid: no process ", pid));
  std::uint64_t sum = 0;
  while (const dirent* task = readdir(folder.get())) {
    if (task->d_name[0] == '.') continue;
    sum += ReadFirstNumber(absl::StrCat(tasks, "/", task->d_name, "/schedstat"));
  }
  return sum;
}

absl::StatusOr<std::uint64_t> ProcessRssBytes(std::int32_t pid) {
  const std::string path = absl::StrCat("/proc/", pid, "/statm");
  const std::unique_ptr<FILE, CloseFile> file(fopen(path.c_str(), "re"));
  unsigned long long total = 0;
  unsigned long long resident = 0;
  if (file == nullptr || fscanf(file.get(), "%llu %llu", &total, &resident) != 2) {
    return absl::NotFoundError(absl::StrCat("--server-pid: no process ", pid));
  }
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace tickcast::loadgen
