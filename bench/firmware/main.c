/* Feeds a generated model from a file and keeps what it answers, on a bare core under QEMU.
 *
 * in.bin has one input after the other; out.bin gets one output each, and stack.bin what is left of the painted stack.
 * Files are reached by semihosting: a breakpoint that QEMU answers, so no C library stands between. Built with
 * -DIDLE, everything is done but the inference: what the two builds differ by is the model's own.
 */
#include "bknn_model.h"
#include "calls.h"

static uint8_t arena[BKNN_MODEL_ARENA_SIZE + 1] __attribute__((aligned(BKNN_MODEL_ARENA_ALIGNMENT)));
static int8_t input[BKNN_MODEL_INPUT_BYTES] __attribute__((aligned(16)));
static int8_t output[BKNN_MODEL_OUTPUT_BYTES] __attribute__((aligned(16)));

int main(void)
{
  int from = open_file("in.bin", READ), to = open_file("out.bin", WRITE);
  if (from < 0 || to < 0)
    return 1;
  __asm volatile("" : : "r"(arena)); /* kept in both builds, so that both take as long to clear it */
  while (read_file(from, input, sizeof input)) {
#ifndef IDLE
    bknn_model_infer(arena, input, output);
#endif
    if (!write_file(to, output, sizeof output))
      return 2;
  }
  close_file(to);
  return 0;
}
