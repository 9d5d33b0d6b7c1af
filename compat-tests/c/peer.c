/* Checks, printing, and waiting: what a test program needs beside the calls themselves. */
#include "peer.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

struct event {
    const char *name;
    int type;
    char path[256];
};
static struct event events[EVENTS];
static int first_event, event_count;
static int completions;

void check(int holds, const char *format, ...) {
    va_list args;
    if (holds) {
        return;
    }
    va_start(args, format);
    printf("FAILED: ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    fflush(stdout);
    _exit(1);
}

void want(const char *call, int expected, int found) {
    printf("%s: %d\n", call, found);
    check(expected == found, "%s: expected %s (%d), found %s (%d)", call, zerror(expected), expected,
          zerror(found), found);
}

void want_text(const char *what, const char *expected, const char *found) {
    printf("%s: %s\n", what, found);
    check(strcmp(expected, found) == 0, "%s: expected %s, found %s", what, expected, found);
}

void print_stat(const char *what, const struct Stat *stat) {
    printf("%s: mzxid %s pzxid %s version %d cversion %d aversion %d %s length %d children %d\n", what,
           stat->mzxid > stat->czxid ? "later" : "same", stat->pzxid > stat->czxid ? "later" : "same",
           stat->version, stat->cversion, stat->aversion, stat->ephemeralOwner ? "owned" : "free",
           stat->dataLength, stat->numChildren);
    check(stat->czxid <= stat->mzxid && stat->czxid <= stat->pzxid, "%s: zxids", what);
    check(stat->ctime <= stat->mtime, "%s: ctime %lld after mtime %lld", what, (long long)stat->ctime,
          (long long)stat->mtime);
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

void print_names(const char *what, const struct String_vector *names) {
    qsort(names->data, (size_t)names->count, sizeof(char *), by_name);
    printf("%s:", what);
    for (int i = 0; i < names->count; i++) {
        printf(" %s", names->data[i]);
    }
    printf("\n");
}

void print_acl(const char *what, const struct ACL_vector *acl) {
    printf("%s:", what);
    for (int i = 0; i < acl->count; i++) {
        printf(" %d,%s,%s", acl->data[i].perms, acl->data[i].id.scheme, acl->data[i].id.id);
    }
    printf("\n");
}

void watcher(zhandle_t *zh, int type, int state, const char *path, void *context) {
    (void)zh;
    (void)state;
    pthread_mutex_lock(&lock);
    if (type != ZOO_SESSION_EVENT) {
        check(event_count < EVENTS, "too many events");
        struct event *event = &events[(first_event + event_count++) % EVENTS];
        event->name = context ? context : "default";
        event->type = type;
        snprintf(event->path, sizeof event->path, "%s", path);
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

/* Waits on `changed` up to a moment; the lock is held. Returns 0 when the time is over. */
static int wait_changed(time_t deadline) {
    struct timespec until = {.tv_sec = deadline};
    return pthread_cond_timedwait(&changed, &lock, &until) == 0 || time(NULL) < deadline;
}

void want_event(const char *name, int type, const char *path) {
    time_t deadline = time(NULL) + PATIENCE;
    pthread_mutex_lock(&lock);
    while (event_count == 0) {
        check(wait_changed(deadline), "no event of %s", path);
    }
    struct event event = events[first_event];
    first_event = (first_event + 1) % EVENTS;
    event_count--;
    pthread_mutex_unlock(&lock);
    printf("event: %s %d %s\n", event.name, event.type, event.path);
    check(strcmp(name, event.name) == 0 && type == event.type && strcmp(path, event.path) == 0,
          "expected event %s %d %s", name, type, path);
}

void want_no_event(void) {
    pthread_mutex_lock(&lock);
    check(event_count == 0, "event %d of %s, expected none", events[first_event].type,
          events[first_event].path);
    pthread_mutex_unlock(&lock);
}

void want_state(zhandle_t *zh, int state) {
    time_t deadline = time(NULL) + PATIENCE;
    while (zoo_state(zh) != state) {
        check(time(NULL) < deadline, "state %d, expected %d", zoo_state(zh), state);
        usleep(2000);
    }
}

zhandle_t *connect_to(const char *servers, int timeout_ms, const clientid_t *id) {
    zhandle_t *zh = zookeeper_init(servers, watcher, timeout_ms, id, NULL, 0);
    check(zh != NULL, "zookeeper_init");
    want_state(zh, ZOO_CONNECTED_STATE);
    return zh;
}

void make(zhandle_t *zh, const char *path, const char *data) {
    int rc = zoo_create(zh, path, data, data ? (int)strlen(data) : -1, OPEN, ZOO_PERSISTENT, NULL, 0);
    check(rc == ZOK, "create %s: %s", path, zerror(rc));
}

void completed(void) {
    pthread_mutex_lock(&lock);
    completions++;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

void await_completion(const char *call, int sent) {
    check(sent == ZOK, "%s is not sent: %s", call, zerror(sent));
    time_t deadline = time(NULL) + PATIENCE;
    pthread_mutex_lock(&lock);
    while (completions == 0) {
        check(wait_changed(deadline), "no completion of %s", call);
    }
    completions--;
    pthread_mutex_unlock(&lock);
}

void ask(const char *what) {
    char answer[64];
    printf("please: %s\n", what);
    fflush(stdout);
    check(fgets(answer, sizeof answer, stdin) != NULL, "nobody answers %s", what);
}
