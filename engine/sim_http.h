// SimHttp: other people's HTTP servers in a simulated world.
//
// Every call is shown to a script, which says what is answered and when on the world's clock: fast,
// slow, late, never, garbage, too much. The port keeps the promises of engine/http_call.h: a call
// is answered once, by its own timeout at the latest, and never within the turn that submitted it.
// Threading: as SimWorld.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "engine/http_call.h"

namespace tickcast::engine {

class SimHttp final : public HttpPort {
 public:
  struct Answer {
    HttpOutcome outcome = HttpOutcome::kAnswered;
    int status = 200;
    std::string body;
    std::uint64_t after_ns = 0;  // Longer than the call's timeout: it times out.
  };
  using Script = std::function<Answer(const HttpCall& call)>;

  // `now_ns` is the world's clock.
  SimHttp(std::function<std::uint64_t()> now_ns, Script script, std::size_t limit = 4096);

  bool Submit(std::unique_ptr<HttpCall>&& call) override;
  void Publish() override;
  std::unique_ptr<HttpCall> Take() override;
  bool has_answers() const override;

  // When the next answer will be there; ~0: none is under way. A world sleeps at most until then.
  std::uint64_t next_answer_ns() const;
  std::size_t under_way() const { return submitted_.size() + answers_.size(); }
  std::uint64_t calls() const { return calls_; }

 private:
  const std::function<std::uint64_t()> now_ns_;
  const Script script_;
  const std::size_t limit_;
  std::vector<std::unique_ptr<HttpCall>> submitted_;
  // By the time they are there; those of one time in the order they were submitted.
  std::multimap<std::uint64_t, std::unique_ptr<HttpCall>> answers_;
  std::uint64_t calls_ = 0;
};

}  // namespace tickcast::engine
