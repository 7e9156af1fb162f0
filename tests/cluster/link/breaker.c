#include "tests/cluster/link/breaker.h"

#include "tests/support/check.h"
#include "tests/support/patience.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void close_pair(breaker_t *self, uint32_t index)
{
    /* A reset, so that nothing of it arrives any more. */
    struct linger at_once = {.l_onoff = 1};
    for (int side = 0; side < 2; side++) {
        setsockopt(self->pairs[index][side], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        close(self->pairs[index][side]);
    }
    self->pair_count--;
    memcpy(self->pairs[index], self->pairs[self->pair_count], sizeof self->pairs[index]);
}

static void take_one(breaker_t *self)
{
    int near = accept(self->listener, NULL, NULL);
    struct sockaddr_in to = loopback(self->to_port);
    int far = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (near < 0 || atomic_load(&self->is_shut) || self->pair_count == BREAKER_PAIRS ||
        connect(far, (struct sockaddr *)&to, sizeof to) != 0) {
        close(near);
        close(far);
        return;
    }
    self->pairs[self->pair_count][0] = near;
    self->pairs[self->pair_count][1] = far;
    self->pair_count++;
}

static int relay(breaker_t *self, int from, int to)
{
    char bytes[65536];
    ssize_t size = recv(from, bytes, sizeof bytes, 0);
    if (size <= 0)
        return 0;
    atomic_fetch_add(&self->relayed, (unsigned long)size);
    for (ssize_t done = 0, n; done < size; done += n)
        if ((n = send(to, bytes + done, (size_t)(size - done), MSG_NOSIGNAL)) <= 0)
            return 0;
    return 1;
}

static void relay_all(breaker_t *self, const struct pollfd *polls, uint32_t count)
{
    for (uint32_t i = count; i-- > 0;)
        for (int side = 0; side < 2; side++)
            if (polls[2 * i + (uint32_t)side].revents != 0 &&
                !relay(self, self->pairs[i][side], self->pairs[i][1 - side])) {
                close_pair(self, i);
                break;
            }
}

static void *breaker_main(void *breaker)
{
    breaker_t *self = breaker;
    while (!atomic_load(&self->is_ended)) {
        struct pollfd polls[2 * BREAKER_PAIRS + 1];
        uint32_t count = self->pair_count;
        for (uint32_t i = 0; i < 2 * count; i++)
            polls[i] = (struct pollfd){.fd = self->pairs[i / 2][i % 2], .events = POLLIN};
        polls[2 * count] = (struct pollfd){.fd = self->listener, .events = POLLIN};
        poll(polls, 2 * count + 1, 5);
        unsigned long wanted = atomic_load(&self->cuts_wanted);
        if (wanted != atomic_load(&self->cuts_done)) {
            while (self->pair_count > 0)
                close_pair(self, 0);
            atomic_store(&self->cuts_done, wanted);
            continue;
        }
        relay_all(self, polls, count);
        if (polls[2 * count].revents != 0)
            take_one(self);
    }
    while (self->pair_count > 0)
        close_pair(self, 0);
    return NULL;
}

void breaker_start(breaker_t *self, uint16_t to_port)
{
    *self = (breaker_t){.to_port = to_port};
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(self->listener, (struct sockaddr *)&address, size) == 0);
    cr_assert(listen(self->listener, 64) == 0);
    cr_assert(getsockname(self->listener, (struct sockaddr *)&address, &size) == 0);
    snprintf(self->address, sizeof self->address, "127.0.0.1:%u", ntohs(address.sin_port));
    cr_assert(pthread_create(&self->thread, NULL, breaker_main, self) == 0);
}

void breaker_stop(breaker_t *self)
{
    atomic_store(&self->is_ended, true);
    pthread_join(self->thread, NULL);
    close(self->listener);
}

void breaker_cut(breaker_t *self)
{
    unsigned long wanted = atomic_fetch_add(&self->cuts_wanted, 1) + 1;
    wait_until(atomic_load(&self->cuts_done) >= wanted);
}

void breaker_shut(breaker_t *self, int is_shut)
{
    atomic_store(&self->is_shut, is_shut != 0);
}
