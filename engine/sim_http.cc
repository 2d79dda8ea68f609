#include "engine/sim_http.h"

#include <algorithm>
#include <utility>

namespace tickcast::engine {

SimHttp::SimHttp(std::function<std::uint64_t()> now_ns, Script script, std::size_t limit)
    : now_ns_(std::move(now_ns)), script_(std::move(script)), limit_(limit) {}

bool SimHttp::Submit(std::unique_ptr<HttpCall>&& call) {
  if (under_way() >= limit_) return false;
  submitted_.push_back(std::move(call));
  return true;
}

void SimHttp::Publish() {
  const std::uint64_t now = now_ns_();
  for (std::unique_ptr<HttpCall>& call : submitted_) {
    ++calls_;
    Answer answer = script_(*call);
    if (answer.outcome == HttpOutcome::kAnswered && answer.body.size() > call->max_response_bytes) {
      answer.outcome = HttpOutcome::kTooLarge;
    }
    if (answer.after_ns >= call->timeout_ns) {
      answer = {.outcome = HttpOutcome::kTimeout, .after_ns = call->timeout_ns};
    }
    call->outcome = answer.outcome;
    if (answer.outcome == HttpOutcome::kAnswered) {
      call->status = answer.status;
      call->response = std::move(answer.body);
    }
    call->response.reserve(call->response.size() + HttpCall::kResponsePaddingBytes);
    call->took_ns = answer.after_ns;
    answers_.emplace(now + std::max<std::uint64_t>(answer.after_ns, 1), std::move(call));
  }
  submitted_.clear();
}

std::unique_ptr<HttpCall> SimHttp::Take() {
  if (!has_answers()) return nullptr;
  std::unique_ptr<HttpCall> call = std::move(answers_.begin()->second);
  answers_.erase(answers_.begin());
  return call;
}

bool SimHttp::has_answers() const { return next_answer_ns() <= now_ns_(); }

std::uint64_t SimHttp::next_answer_ns() const {
  return answers_.empty() ? ~std::uint64_t{0} : answers_.begin()->first;
}

}  // namespace tickcast::engine
