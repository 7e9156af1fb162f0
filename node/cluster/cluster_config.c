#include "node/cluster/cluster_config.h"

#include "cluster/membership.h"

#include <ctype.h>
#include <openssl/crypto.h>

static const struct {
    const char *name;
    member_role_t role;
} roles[] = {{"gateway", MEMBER_GATEWAY},
             {"actors", MEMBER_ACTORS},
             {"media", MEMBER_MEDIA},
             {"batch", MEMBER_BATCH}};

static uint32_t role_named(str_t name)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++)
        if (str_equal(name, str_from(roles[i].name)))
            return roles[i].role;
    return 0;
}

err_t cluster_roles_read(const char *text, uint32_t *out_roles)
{
    str_t rest = str_from(text), name;
    uint32_t found = 0;
    while (str_next(&rest, ',', &name)) {
        uint32_t role = role_named(str_trim(name));
        if (role == 0)
            return ERR_INVALID;
        found |= role;
    }
    if (found == 0)
        return ERR_INVALID;
    *out_roles = found;
    return ERR_OK;
}

void cluster_roles_append(uint32_t set, buf_t *out)
{
    bool is_first = true;
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if ((set & roles[i].role) == 0)
            continue;
        buf_printf(out, "%s%s", is_first ? "" : ",", roles[i].name);
        is_first = false;
    }
}

/* ---- alone ---- */

/* An option that only means something in a cluster would be obeyed by nobody. */
static err_t check_alone(const config_t *config, buf_t *problem)
{
    const struct {
        const char *name;
        bool is_given;
    } options[] = {{"--cluster-listen", config->cluster_listen[0] != '\0'},
                   {"--cluster-advertise", config->cluster_advertise[0] != '\0'},
                   {"--zone", config->zone[0] != '\0'},
                   {"--role", strcmp(config->role, CONFIG_ROLES_ALL) != 0}};
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (!options[i].is_given)
            continue;
        buf_printf(problem,
                   "%s is for a cluster: give --cluster-key-file, too (`musicstream cluster keygen "
                   "FILE` makes it, once for all nodes)",
                   options[i].name);
        return ERR_INVALID;
    }
    return ERR_OK;
}

/* ---- in a cluster ---- */

static bool is_any_address(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0 || strcmp(host, "*") == 0 ||
           host[0] == '\0';
}

static err_t read_listen(const config_t *config, buf_t *problem, cluster_config_t *out)
{
    buf_t host BUF_SCOPED = BUF_INIT;
    uint16_t port;
    str_t text = str_from(config->cluster_listen);
    if (config->cluster_listen[0] == '\0') {
        buf_printf(problem, "a node of a cluster needs --cluster-listen HOST:PORT, an address of "
                            "this machine that the other nodes reach, like 192.0.2.10:8485");
        return ERR_INVALID;
    }
    if (config_split_address(config->cluster_listen, &host, &port) != ERR_OK ||
        !str_to_array(text, out->listen, sizeof out->listen)) {
        buf_printf(problem, "cluster-listen is '%s': use HOST:PORT, like 192.0.2.10:8485",
                   config->cluster_listen);
        return ERR_INVALID;
    }
    if (!is_any_address(buf_terminated(&host)) || config->cluster_advertise[0] != '\0')
        return ERR_OK;
    buf_printf(problem,
               "nobody can connect to %s: say with --cluster-advertise HOST:PORT where the other "
               "nodes reach this one",
               config->cluster_listen);
    return ERR_INVALID;
}

static err_t read_advertised(const config_t *config, buf_t *problem, cluster_config_t *out)
{
    buf_t host BUF_SCOPED = BUF_INIT;
    uint16_t port = 0;
    str_t text = str_from(config->cluster_advertise);
    if (str_is_empty(text))
        return ERR_OK;
    if (config_split_address(config->cluster_advertise, &host, &port) != ERR_OK || port == 0 ||
        is_any_address(buf_terminated(&host)) ||
        !str_to_array(text, out->advertised, sizeof out->advertised)) {
        buf_printf(problem,
                   "cluster-advertise is '%s': use HOST:PORT as the other nodes reach it, like "
                   "192.0.2.10:8485",
                   config->cluster_advertise);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static err_t read_zone(const config_t *config, buf_t *problem, cluster_config_t *out)
{
    str_t zone = str_from(config->zone);
    bool is_fine = str_to_array(zone, out->zone, sizeof out->zone);
    for (size_t i = 0; i < zone.size; i++)
        if (!isalnum((unsigned char)zone.data[i]) && zone.data[i] != '-' && zone.data[i] != '_' &&
            zone.data[i] != '.')
            is_fine = false;
    if (!is_fine) {
        buf_printf(problem, "zone is '%s': use at most %d letters, digits, '-', '_' and '.'",
                   config->zone, MEMBER_ZONE_SIZE - 1);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static err_t read_profile(const config_t *config, buf_t *problem, cluster_config_t *out)
{
    if (strcmp(config->cluster_profile, "usual") == 0)
        out->lease_ms = MEMBERSHIP_LEASE_MS;
    else if (strcmp(config->cluster_profile, "fast") == 0)
        out->lease_ms = MEMBERSHIP_LEASE_FAST_MS;
    else {
        buf_printf(problem, "cluster-profile is '%s': use usual or fast", config->cluster_profile);
        return ERR_INVALID;
    }
    return ERR_OK;
}

static err_t read_keys(const char *path, buf_t *problem, cluster_keys_t *out)
{
    const char *why = NULL;
    err_t err = cluster_keys_read(path, out, &why);
    if (err == ERR_NOT_FOUND)
        buf_printf(problem,
                   "there is no cluster key %s: `musicstream cluster keygen %s` makes one, once; "
                   "then copy it to each machine",
                   path, path);
    else if (err != ERR_OK)
        buf_printf(problem, "the cluster key %s can't be used: %s", path,
                   why == NULL ? err_text(err) : why);
    return err;
}

static err_t check_roles(const config_t *config, uint32_t set, buf_t *problem)
{
    if (config->root_count == 0 || (set & MEMBER_MEDIA) != 0)
        return ERR_OK;
    buf_printf(problem,
               "role is '%s', so this node reads no music: leave --music out, or add media",
               config->role);
    return ERR_INVALID;
}

static err_t read_member(const config_t *config, buf_t *problem, cluster_config_t *out)
{
    if (config->database[0] == '\0') {
        buf_printf(problem, "the nodes of a cluster share one database: give --database, too");
        return ERR_INVALID;
    }
    TRY(read_listen(config, problem, out));
    TRY(read_advertised(config, problem, out));
    TRY(read_zone(config, problem, out));
    TRY(read_profile(config, problem, out));
    if (cluster_roles_read(config->role, &out->roles) != ERR_OK) {
        buf_printf(problem,
                   "role is '%s': use some of gateway, actors, media and batch, separated by "
                   "commas",
                   config->role);
        return ERR_INVALID;
    }
    TRY(check_roles(config, out->roles, problem));
    out->weight = (uint32_t)config->weight;
    out->is_on = true;
    return read_keys(config->cluster_key_file, problem, &out->keys);
}

err_t cluster_config_read(const config_t *config, buf_t *problem, cluster_config_t *out_cluster)
{
    cluster_config_t read CLUSTER_CONFIG_SCOPED = {.roles = MEMBER_ROLES_ALL};
    if (config->cluster_key_file[0] == '\0')
        TRY(check_alone(config, problem));
    else
        TRY(read_member(config, problem, &read));
    *out_cluster = read;
    return ERR_OK;
}

void cluster_config_wipe(cluster_config_t *self)
{
    OPENSSL_cleanse(&self->keys, sizeof self->keys);
}
