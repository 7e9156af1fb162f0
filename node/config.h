#pragma once
/* config.h -- what a node is told: one table of options, from defaults, then a file, then the
 * environment, then flags.
 *
 * An option NAME is `name = value` in musicstream.conf (INI), MUSICSTREAM_NAME in the environment
 * and --name VALUE on the command line; each later source wins. A boolean flag may stand without a
 * value. `music` and `plugin` may be given several times on the command line; in the file and the
 * environment their values are separated by ':' and later sources replace earlier ones.
 *
 * Ownership  config_t owns its strings.
 * Errors     INVALID with a sentence in `problem` that names the option, the source and what would
 * be right. */

#include "runtime/base/buf.h"

enum { CONFIG_ROOTS_MAX = 16, CONFIG_PLUGINS_MAX = 32, CONFIG_PROBLEM_SIZE = 512 };

#define CONFIG_ROLES_ALL "gateway,actors,media,batch"

typedef enum config_source {
    CONFIG_DEFAULT,
    CONFIG_FILE,
    CONFIG_ENVIRONMENT,
    CONFIG_FLAG,
    CONFIG_SOURCES
} config_source_t;

/*  name              default            what it is */
#define CONFIG_STRINGS(X)                                                                          \
    X(listen, "127.0.0.1:8484", "HOST:PORT that players connect to; port 0 finds a free one")      \
    X(data, "data", "the folder that holds everything the node remembers")                         \
    X(web, "", "the folder of the built player; empty: beside the program")                        \
    X(media_program, "", "the media worker; empty: beside the program")                            \
    X(host, "",                                                                                    \
      "further names that players use, separated by commas: music.lan, https://music.example "     \
      "(behind a proxy with TLS)")                                                                 \
    X(public_url, "",                                                                              \
      "http://HOST[:PORT] or https://HOST[:PORT] by which browsers reach this node of a cluster: " \
      "players at another one go on here when that ends; empty: nobody is told of it")             \
    X(cookie_domain, "",                                                                           \
      "the domain that the public URLs of all nodes are in, where their hosts differ: a session "  \
      "is good at each of them. Nothing else should be in it")                                     \
    X(log_level, "info", "debug, info, warning or error")                                          \
    X(recorder, "life", "what the flight recorder notes: off, life, or messages (every one)")      \
    X(recorder_folder, "",                                                                         \
      "where it lies; empty: DATA/recorder. A folder in memory never waits for a disk")            \
    X(master_key_file, "",                                                                         \
      "the key that wraps the users' keys, 64 hexadecimal digits; empty: DATA/keys/master")        \
    X(master_key_command, "", "a command that prints it")                                          \
    X(blobs, "",                                                                                   \
      "s3://BUCKET[/PREFIX]?region=R&endpoint=URL for covers and lyrics; empty: the data folder")  \
    X(blobs_credentials, "",                                                                       \
      "a file (0600) with aws_access_key_id, aws_secret_access_key; empty: AWS_* in the "          \
      "environment")                                                                               \
    X(cluster_key_file, "",                                                                        \
      "the key of the cluster that this node belongs to: `musicstream cluster keygen FILE`, the "  \
      "same on each node; empty: it is alone")                                                     \
    X(cluster_listen, "", "HOST:PORT that the cluster's other nodes connect to")                   \
    X(cluster_advertise, "", "HOST:PORT that they are told; empty: as --cluster-listen")           \
    X(media_listen, "",                                                                            \
      "HOST:PORT where the cluster's other nodes fetch music from this one; empty: a free port "   \
      "where --cluster-listen is")                                                                 \
    X(cluster_profile, "usual",                                                                    \
      "how soon a dead node is noticed: usual, or fast (a third of the time, more traffic); the "  \
      "same on each node")                                                                         \
    X(role, CONFIG_ROLES_ALL,                                                                      \
      "what this node does, separated by commas: gateway, actors, media, batch")                   \
    X(zone, "", "where it stands: nodes of one zone fail together")

/* Strings that may hold a password: never shown. */
#define CONFIG_SECRETS(X)                                                                          \
    X(database, "",                                                                                \
      "postgresql://... of a database of its own; empty: a journal in the data folder")            \
    X(database_direct, "",                                                                         \
      "the same server without a pooler, for migrations and to hear of other nodes' commits; "     \
      "empty: as --database")                                                                      \
    X(database_replica, "",                                                                        \
      "a standby of it, to read from what projections and backups follow; empty: none")            \
    X(master_key, "", "the same key itself: in the environment only")

#define CONFIG_NUMBERS(X)                                                                          \
    X(schedulers, 0, 0, 256, "threads that run actors; 0: one a core")                             \
    X(media_workers, 0, 0, 64, "processes that read and encode media; 0: one a core")              \
    X(cache_mb, 2048, 16, 1048576, "disk space for encoded segments, in MiB")                      \
    X(blobs_cache_mb, 1024, 16, 1048576, "disk space for covers and lyrics of a bucket, in MiB")   \
    X(blobs_tend_s, 86400, 0, 31536000,                                                            \
      "seconds between two sweeps and scrubs of covers and lyrics in the data folder; 0: none")    \
    X(memory_actors_mb, 0, 0, 1048576,                                                             \
      "memory of actors, in MiB, past which those that idled longest leave; 0: no bound")          \
    X(weight, 100, 1, 10000, "of its share of the cluster's work; 200 is twice what 100 is")       \
    X(search_work, 0, 0, 100000000,                                                                \
      "work that searches may do at once on a thread that serves requests; 0: 100,000")            \
    X(map_gb, 64, 1, 4096, "address space for each storage environment, in GiB; not disk space")

#define CONFIG_SWITCHES(X)                                                                         \
    X(allow_plain_http, false, "sign-in over plain HTTP from other machines than this one")        \
    X(encrypt_blobs, false, "what goes to the bucket is encrypted; it stays so")                   \
    X(encrypt_segments, false, "the cache of encoded sound is encrypted")                          \
    X(log_json, false, "log lines as JSON")                                                        \
    X(watch, true, "follow changes in the music folders as they happen")                           \
    X(latencies, false, "measure how long messages wait and take, for /metrics and `top --types`") \
    X(scan_at_start, true, "look for changes in the music folders when the node starts")

typedef struct config_root {
    char *name, *path;
} config_root_t;

typedef struct config {
#define CONFIG_STRING_FIELD(name, fallback, help) char *name;
#define CONFIG_NUMBER_FIELD(name, fallback, min, max, help) uint64_t name;
#define CONFIG_SWITCH_FIELD(name, fallback, help) bool name;
    CONFIG_STRINGS(CONFIG_STRING_FIELD)
    CONFIG_SECRETS(CONFIG_STRING_FIELD)
    CONFIG_NUMBERS(CONFIG_NUMBER_FIELD)
    CONFIG_SWITCHES(CONFIG_SWITCH_FIELD)
#undef CONFIG_STRING_FIELD
#undef CONFIG_NUMBER_FIELD
#undef CONFIG_SWITCH_FIELD
    config_root_t roots[CONFIG_ROOTS_MAX]; /* music */
    uint32_t root_count;
    config_source_t sources[64]; /* by the order of config_describe */
    config_source_t roots_source;
    char *plugins[CONFIG_PLUGINS_MAX]; /* plugin */
    uint32_t plugin_count;
    config_source_t plugins_source;
    char problem[CONFIG_PROBLEM_SIZE];
} config_t;

void config_deinit(config_t *self);
#define CONFIG_SCOPED SCOPED(config_deinit)

/* Reads all sources. `environment` is like environ. arguments start after the command's name;
 * --config FILE names the file (default musicstream.conf in the working folder, which may be
 * missing). Positional arguments are left in order at the front of `arguments`, and *out_rest
 * counts them. */
err_t config_load(config_t *self, char **environment, int count, char **arguments, int *out_rest);

/* A line an option: name, value, where it came from. */
void config_describe(const config_t *self, buf_t *out);
/* The options with their defaults, for --help. */
void config_help(buf_t *out);
/* Splits "HOST:PORT" or "[V6]:PORT". */
err_t config_split_address(const char *address, buf_t *out_host, uint16_t *out_port);
