/* The warehouse: an example of the runtime outside of music. Builds against the installed library:
 * see README.md. */

#include "warehouse.h"

#include <runtime/journal_memory.h>
#include <stdio.h>
#include <stdlib.h>

static err_t open_warehouse(runtime_t *runtime, uv_sem_t *closed)
{
    TRY(runtime_register(runtime, &stock_kind, NULL));
    TRY(runtime_register(runtime, &order_kind, NULL));
    TRY(runtime_register(runtime, &dock_kind, NULL));
    TRY(runtime_register(runtime, &clerk_kind, closed));
    TRY(runtime_start(runtime));
    return runtime_send(runtime, address_of("clerk", STR("main")), clerk_open);
}

int main(void)
{
    journal_memory_t *journal = NULL;
    runtime_t *runtime = NULL;
    uv_sem_t closed;
    if (uv_sem_init(&closed, 0) != 0 || journal_memory_new(false, &journal) != ERR_OK)
        return EXIT_FAILURE;
    runtime_options_t options = {.journal = journal_memory_journal(journal)};
    err_t err = runtime_new(&options, &runtime);
    if (err == ERR_OK)
        err = open_warehouse(runtime, &closed);
    if (err == ERR_OK) {
        uv_sem_wait(&closed);
        err = runtime_drain(runtime, 5000);
    }
    if (err != ERR_OK)
        fprintf(stderr, "warehouse: %s\n", err_text(err));
    runtime_free(runtime);
    journal_memory_free(journal);
    uv_sem_destroy(&closed);
    return err == ERR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
