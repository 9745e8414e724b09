#pragma once

// What ranks need of the operating system and of the processor, and Swift cannot say: atomic words in memory
// that several processes map, waits on them, files without a name, and the spawning of processes with few
// descriptors.

#include <stddef.h>
#include <stdint.h>

#define TRANSPORT_INLINE static inline __attribute__((always_inline, unused))

// MARK: - Atomic words in shared memory

TRANSPORT_INLINE uint64_t transport_load_acquire(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

TRANSPORT_INLINE uint64_t transport_load_relaxed(const uint64_t *word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED);
}

TRANSPORT_INLINE void transport_store_release(uint64_t *word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

// Stores `value` where the word is zero; says whether it was.
TRANSPORT_INLINE int transport_store_once(uint64_t *word, uint64_t value) {
  uint64_t zero = 0;
  return __atomic_compare_exchange_n(word, &zero, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

TRANSPORT_INLINE uint64_t transport_add(uint64_t *word, uint64_t value) {
  return __atomic_add_fetch(word, value, __ATOMIC_ACQ_REL);
}

TRANSPORT_INLINE uint32_t transport_load_acquire_32(const uint32_t *word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

TRANSPORT_INLINE void transport_store_release_32(uint32_t *word, uint32_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

TRANSPORT_INLINE uint32_t transport_add_32(uint32_t *word, uint32_t value) {
  return __atomic_add_fetch(word, value, __ATOMIC_ACQ_REL);
}

TRANSPORT_INLINE void transport_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// Tells the processor that this is a wait in a loop.
TRANSPORT_INLINE void transport_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

// Lets another thread run.
void transport_yield(void);

// Sleeps while the word holds `expected`, until it is woken or the time is over.
void transport_sleep(const uint32_t *word, uint32_t expected, int64_t nanoseconds);
// Wakes everyone who sleeps on the word.
void transport_wake(uint32_t *word);

// MARK: - Bytes

void transport_copy(void *to, const void *from, size_t byteCount);
// The same for messages that no cache holds: what is stored is not read before.
void transport_copy_past_caches(void *to, const void *from, size_t byteCount);
void transport_add_float32(void *to, const void *from, size_t byteCount);
void transport_add_float64(void *to, const void *from, size_t byteCount);
// Adds so many numbers of each addend, in the order of the addends, in one pass; `to` may be one of them.
void transport_sum_float32(void *to, const void *const *addends, size_t addendCount, size_t count);
void transport_sum_float64(void *to, const void *const *addends, size_t addendCount, size_t count);

// MARK: - Memory

// Makes a file that has no name and lives as long as somebody holds it; -1 and errno where that fails.
int transport_memory_file(const char *label, int64_t byteCount);
// Maps the file, or private memory where `file` is -1; null and errno where that fails.
void *transport_map(int file, size_t byteCount);
void transport_unmap(void *start, size_t byteCount);
// Asks for large pages and makes every page present.
void transport_populate(void *start, size_t byteCount);
int64_t transport_file_size(int file);

// MARK: - Processes

typedef struct {
  const char *executable;
  const char *const *arguments;    // ends with null
  const char *const *environment;  // names and values that are added: "NAME=value"; ends with null
  int arena;                       // becomes descriptor TRANSPORT_ARENA
  int control;                     // becomes descriptor TRANSPORT_CONTROL
  int output;                      // becomes descriptor 1; -1 for the same as descriptor 2
} transport_process;

enum { TRANSPORT_ARENA = 3, TRANSPORT_CONTROL = 4 };

// Starts a process that inherits descriptors 0 (empty), 1, 2, 3 and 4, and nothing else. Returns 0 or an
// error number.
int transport_spawn(const transport_process *process, int32_t *identifier);

// A pair of joined stream sockets above descriptor 9 that a spawned process does not inherit. 0 or -1.
int transport_socket_pair(int pair[2]);
// Moves a descriptor above 9, closed on exec.
int transport_move_up(int descriptor);
// Writes what fits without waiting: the number of bytes, 0 where nothing fits now, -1 where the other side is
// gone.
int64_t transport_write(int descriptor, const void *bytes, size_t byteCount);
// Reads what is there without waiting: the number of bytes, 0 where there is nothing now, -1 at the end.
int64_t transport_read(int descriptor, void *bytes, size_t byteCount);

// The kernel kills this process when the thread that spawned it ends. Says whether the parent is still
// `parent`.
int transport_end_with_parent(int32_t parent);
void transport_stay_private(int descriptor);

// How a process has ended: 0 it has not, 1 with an exit code, 2 by a signal, -1 it is no child.
int transport_reap(int32_t identifier, int32_t *detail);

// Ties this process to the processors whose bits are set. Returns 0 or an error number.
int transport_set_affinity(const uint64_t *bits, size_t wordCount);
// The number of processors that this process may use.
int32_t transport_processor_count(void);

// Sends SIGINT and SIGTERM as bytes into a pipe instead of ending the process. Returns the reading end or -1.
int transport_catch_interrupts(void);
// Undoes transport_catch_interrupts.
void transport_release_interrupts(void);

// MARK: - Time

// Nanoseconds of a clock that never goes back.
uint64_t transport_now(void);
