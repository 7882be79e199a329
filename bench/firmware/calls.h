/* Arm's semihosting calls on M-profile cores ("Semihosting for AArch32 and AArch64", Arm): r0 has the number of the
 * call, r1 its arguments, and BKPT 0xAB hands both to the debugger, which QEMU is.
 */
#ifndef CALLS_H
#define CALLS_H
#include <stddef.h>
#include <stdint.h>

enum { READ = 1 /* rb */, WRITE = 5 /* wb */ };

static inline int ask(int call, const void *arguments)
{
  register int number __asm("r0") = call;
  register const void *given __asm("r1") = arguments;
  __asm volatile("bkpt 0xAB" : "+r"(number) : "r"(given) : "memory");
  return number;
}

static inline size_t length(const char *text)
{
  size_t count = 0;
  while (text[count])
    count++;
  return count;
}

/* The file's number; below zero where it cannot be opened. */
static inline int open_file(const char *name, int mode)
{
  const uintptr_t given[] = { (uintptr_t)name, (uintptr_t)mode, length(name) };
  return ask(0x01, given);
}

/* Whether all was read: the call gives what is left over. */
static inline int read_file(int file, void *to, size_t count)
{
  const uintptr_t given[] = { (uintptr_t)file, (uintptr_t)to, count };
  return ask(0x06, given) == 0;
}

/* Whether all was written. */
static inline int write_file(int file, const void *from, size_t count)
{
  const uintptr_t given[] = { (uintptr_t)file, (uintptr_t)from, count };
  return ask(0x05, given) == 0;
}

static inline void close_file(int file)
{
  const uintptr_t given[] = { (uintptr_t)file };
  ask(0x02, given);
}

/* End QEMU with this code. */
static inline void leave(int code)
{
  const uintptr_t given[] = { 0x20026 /* the application ended */, (uintptr_t)code };
  for (;;)
    ask(0x20, given);
}
#endif
