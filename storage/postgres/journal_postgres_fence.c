/* journal_postgres_fence.c -- at which epoch a partition may be written (partitions.h).
 *
 * An append has the epoch that its actor was told before it read its stream; what was handed in
 * carries it to the server, which judges. So nothing that was decided before a partition was given
 * away lands after it came back. */

#include "storage/postgres/journal_postgres_parts.h"

#include "runtime/base/partition.h"

uint64_t journal_postgres_epoch(journal_t *journal, str_t stream)
{
    const journal_postgres_t *self = CONTAINER_OF(journal, journal_postgres_t, journal);
    return self->epochs == NULL ? 1 : partition_epochs_at(self->epochs, partition_of(stream));
}

err_t journal_postgres_may_append(journal_postgres_t *self, const journal_append_t *append)
{
    bool is_at_it =
        self->epochs == NULL ||
        partition_epochs_at(self->epochs, partition_of(append->stream)) == append->epoch;
    if (is_at_it)
        return ERR_OK;
    atomic_fetch_add(&self->fenced, 1);
    return ERR_UNAVAILABLE;
}

void journal_postgres_fenced(journal_postgres_t *self, const journal_append_t *append)
{
    atomic_fetch_add(&self->fenced, 1);
    if (self->epochs != NULL)
        partition_epochs_lost(self->epochs, partition_of(append->stream), append->epoch);
}

err_t journal_postgres_own_all(journal_postgres_t *self)
{
    return self->alone == NULL ? ERR_OK
                               : partitions_take_alone(self->writer, self->log, self->alone);
}
