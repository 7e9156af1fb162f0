/* control_keys.c -- the master key, replaced while the node serves. */

#include "actors/protocol/audit.h"
#include "node/backup/erase_again.h"
#include "node/keys_open.h"
#include "node/parts.h"
#include "storage/crypt/master_key.h"

#include <openssl/crypto.h>

static void noted(void *context, const answer_t *answer)
{
    const master_rotation_t *self = context;
    if (answer->err != ERR_OK)
        log_warning(self->log, "keys", "the new master key is not in the audit log: %s",
                    err_text(answer->err));
}

static err_t keep(void *context, const aead_key_t *master)
{
    const master_rotation_t *self = context;
    return self->is_ours ? keys_keep(self->config, master) : ERR_OK;
}

static err_t rotate(void *data)
{
    master_rotation_t *self = data;
    const vault_rotation_t rotation = {.keep = keep, .context = self};
    return vault_rotate(self->vault, self->has_next ? &self->next : NULL, &rotation);
}

/* Said once: what goes away by itself is the journal's matter, too, which says it. */
void privacy_follow(master_rotation_t *self)
{
    const vault_rotation_t rotation = {.keep = keep, .context = self};
    err_t err = vault_follow(self->vault, &rotation);
    if (err == self->follow_err)
        return;
    self->follow_err = err;
    if (err == ERR_FORBIDDEN)
        log_error(self->log, "keys",
                  "another node has replaced the master key while this one was cut off: start it "
                  "again with the new one; until then keys that are not in memory can't be used");
    else if (err != ERR_OK && err != ERR_UNAVAILABLE && err != ERR_TIMEOUT)
        log_warning(self->log, "keys", "what other nodes did with the users' keys is not known: %s",
                    err_text(err));
}

static void rotated(void *data, err_t err)
{
    master_rotation_t *self = data;
    self->is_running = false;
    self->err = err;
    OPENSSL_cleanse(&self->next, sizeof self->next);
    if (err != ERR_OK) {
        log_error(self->log, "keys",
                  "the master key could not be replaced everywhere, both stay good: %s",
                  err_text(err));
        return;
    }
    log_info(self->log, "keys", "the master key was replaced");
    edge_ask(self->edge, address_of(AUDIT_KIND, AUDIT_KEY), ASK_TIMEOUT_MS, (str_t){0}, noted, self,
             audit_note, .action = AUDIT_MASTER_KEY_CHANGED);
}

static void run(master_rotation_t *self)
{
    self->is_running = true;
    edge_offload(self->edge, OFFLOAD_FILE, rotate, rotated, self);
}

static void resumed(void *context, const answer_t *answer)
{
    const master_rotation_t *self = context;
    if (answer->err != ERR_OK)
        log_warning(self->log, "privacy", "erasures that were cut short wait: %s",
                    err_text(answer->err));
}

static void resume_erasures(master_rotation_t *self)
{
    edge_ask(self->edge, address_of(AUDIT_KIND, AUDIT_KEY), ASK_TIMEOUT_MS, (str_t){0}, resumed,
             self, audit_resume);
}

void privacy_start(master_rotation_t *self)
{
    if (vault_is_rotating(self->vault))
        run(self);
    erase_again_start(self, resume_erasures);
}

/* ---- the control socket ---- */

static err_t next_master(master_rotation_t *self, str_t path, buf_t *problem)
{
    const ms_random_t random = random_system();
    buf_t file BUF_SCOPED = BUF_INIT;
    if (self->is_running) {
        buf_printf(problem, "the master key is being replaced already");
        return ERR_BUSY;
    }
    if (self->is_ours != str_is_empty(path)) {
        buf_printf(problem, self->is_ours
                                ? "the node keeps its master key itself: leave the file out"
                                : "say where the new key is: --new-master-key-file FILE");
        return ERR_INVALID;
    }
    if (self->is_ours) {
        random_fill(&random, self->next.bytes, sizeof self->next.bytes);
        return ERR_OK;
    }
    buf_append(&file, path);
    return master_key_from_file(buf_terminated(&file), problem, &self->next);
}

void control_keys_rotate(control_request_t *request)
{
    master_rotation_t *self = &((node_t *)control_user(request))->rotation;
    buf_t problem BUF_SCOPED = BUF_INIT;
    err_t err = next_master(self, control_argument(request, "file"), &problem);
    if (err != ERR_OK) {
        control_refuse(request, err, buf_str(&problem));
        return;
    }
    /* One that was cut short has to come to its end first: its new key is no longer known here. */
    self->has_next = !vault_is_rotating(self->vault);
    run(self);
    control_reply(request, STR("{}"));
}

void control_keys_status(control_request_t *request)
{
    const master_rotation_t *self = &((node_t *)control_user(request))->rotation;
    buf_t body BUF_SCOPED = BUF_INIT, name BUF_SCOPED = BUF_INIT;
    json_t json = json_to(&body);
    vault_master_name(self->vault, &name);
    json_object_begin(&json);
    json_key_str(&json, "master", buf_str(&name));
    json_key_bool(&json, "is_running", self->is_running);
    json_key_bool(&json, "is_rotating", vault_is_rotating(self->vault));
    json_key_str(&json, "problem", str_from(self->err == ERR_OK ? "" : err_text(self->err)));
    json_object_end(&json);
    control_reply(request, buf_str(&body));
}
