/* What runs before main on a bare Cortex-M: memory is made ready, the floating-point unit is switched on, and the stack
 * is painted. Afterwards all of it is written to a file: looking for its deepest point here would take as many
 * instructions as that is deep.
 */
#include "calls.h"

extern uint32_t data_begin[], data_end[], data_source[], bss_begin[], bss_end[], stack_top[];
int main(void);

enum { PAINT = 0x57AC57AC, PAINTED_BYTES = 32768, FAULT = 99 };

static void fault(void)
{
  leave(FAULT);
}

static uint32_t *lowest_painted(void)
{
  uint32_t *lowest = stack_top - PAINTED_BYTES / sizeof(uint32_t);
  return lowest < bss_end ? bss_end : lowest;
}

/* Volatile, or the compiler makes calls of the loops, which would use the stack that they paint. */
__attribute__((noreturn)) void begin(void)
{
#if __ARM_FP
  *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: full access to the floating-point unit */
  __asm volatile("dsb\n\tisb");
#endif
  volatile uint32_t *to = data_begin;
  for (const uint32_t *from = data_source; to < data_end;)
    *to++ = *from++;
  for (to = bss_begin; to < bss_end;)
    *to++ = 0;
  uint32_t *here;
  __asm volatile("mov %0, sp" : "=r"(here));
  for (to = lowest_painted(); to < here;)
    *to++ = PAINT;
  int code = main();
  const uint32_t *lowest = lowest_painted();
  int file = open_file("stack.bin", WRITE);
  write_file(file, lowest, (size_t)((const char *)stack_top - (const char *)lowest));
  close_file(file);
  leave(code);
  __builtin_unreachable();
}

__attribute__((section(".vectors"), used)) static const void *const vectors[16] = {
  stack_top, begin, fault, fault, fault, fault, fault, fault,
};
