// Threads that wait shall soon sleep. libgomp, libtorch's thread pool, lets a thread that waits for the
// others spin for many milliseconds, and takes its processor from the one that it waits for wherever there is
// other work on the cores: measured, a step then takes five to ten times as long. To sleep at once
// (OMP_WAIT_POLICY=passive) makes small models slower, whose operations are over before a sleeper has been
// woken: hundreds a step, each of a tenth of a millisecond. So a thread looks GOMP_SPINCOUNT times first,
// which takes about as long as that (docs/performance.md, "Beside other work").
//
// libgomp reads its settings when it is loaded, before main(). What an executable has in .preinit_array runs
// earlier still, but the C library, which is not set up then, would forget a setenv(): so the program starts
// itself once more, with the variable set, before the libraries have done any work. Whoever set a policy
// keeps it.
#include <climits>
#include <cstring>
#include <unistd.h>

namespace {

bool sets(const char* entry, const char* name) {
  const size_t length = std::strlen(name);
  return std::strncmp(entry, name, length) == 0 && entry[length] == '=';
}

void start_with_short_spins(int /*argc*/, char** arguments, char** environment) {
  size_t count = 0;
  for (; environment[count] != nullptr; ++count) {
    if (sets(environment[count], "OMP_WAIT_POLICY") || sets(environment[count], "GOMP_SPINCOUNT")) return;
  }
  char program[PATH_MAX];
  const ssize_t length = ::readlink("/proc/self/exe", program, sizeof program - 1);
  if (length <= 0) return;
  program[length] = '\0';
  static char setting[] = "GOMP_SPINCOUNT=3000";
  char** with_setting = static_cast<char**>(__builtin_alloca((count + 2) * sizeof(char*)));
  std::memcpy(with_setting, environment, count * sizeof(char*));
  with_setting[count] = setting;
  with_setting[count + 1] = nullptr;
  ::execve(program, arguments, with_setting);  // where it cannot, threads spin
}

using Early = void (*)(int, char**, char**);
[[gnu::section(".preinit_array"), gnu::used]] const Early at_start = start_with_short_spins;

}  // namespace
