/* SPDX-License-Identifier: Apache-2.0 */
/* What one master writes another one reads; what it can't read it says. */
#include "process/handover.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static int some_fd(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool closes_on_exec(int fd)
{
    return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static int memfd_of(const char *text)
{
    const int fd = memfd_create("test", 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static const char *refusal_of(const char *text)
{
    struct handover h;
    const char *why = "";
    cr_assert(!handover_read(memfd_of(text), &h, &why));
    return why;
}

Test(handover, reads_what_was_written)
{
    int fds[] = {some_fd(), some_fd()}, fd;
    struct socket_group group = {
        .fds = fds, .n = 2, .in_force = 2, .admin = false, .given = true, .shared = true};
    cr_assert(addr_parse(SLICE("127.0.0.1:0"), &group.at));
    cr_assert(addr_parse(SLICE("127.0.0.1:4711"), &group.bound));
    struct handover h = {.pid = 99,
                         .channel = some_fd(),
                         .shm_fd = some_fd(),
                         .state = handover_state(),
                         .generation = 7,
                         .oldest = 5,
                         .hash_key = {UINT64_MAX, 1},
                         .sockets = {.groups = &group, .n = 1}};
    h.slots[0] = h.slots[STATS_SLOTS_MAX - 1] = true;
    const int memfd = handover_write(&h);
    cr_assert_geq(memfd, 0);
    handover_pass(&h, memfd);
    cr_assert(!closes_on_exec(memfd) && !closes_on_exec(h.channel) && !closes_on_exec(fds[1]));

    struct handover got;
    const char *why;
    cr_assert(handover_given(&fd));
    cr_assert_eq(fd, memfd);
    cr_assert(!handover_given(&fd), "the environment has forgotten it");
    cr_assert(handover_read(memfd, &got, &why), "%s", why);
    cr_assert(got.pid == 99 && got.generation == 7 && got.oldest == 5);
    cr_assert(got.channel == h.channel && got.shm_fd == h.shm_fd && got.state == h.state);
    cr_assert(got.hash_key[0] == UINT64_MAX && got.hash_key[1] == 1);
    cr_assert_eq(memcmp(got.slots, h.slots, sizeof h.slots), 0);
    cr_assert_eq(got.sockets.n, 1);
    const struct socket_group *g = &got.sockets.groups[0];
    cr_assert(addr_eq(&g->at, &group.at) && addr_eq(&g->bound, &group.bound));
    cr_assert(g->n == 2 && g->in_force == 2 && g->fds[0] == fds[0] && g->fds[1] == fds[1]);
    cr_assert(!g->admin && g->given && g->shared);
    cr_assert(closes_on_exec(got.channel) && closes_on_exec(got.shm_fd) && closes_on_exec(fds[1]));
    sockets_leave(&got.sockets);
}

Test(handover, is_not_given_to_a_process_that_was_started_otherwise)
{
    static const char *const values[] = {"", "x", "-1", "2", "99999999999", "3x"};
    int fd;
    unsetenv("WEIR_HANDOVER");
    cr_assert(!handover_given(&fd));
    for (size_t i = 0; i < array_n(values); i++) {
        setenv("WEIR_HANDOVER", values[i], 1);
        cr_assert(!handover_given(&fd), "%s", values[i]);
    }
}

Test(handover, that_cannot_be_read_says_why)
{
    cr_assert(strstr(refusal_of(""), "can't be read"));
    cr_assert(strstr(refusal_of("[1, 2"), "can't be read"));
    cr_assert(strstr(refusal_of("{}"), "another format"));
    cr_assert(strstr(refusal_of("{\"format\": 2}"), "another format"));
    cr_assert(strstr(refusal_of("{\"format\": 1, \"pid\": 3}"), "lacks something"));
}

#define HEAD                                                                                       \
    "{\"format\": 1, \"pid\": 3, \"generation\": 1, \"oldest\": 1, \"new in version 9\": [],"      \
    " \"state\": \"0000000000000001\", \"key0\": \"0000000000000002\","                            \
    " \"key1\": \"0000000000000003\", \"slots\": [%s], \"channel\": %d, \"region\": %d,"           \
    " \"sockets\": [%s]}"

static const char *refusal_with(const char *slots, int channel, int region, const char *sockets)
{
    char text[1024];
    struct handover h;
    const char *why = NULL;
    snprintf(text, sizeof text, HEAD, slots, channel, region, sockets);
    (void)!handover_read(memfd_of(text), &h, &why);
    sockets_leave(&h.sockets);
    return why;
}

Test(handover, of_descriptors_that_are_not_open_is_refused)
{
    const int fd = some_fd();
    cr_assert_null(refusal_with("1, 2", fd, fd, ""), "members that aren't known are ignored");
    cr_assert(strstr(refusal_with("", 999, fd, ""), "isn't open"));
    cr_assert(strstr(refusal_with("", fd, 999, ""), "isn't open"));
    cr_assert(strstr(refusal_with("512", fd, fd, ""), "lacks something"));
    cr_assert(strstr(refusal_with("-1", fd, fd, ""), "lacks something"));
    cr_assert(strstr(refusal_with("", fd, fd,
                                  "{\"at\": \"1.2.3.4:80\", \"bound\": \"1.2.3.4:80\", "
                                  "\"fds\": [998]}"),
                     "isn't open"));
    cr_assert(strstr(refusal_with("", fd, fd, "{\"at\": \"nowhere\", \"fds\": []}"), "isn't open"));
}
