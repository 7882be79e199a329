/* A plugin for QEMU 7 and 8 that counts the instructions a guest executes.
 *
 * The few functions of the plugin interface that it needs are declared here, so it builds without QEMU's headers. QEMU
 * translates guest code block by block; each block adds its number of instructions every time it runs.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct qemu_plugin_tb;
typedef uint64_t plugin_id;
enum { ADD_TO_COUNTER = 0 };

extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id id, void (*call)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int what, void *counter,
                                                     uint64_t by);
extern void qemu_plugin_register_atexit_cb(plugin_id id, void (*call)(plugin_id, void *), void *data);

int qemu_plugin_version = 1;

static uint64_t executed;

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
  (void)id;
  qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_TO_COUNTER, &executed, qemu_plugin_tb_n_insns(block));
}

static void ended(plugin_id id, void *data)
{
  (void)id;
  (void)data;
  fprintf(stderr, "\ninstructions executed: %" PRIu64 "\n", executed);
}

int qemu_plugin_install(plugin_id id, const void *about, int count, char **arguments)
{
  (void)about;
  (void)count;
  (void)arguments;
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  qemu_plugin_register_atexit_cb(id, ended, NULL);
  return 0;
}
