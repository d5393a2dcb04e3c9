/* SPDX-License-Identifier: Apache-2.0 */
/* A thread accepts, one for each connection serves. What was taken stands behind one lock. */
#include "tests/lib/collector.h"

#include "tests/lib/otlp_proto.h"
#include "tests/lib/rig.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 64, REQUEST_MAX = 8 << 20 };

static struct {
    pthread_mutex_t lock;
    pthread_t acceptor;
    pthread_t threads[CONNECTIONS];
    int fds[CONNECTIONS], listener;
    unsigned connections, requests, now, most, delay_ms;
    int status;
    char fields[256], body[512], fault[256], head[4096];
    json_t *spans, *resource;
} all = {.lock = PTHREAD_MUTEX_INITIALIZER, .listener = -1};

/* -- what came --------------------------------------------------------------------------------- */

static void note_fault(const char *fault)
{
    if (!all.fault[0])
        snprintf(all.fault, sizeof all.fault, "%s", fault);
}

static void keep_spans(const json_t *request)
{
    size_t i, k;
    json_t *one, *scope;
    json_array_foreach(json_object_get(request, "resourceSpans"), i, one)
    {
        json_decref(all.resource);
        all.resource = json_incref(json_object_get(one, "resource"));
        json_array_foreach(json_object_get(one, "scopeSpans"), k, scope)
        {
            json_array_extend(all.spans, json_object_get(scope, "spans"));
        }
    }
}

/* With the lock. */
static void take(const char *head, const char *body, size_t n)
{
    char fault[256] = "it is no JSON";
    json_t *request = json_loadb(body, n, JSON_REJECT_DUPLICATES, NULL);
    all.requests++;
    snprintf(all.head, sizeof all.head, "%s", head);
    if (strncmp(head, "POST ", 5) != 0 ||
        !strcasestr(head, "\r\ncontent-type: application/json\r\n"))
        note_fault("it is no POST of application/json");
    if (!otlp_check(request, fault, sizeof fault))
        note_fault(fault);
    else if (all.status == 200)
        keep_spans(request);
    json_decref(request);
}

/* -- connections ------------------------------------------------------------------------------- */

static bool say(int fd, int status, const char *fields, const char *body)
{
    char text[1024];
    const int n = snprintf(text, sizeof text,
                           "HTTP/1.1 %d x\r\nContent-Type: application/json\r\n%sContent-Length: "
                           "%zu\r\n\r\n%s",
                           status, fields, strlen(body), body);
    return send(fd, text, (size_t)n, MSG_NOSIGNAL) == n;
}

static bool serve(int fd, const char *head, const char *body, size_t n)
{
    char fields[sizeof all.fields], content[sizeof all.body];
    pthread_mutex_lock(&all.lock);
    take(head, body, n);
    all.now++;
    all.most = all.now > all.most ? all.now : all.most;
    const unsigned delay = all.delay_ms;
    const int status = all.status;
    strcpy(fields, all.fields);
    strcpy(content, all.body);
    pthread_mutex_unlock(&all.lock);
    sleep_ms(delay);
    pthread_mutex_lock(&all.lock);
    all.now--;
    pthread_mutex_unlock(&all.lock);
    return status && say(fd, status, fields, content);
}

/* The bytes of a whole request at the front of the buffer; 0: not yet. */
static size_t is_whole(char *buffer, size_t n, size_t *head)
{
    buffer[n] = 0;
    const char *end = strstr(buffer, "\r\n\r\n");
    const char *length = end ? strcasestr(buffer, "\r\ncontent-length:") : NULL;
    if (!end)
        return 0;
    *head = (size_t)(end - buffer) + 4;
    const size_t all_n = *head + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
    return n >= all_n ? all_n : 0;
}

static void *on_connection(void *arg)
{
    const int fd = *(int *)arg;
    char *buffer = malloc(REQUEST_MAX + 1);
    size_t n = 0, head, whole;
    for (;;) {
        const ssize_t got = recv(fd, buffer + n, REQUEST_MAX - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
        if (!(whole = is_whole(buffer, n, &head)))
            continue;
        char *first = strndup(buffer, head);
        const bool on = serve(fd, first, buffer + head, whole - head);
        free(first);
        if (!on)
            break;
        n -= whole;
        memmove(buffer, buffer + whole, n);
    }
    shutdown(fd, SHUT_RDWR);
    free(buffer);
    return NULL;
}

static void *on_listener(void *arg)
{
    (void)arg;
    for (;;) {
        const int fd = accept(all.listener, NULL, NULL);
        if (fd < 0 || all.connections == CONNECTIONS)
            return NULL;
        pthread_mutex_lock(&all.lock);
        const unsigned i = all.connections++;
        all.fds[i] = fd;
        pthread_create(&all.threads[i], NULL, on_connection, &all.fds[i]);
        pthread_mutex_unlock(&all.lock);
    }
}

/* -- life -------------------------------------------------------------------------------------- */

void collector_start(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    all.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(all.listener, (struct sockaddr *)&at, n) == 0 && listen(all.listener, 16) == 0);
    getsockname(all.listener, (struct sockaddr *)&at, &n);
    rig_name("collector", "127.0.0.1:%u", ntohs(at.sin_port));
    all.spans = json_array();
    collector_answers(200, "", "{}");
    pthread_create(&all.acceptor, NULL, on_listener, NULL);
}

void collector_end(void)
{
    shutdown(all.listener, SHUT_RDWR);
    pthread_join(all.acceptor, NULL);
    close(all.listener);
    for (unsigned i = 0; i < all.connections; i++) {
        shutdown(all.fds[i], SHUT_RDWR);
        pthread_join(all.threads[i], NULL);
        close(all.fds[i]);
    }
    json_decref(all.spans);
    json_decref(all.resource);
}

void collector_answers(int status, const char *fields, const char *body)
{
    pthread_mutex_lock(&all.lock);
    all.status = status;
    snprintf(all.fields, sizeof all.fields, "%s", fields);
    snprintf(all.body, sizeof all.body, "%s", body);
    pthread_mutex_unlock(&all.lock);
}

void collector_delays(unsigned ms)
{
    pthread_mutex_lock(&all.lock);
    all.delay_ms = ms;
    pthread_mutex_unlock(&all.lock);
}

static unsigned number_of(const unsigned *from)
{
    pthread_mutex_lock(&all.lock);
    const unsigned n = *from;
    pthread_mutex_unlock(&all.lock);
    return n;
}

unsigned collector_requests(void)
{
    return number_of(&all.requests);
}

unsigned collector_most(void)
{
    return number_of(&all.most);
}

static const char *text_of(const char *from)
{
    static char text[sizeof all.head];
    pthread_mutex_lock(&all.lock);
    snprintf(text, sizeof text, "%s", from);
    pthread_mutex_unlock(&all.lock);
    return text;
}

const char *collector_fault(void)
{
    return text_of(all.fault);
}

const char *collector_head(void)
{
    return text_of(all.head);
}

static json_t *copy_of(json_t *const *from)
{
    pthread_mutex_lock(&all.lock);
    json_t *copy = json_deep_copy(*from);
    pthread_mutex_unlock(&all.lock);
    return copy;
}

json_t *collector_spans(void)
{
    return copy_of(&all.spans);
}

json_t *collector_resource(void)
{
    return copy_of(&all.resource);
}
