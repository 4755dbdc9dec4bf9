/* Hides AVX-512 and what came after it from every library of a process: on a processor that has it,
 * they then run what they would on one with AVX2 alone.
 *
 *     gcc -O2 -shared -fPIC benchmarks/hide_avx512.c -o hide_avx512.so
 *     LD_PRELOAD=./hide_avx512.so python benchmarks/one_thread.py
 *
 * Linux lets the instruction `cpuid` fault (the flag cpuid_fault in /proc/cpuinfo), for this program
 * and the threads that it starts; the handler answers in its place. Not for compilers, which have a
 * handler of their own.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <cpuid.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Of leaf 7 and its second part: AVX-512 in all its parts, AMX, AVX-VNNI. */
enum { EBX = 0xdc230000u, ECX = 0x5842, EDX = 0x03c0010c, SECOND_EAX = 0x30 };

static struct sigaction before;

static int faulting(int on) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, !on); }

static void answer(int number, siginfo_t *info, void *context) {
  greg_t *at = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *code = (const unsigned char *)at[REG_RIP];
  unsigned leaf = at[REG_RAX], part = at[REG_RCX], a, b, c, d;
  (void)number, (void)info;
  if (code[0] != 0x0f || code[1] != 0xa2) { /* another fault: whoever was there has it again */
    sigaction(SIGSEGV, &before, NULL);
    return;
  }
  faulting(0);
  __cpuid_count(leaf, part, a, b, c, d);
  faulting(1);
  if (leaf == 7 && part == 0) b &= ~(unsigned)EBX, c &= ~ECX, d &= ~EDX;
  if (leaf == 7 && part == 1) a &= ~SECOND_EAX;
  at[REG_RAX] = a, at[REG_RBX] = b, at[REG_RCX] = c, at[REG_RDX] = d;
  at[REG_RIP] += 2;
}

__attribute__((constructor)) static void start(void) {
  struct sigaction ours = {.sa_sigaction = answer, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSEGV, &ours, &before);
  if (faulting(1)) _exit(77); /* this processor or its host cannot */
}
