// One defect of each kind that the sanitizers find, planted for run.py's self-test:
//
//   planted KIND         shows the defect
//   planted child KIND   starts `planted KIND`, takes no notice of how it ends, and exits with 0
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <string_view>
#include <thread>

namespace {

int g_shared = 0;

void Race() {
  std::thread other([] { ++g_shared; });
  ++g_shared;
  other.join();
}

void Overflow() {
  const volatile int size = 4;
  volatile char* const bytes = new char[size];
  bytes[size] = 1;
  delete[] bytes;
}

void UndefinedBehaviour() {
  volatile int number = std::numeric_limits<int>::max();
  number = number + 1;
}

void Leak() {
  if (std::malloc(77) == nullptr) std::abort();
}

int StartChild(char* program, char* kind) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program, program, kind, nullptr);
    ::_exit(127);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child ? 0 : 1;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view kind = count > 1 ? arguments[1] : "none";
  if (kind == "child" && count > 2) return StartChild(arguments[0], arguments[2]);
  if (kind == "race") Race();
  if (kind == "overflow") Overflow();
  if (kind == "undefined") UndefinedBehaviour();
  if (kind == "leak") Leak();
  return 0;
}
