#include "comm/agreement.h"

#include "comm/text.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

constexpr char kDone = '+';

/// "+result", or the digit of an exit code and a message.
std::string outcome_of(const std::function<std::string()>& work) {
  try {
    return kDone + work();
  } catch (const Error& error) {
    return static_cast<char>('0' + static_cast<int>(error.code())) + std::string(error.what());
  }
}

}  // namespace

std::vector<std::string> gather_results(Comm& comm, const std::function<std::string()>& work,
                                        const char* purpose) {
  std::vector<std::string> outcomes = gather_text(comm, outcome_of(work), purpose);
  for (std::string& outcome : outcomes) {
    const char kind = outcome.front();
    outcome.erase(0, 1);
    if (kind != kDone) throw Error(static_cast<Exit>(kind - '0'), outcome);
  }
  return outcomes;
}

void do_together(Comm& comm, const std::function<void()>& work, const char* purpose) {
  gather_results(
      comm,
      [&] {
        work();
        return std::string();
      },
      purpose);
}

void do_on_first(Comm& comm, const std::function<void()>& work, const char* purpose) {
  do_together(
      comm,
      [&] {
        if (comm.rank() == 0) work();
      },
      purpose);
}

}  // namespace seqvit::comm
