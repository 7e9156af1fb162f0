/* blobs.*: MiB a second of blobs of 256 KiB, put and got, not synced: in a folder beside bare files
 * written and renamed; sealed beside unsealed; in a bucket beside libcurl alone, one at a time over
 * one connection, both against tests/support/blobs/s3_server.py, which checks signatures and is the
 * slower part. Medians of alternating runs. */

#include "bench/bench.h"
#include "runtime/base/assert.h"
#include "runtime/base/text.h"
#include "storage/blob/blob_sealed.h"
#include "storage/blob/blob_store_folder.h"
#include "storage/file.h"
#include "tests/support/blobs/s3_server.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <ftw.h>
#include <openssl/sha.h>
#include <string.h>
#include <unistd.h>

enum { BLOB = 256 * 1024, BLOBS = 200, BUCKET_BLOBS = 40 };

typedef struct bench {
    char folder[64];
    blob_store_t *plain, *sealed, *bucket;
    CURL *curl;
    uint32_t port;
    buf_t content, out;
} bench_t;

static void name_of(uint32_t number, char room[64])
{
    snprintf(room, 64, "b/%02x/%02x/blob-%u", number % 256, number * 7 % 256, number);
}

static double rate(uint32_t count, double seconds)
{
    return count * (double)BLOB / (1 << 20) / seconds;
}

/* ---- a store ---- */

static double put_all(bench_t *self, blob_store_t *store, uint32_t count)
{
    double begun = bench_seconds();
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        name_of(i, name);
        ASSERT(blob_store_put(store, str_from(name), buf_str(&self->content)) == ERR_OK);
    }
    return rate(count, bench_seconds() - begun);
}

static double get_all(bench_t *self, blob_store_t *store, uint32_t count)
{
    double begun = bench_seconds();
    for (uint32_t i = 0; i < count; i++) {
        char name[64];
        name_of(i, name);
        buf_reset(&self->out);
        ASSERT(blob_store_get(store, str_from(name), &self->out) == ERR_OK);
        ASSERT(self->out.size == BLOB);
    }
    return rate(count, bench_seconds() - begun);
}

/* ---- bare files ---- */

static double write_files(bench_t *self)
{
    double begun = bench_seconds();
    for (uint32_t i = 0; i < BLOBS; i++) {
        char path[128], beside[128];
        snprintf(path, sizeof path, "%s/bare-%u", self->folder, i);
        snprintf(beside, sizeof beside, "%s/.new", self->folder);
        int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ASSERT(fd >= 0 && file_write_all(fd, buf_str(&self->content)) == ERR_OK);
        close(fd);
        ASSERT(rename(beside, path) == 0);
    }
    return rate(BLOBS, bench_seconds() - begun);
}

static double read_files(bench_t *self)
{
    double begun = bench_seconds();
    for (uint32_t i = 0; i < BLOBS; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/bare-%u", self->folder, i);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        buf_reset(&self->out);
        ASSERT(fd >= 0 && file_read_at(fd, 0, BLOB, &self->out) == ERR_OK);
        close(fd);
    }
    return rate(BLOBS, bench_seconds() - begun);
}

/* ---- bare libcurl ---- */

static size_t take(char *data, size_t size, size_t count, void *context)
{
    buf_append_bytes(context, data, size * count);
    return size * count;
}

typedef struct body {
    str_t left;
} body_t;

static size_t give(char *room, size_t size, size_t count, void *context)
{
    body_t *body = context;
    size_t part = MIN(size * count, body->left.size);
    memcpy(room, body->left.data, part);
    body->left = str_slice(body->left, part, body->left.size);
    return part;
}

static void ask(bench_t *self, uint32_t number, bool is_put)
{
    s3_credentials_t who = s3_server_credentials();
    char url[256], name[64], line[128] = "x-amz-content-sha256: ", token[256];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    body_t body = {is_put ? buf_str(&self->content) : (str_t){NULL, 0}};
    buf_t hex BUF_SCOPED = BUF_INIT;
    name_of(number, name);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/test.bucket/bench/%s", self->port, name);
    SHA256((const unsigned char *)(is_put ? body.left.data : ""), body.left.size, digest);
    hex_append(&hex, str_of(digest, sizeof digest));
    strncat(line, buf_terminated(&hex), sizeof line - strlen(line) - 1);
    snprintf(token, sizeof token, "x-amz-security-token: %.200s", who.session_token);
    struct curl_slist *headers = curl_slist_append(curl_slist_append(NULL, line), token);
    curl_easy_reset(self->curl);
    curl_easy_setopt(self->curl, CURLOPT_URL, url);
    curl_easy_setopt(self->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(self->curl, CURLOPT_AWS_SIGV4, "aws:amz:test-region-1:s3");
    curl_easy_setopt(self->curl, CURLOPT_USERNAME, who.access_key);
    curl_easy_setopt(self->curl, CURLOPT_PASSWORD, who.secret_key);
    curl_easy_setopt(self->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(self->curl, CURLOPT_WRITEDATA, &self->out);
    curl_easy_setopt(self->curl, CURLOPT_UPLOAD, is_put ? 1L : 0L);
    curl_easy_setopt(self->curl, CURLOPT_READFUNCTION, give);
    curl_easy_setopt(self->curl, CURLOPT_READDATA, &body);
    curl_easy_setopt(self->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)body.left.size);
    curl_easy_setopt(self->curl, CURLOPT_FAILONERROR, 1L);
    buf_reset(&self->out);
    ASSERT(curl_easy_perform(self->curl) == CURLE_OK);
    curl_slist_free_all(headers);
}

static double ask_all(bench_t *self, bool is_put)
{
    double begun = bench_seconds();
    for (uint32_t i = 0; i < BUCKET_BLOBS; i++)
        ask(self, i, is_put);
    return rate(BUCKET_BLOBS, bench_seconds() - begun);
}

/* ---- figures ---- */

static void print_pair(const char *name, double *ours, double *bare)
{
    char ratio[96];
    snprintf(ratio, sizeof ratio, "%s.vs.bare", name);
    double mine = bench_median(ours, BENCH_PAIRS), theirs = bench_median(bare, BENCH_PAIRS);
    bench_print(name, mine, "MiB/s");
    bench_print(ratio, mine / theirs, "x");
}

static void measure_files(bench_t *self)
{
    double put[BENCH_PAIRS], get[BENCH_PAIRS], bare_put[BENCH_PAIRS], bare_get[BENCH_PAIRS];
    double sealed_put[BENCH_PAIRS], sealed_get[BENCH_PAIRS];
    write_files(self); /* warm */
    for (int i = 0; i < BENCH_PAIRS; i++) {
        bare_put[i] = write_files(self);
        put[i] = put_all(self, self->plain, BLOBS);
        sealed_put[i] = put_all(self, self->sealed, BLOBS);
        bare_get[i] = read_files(self);
        get[i] = get_all(self, self->plain, BLOBS);
        sealed_get[i] = get_all(self, self->sealed, BLOBS);
    }
    print_pair("blobs.folder.put", put, bare_put);
    print_pair("blobs.folder.get", get, bare_get);
    print_pair("blobs.sealed.put", sealed_put, bare_put);
    print_pair("blobs.sealed.get", sealed_get, bare_get);
}

static void measure_bucket(bench_t *self)
{
    double put[BENCH_PAIRS], get[BENCH_PAIRS], bare_put[BENCH_PAIRS], bare_get[BENCH_PAIRS];
    for (int i = 0; i < BENCH_PAIRS; i++) {
        bare_put[i] = ask_all(self, true);
        put[i] = put_all(self, self->bucket, BUCKET_BLOBS);
        bare_get[i] = ask_all(self, false);
        get[i] = get_all(self, self->bucket, BUCKET_BLOBS);
    }
    print_pair("blobs.bucket.put", put, bare_put);
    print_pair("blobs.bucket.get", get, bare_get);
}

static blob_store_t *folder_store(const bench_t *self, const char *name)
{
    char path[128];
    blob_store_t *store = NULL;
    snprintf(path, sizeof path, "%s/%s", self->folder, name);
    ASSERT(blob_store_folder_open(&(blob_store_folder_options_t){path, false}, &store) == ERR_OK);
    return store;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info, (void)type, (void)at;
    return remove(path);
}

int main(void)
{
    bench_t self = {.folder = "/tmp/bench-blobs-XXXXXX"};
    const ms_random_t random = random_system();
    const blob_keys_t keys = {.name = {1}};
    s3_server_t server;
    ASSERT(mkdtemp(self.folder) != NULL);
    char *room = buf_extend(&self.content, BLOB);
    ASSERT(room != NULL);
    random_fill(&random, room, BLOB);
    self.plain = folder_store(&self, "plain");
    ASSERT(blob_sealed_open(folder_store(&self, "sealed"), &keys, &random, &self.sealed) == ERR_OK);
    measure_files(&self);
    s3_server_start(&server, 0);
    self.port = server.port;
    self.curl = curl_easy_init();
    self.bucket = s3_server_store(server.port, "bench", (s3_store_options_t){0});
    ASSERT(self.curl != NULL);
    measure_bucket(&self);
    curl_easy_cleanup(self.curl);
    blob_store_close(self.bucket);
    s3_server_stop(&server);
    blob_store_close(self.plain);
    blob_store_close(self.sealed);
    buf_deinit(&self.content);
    buf_deinit(&self.out);
    nftw(self.folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
