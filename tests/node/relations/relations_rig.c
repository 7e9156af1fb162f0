#include "relations_rig.h"

#include "node/relations.h"
#include "tests/support/check.h"

void rig_open_journal(relations_rig_t *self, const char *address)
{
    journal_postgres_close(self->journal);
    self->journal = NULL;
    check_ok(journal_postgres_open(&(journal_postgres_options_t){.address = address,
                                                                 .timeout_ms = POSTGRES_PATIENCE_MS,
                                                                 .relations = node_relations()},
                                   &self->journal));
}

void rig_start(relations_rig_t *self)
{
    *self = (relations_rig_t){0};
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->landed, NULL);
    postgres_start(&self->server);
    rig_open_journal(self, self->server.address);
    check_ok(pg_open(
        &(pg_options_t){.address = self->server.address, .timeout_ms = POSTGRES_PATIENCE_MS},
        &self->pg));
}

void rig_stop(relations_rig_t *self)
{
    journal_postgres_close(self->journal);
    pg_close(self->pg);
    postgres_stop(&self->server);
}

static void landed(void *context, err_t err, uint64_t version, uint64_t position)
{
    relations_rig_t *self = context;
    (void)version, (void)position;
    pthread_mutex_lock(&self->lock);
    self->in_flight--;
    self->ok += err == ERR_OK;
    self->refused += err != ERR_OK;
    if (self->err == ERR_OK)
        self->err = err;
    pthread_cond_signal(&self->landed);
    pthread_mutex_unlock(&self->lock);
}

void rig_append(relations_rig_t *self, str_t stream, uint64_t *version, const schema_t *schema,
                const void *event)
{
    buf_t payload BUF_SCOPED = BUF_INIT;
    schema_encode(schema, event, &payload);
    journal_event_t journal_event = {str_from(schema->name), buf_str(&payload)};
    pthread_mutex_lock(&self->lock);
    self->in_flight++;
    pthread_mutex_unlock(&self->lock);
    journal_t *journal = journal_postgres_journal(self->journal);
    journal->table->append(journal,
                           &(journal_append_t){.stream = stream,
                                               .expected_version = (*version)++,
                                               .epoch = 1,
                                               .wall_ms = 1700000000000 + (int64_t)*version,
                                               .events = &journal_event,
                                               .event_count = 1,
                                               .done = landed,
                                               .done_context = self});
}

void rig_wait(relations_rig_t *self)
{
    pthread_mutex_lock(&self->lock);
    while (self->in_flight > 0)
        pthread_cond_wait(&self->landed, &self->lock);
    pthread_mutex_unlock(&self->lock);
}

int64_t rig_number(relations_rig_t *self, const char *sql)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_run(self->pg, &(pg_statement_t){.sql = sql}, &result));
    cr_assert(PQntuples(result) == 1 && PQgetlength(result, 0, 0) == 8, "%s", sql);
    return pg_get_i64(result, 0, 0);
}

void rig_text(relations_rig_t *self, const char *sql, buf_t *out)
{
    PGresult *result PG_RESULT_SCOPED = NULL;
    check_ok(pg_run(self->pg, &(pg_statement_t){.sql = sql}, &result));
    for (int row = 0; row < PQntuples(result); row++) {
        if (row > 0)
            buf_append_char(out, ' ');
        buf_append(out, pg_get_str(result, row, 0));
    }
}

void rig_digest(relations_rig_t *self, buf_t *out)
{
    relation_list_t list = node_relations();
    for (size_t i = 0; i < list.count; i++)
        for (size_t k = 0; k < RELATION_TABLES_MAX && list.items[i]->tables[k] != NULL; k++) {
            char sql[200];
            snprintf(sql, sizeof sql,
                     "SELECT '%s ' || rows || ' ' || sum FROM ms_digest('public.%s')",
                     list.items[i]->tables[k], list.items[i]->tables[k]);
            rig_text(self, sql, out);
            buf_append_char(out, '\n');
        }
}
