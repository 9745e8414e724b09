#define _GNU_SOURCE
#include "CTransport.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <emmintrin.h>
#endif

extern char **environ;

// MARK: - Waits

void transport_sleep(const uint32_t *word, uint32_t expected, int64_t nanoseconds) {
  struct timespec limit = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  syscall(SYS_futex, word, FUTEX_WAIT, expected, &limit, NULL, 0);
}

void transport_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }

void transport_yield(void) { sched_yield(); }

uint64_t transport_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

// MARK: - Bytes

// One clone for each width of vector: every clone gives the same bits, since no sum is reordered.
#if defined(__x86_64__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

typedef float __attribute__((aligned(1))) any_float;
typedef double __attribute__((aligned(1))) any_double;

void transport_copy(void *to, const void *from, size_t byteCount) { memcpy(to, from, byteCount); }

void transport_copy_past_caches(void *to, const void *from, size_t byteCount) {
#if defined(__x86_64__)
  // Stores that go past the caches need whole lines; what stands before the first goes the usual way.
  size_t before = -(uintptr_t)to & 63;
  if (before > byteCount) before = byteCount;
  memcpy(to, from, before);
  char *place = (char *)to + before;
  const char *source = (const char *)from + before;
  size_t lines = (byteCount - before) / 64;
  for (size_t i = 0; i < lines; i++, place += 64, source += 64) {
    __m128i a = _mm_loadu_si128((const __m128i *)source);
    __m128i b = _mm_loadu_si128((const __m128i *)source + 1);
    __m128i c = _mm_loadu_si128((const __m128i *)source + 2);
    __m128i d = _mm_loadu_si128((const __m128i *)source + 3);
    _mm_stream_si128((__m128i *)place, a);
    _mm_stream_si128((__m128i *)place + 1, b);
    _mm_stream_si128((__m128i *)place + 2, c);
    _mm_stream_si128((__m128i *)place + 3, d);
  }
  memcpy(place, source, byteCount - before - lines * 64);
  _mm_sfence();
#else
  memcpy(to, from, byteCount);
#endif
}

WIDE void transport_add_float32(void *to, const void *from, size_t byteCount) {
  any_float *restrict sum = to;
  const any_float *restrict term = from;
  for (size_t i = 0; i < byteCount / sizeof(float); i++) sum[i] += term[i];
}

WIDE void transport_add_float64(void *to, const void *from, size_t byteCount) {
  any_double *restrict sum = to;
  const any_double *restrict term = from;
  for (size_t i = 0; i < byteCount / sizeof(double); i++) sum[i] += term[i];
}

// Few addends are read side by side, so that memory is waited for once. The target may be an addend: each of
// its elements is read before it is written, and no other depends on it, which the compiler cannot know.
#define EACH(sum) \
  _Pragma("clang loop vectorize(assume_safety)") \
  for (size_t i = 0; i < length; i++) result[i] = sum

// Of many addends a block of sums stays in the nearest cache until all of them are in it.
#define SUM(type, any_type) \
  enum { block = 4096 / sizeof(type), few = 5 }; \
  type sums[block]; \
  size_t step = addendCount > few ? block : count; \
  for (size_t start = 0; start < count; start += step) { \
    size_t length = count - start < step ? count - start : step; \
    any_type *target = (any_type *)to + start; \
    any_type *result = addendCount > few ? (any_type *)sums : target; \
    const any_type *a = (const any_type *)addends[0] + start; \
    if (addendCount == 1) { \
      memmove(target, a, length * sizeof(type)); \
      continue; \
    } \
    const any_type *b = (const any_type *)addends[1] + start; \
    if (addendCount == 2) { \
      EACH(a[i] + b[i]); \
      continue; \
    } \
    const any_type *c = (const any_type *)addends[2] + start; \
    if (addendCount == 3) { \
      EACH(a[i] + b[i] + c[i]); \
      continue; \
    } \
    const any_type *d = (const any_type *)addends[3] + start; \
    if (addendCount == 4) { \
      EACH(a[i] + b[i] + c[i] + d[i]); \
      continue; \
    } \
    const any_type *e = (const any_type *)addends[4] + start; \
    EACH(a[i] + b[i] + c[i] + d[i] + e[i]); \
    if (addendCount == few) continue; \
    for (size_t addend = few; addend < addendCount; addend++) { \
      const any_type *next = (const any_type *)addends[addend] + start; \
      EACH(result[i] + next[i]); \
    } \
    memcpy(target, sums, length * sizeof(type)); \
  }

WIDE void transport_sum_float32(void *to, const void *const *addends, size_t addendCount, size_t count) {
  SUM(float, any_float)
}

WIDE void transport_sum_float64(void *to, const void *const *addends, size_t addendCount, size_t count) {
  SUM(double, any_double)
}

// MARK: - Memory

int transport_move_up(int descriptor) {
  if (descriptor < 0) return -1;
  int moved = fcntl(descriptor, F_DUPFD_CLOEXEC, 10);
  int error = errno;
  close(descriptor);
  errno = error;
  return moved;
}

int transport_memory_file(const char *label, int64_t byteCount) {
  int file = transport_move_up(memfd_create(label, MFD_CLOEXEC));
  if (file >= 0 && ftruncate(file, byteCount) != 0) {
    int error = errno;
    close(file);
    errno = error;
    return -1;
  }
  return file;
}

void *transport_map(int file, size_t byteCount) {
  int flags = file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED | MAP_NORESERVE;
  void *start = mmap(NULL, byteCount, PROT_READ | PROT_WRITE, flags, file, 0);
  return start == MAP_FAILED ? NULL : start;
}

void transport_unmap(void *start, size_t byteCount) { munmap(start, byteCount); }

void transport_populate(void *start, size_t byteCount) {
  madvise(start, byteCount, MADV_HUGEPAGE);
#ifdef MADV_POPULATE_WRITE
  if (madvise(start, byteCount, MADV_POPULATE_WRITE) == 0) return;
#endif
  for (size_t offset = 0; offset < byteCount; offset += 4096) *((volatile char *)start + offset) = 0;
}

int64_t transport_file_size(int file) {
  struct stat status;
  return fstat(file, &status) == 0 ? status.st_size : -1;
}

// MARK: - Processes

// The value of `entry` replaces that of an older entry with the same name.
static int same_name(const char *entry, const char *other) {
  const char *end = strchr(entry, '=');
  size_t length = end ? (size_t)(end - entry) + 1 : strlen(entry);
  return strncmp(entry, other, length) == 0;
}

static char **merged_environment(const char *const *added) {
  size_t old = 0, new = 0, count = 0;
  while (environ && environ[old]) old++;
  while (added && added[new]) new++;
  char **merged = calloc(old + new + 1, sizeof(char *));
  if (!merged) return NULL;
  for (size_t i = 0; i < old; i++) {
    int isReplaced = 0;
    for (size_t j = 0; j < new; j++) isReplaced |= same_name(added[j], environ[i]);
    if (!isReplaced) merged[count++] = environ[i];
  }
  for (size_t j = 0; j < new; j++) merged[count++] = (char *)added[j];
  return merged;
}

int transport_spawn(const transport_process *process, int32_t *identifier) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t blocked, defaults;
  char **environment = merged_environment(process->environment);
  if (!environment) return ENOMEM;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, process->output < 0 ? 2 : process->output, 1);
  posix_spawn_file_actions_adddup2(&actions, process->arena, TRANSPORT_ARENA);
  posix_spawn_file_actions_adddup2(&actions, process->control, TRANSPORT_CONTROL);
  posix_spawn_file_actions_addclosefrom_np(&actions, TRANSPORT_CONTROL + 1);
  // A Ctrl-C reaches the whole group of the terminal; the coordinator alone decides what it means.
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGINT);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGINT);
  sigaddset(&defaults, SIGTERM);
  posix_spawnattr_setsigmask(&attributes, &blocked);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  int error = posix_spawn(
      &child, process->executable, &actions, &attributes, (char *const *)process->arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  *identifier = child;
  return error;
}

int transport_socket_pair(int pair[2]) {
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) return -1;
  pair[0] = transport_move_up(pair[0]);
  pair[1] = transport_move_up(pair[1]);
  return pair[0] < 0 || pair[1] < 0 ? -1 : 0;
}

static int64_t transferred(ssize_t count) {
  if (count >= 0) return count;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

int64_t transport_write(int descriptor, const void *bytes, size_t byteCount) {
  return transferred(send(descriptor, bytes, byteCount, MSG_DONTWAIT | MSG_NOSIGNAL));
}

int64_t transport_read(int descriptor, void *bytes, size_t byteCount) {
  ssize_t count = recv(descriptor, bytes, byteCount, MSG_DONTWAIT);
  return count == 0 && byteCount > 0 ? -1 : transferred(count);
}

int transport_end_with_parent(int32_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // The parent may have ended before the line above took effect.
  return getppid() == parent;
}

void transport_stay_private(int descriptor) { fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

int transport_reap(int32_t identifier, int32_t *detail) {
  int status = 0;
  pid_t ended;
  do ended = waitpid(identifier, &status, WNOHANG);
  while (ended < 0 && errno == EINTR);
  if (ended == 0) return 0;
  if (ended < 0) return -1;
  *detail = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return WIFSIGNALED(status) ? 2 : 1;
}

int transport_set_affinity(const uint64_t *bits, size_t wordCount) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t i = 0; i < wordCount * 64 && i < CPU_SETSIZE; i++)
    if (bits[i / 64] >> (i % 64) & 1) CPU_SET(i, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

int32_t transport_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return CPU_COUNT(&set);
}

// MARK: - Interrupts

static volatile int interrupt_pipe = -1;
static int interrupt_reader = -1;
static struct sigaction earlier[2];
static const int caught[2] = {SIGINT, SIGTERM};

static void note_interrupt(int number) {
  int error = errno;
  char byte = (char)number;
  if (interrupt_pipe >= 0) (void)!write(interrupt_pipe, &byte, 1);
  errno = error;
}

int transport_catch_interrupts(void) {
  if (interrupt_pipe >= 0) return -1;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
  interrupt_reader = ends[0];
  interrupt_pipe = ends[1];
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_interrupt;
  action.sa_flags = SA_RESTART;
  // The calling thread takes the signals: others, such as workers of a pool, may block them.
  sigset_t wanted;
  sigemptyset(&wanted);
  for (int i = 0; i < 2; i++) {
    sigaddset(&wanted, caught[i]);
    sigaction(caught[i], &action, &earlier[i]);
  }
  pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
  return interrupt_reader;
}

void transport_release_interrupts(void) {
  if (interrupt_pipe < 0) return;
  for (int i = 0; i < 2; i++) sigaction(caught[i], &earlier[i], NULL);
  int writer = interrupt_pipe;
  interrupt_pipe = -1;
  close(writer);
  close(interrupt_reader);
}
