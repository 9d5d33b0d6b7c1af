/* What all parts of the program share: checks, printing, waiting for events and completions. */
#ifndef PEER_H
#define PEER_H

#include <stdio.h>
#include <zookeeper/zookeeper.h>

/* For what hangs, in seconds; not a measurement. */
#define PATIENCE 60
#define OPEN (&ZOO_OPEN_ACL_UNSAFE)

/* Ends the program with a message if `holds` is not so. */
void check(int holds, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Prints what `call` returned; anything but `expected` ends the program. */
void want(const char *call, int expected, int found);
/* The same for a text. */
void want_text(const char *what, const char *expected, const char *found);
/* What is the same in every run: no times, and of zxids only whether they are later than the first. */
void print_stat(const char *what, const struct Stat *stat);
/* The names in alphabetical order. */
void print_names(const char *what, const struct String_vector *names);
void print_acl(const char *what, const struct ACL_vector *acl);

/* Watcher: events of nodes and of the session go to two queues; the context is printed as its name. */
void watcher(zhandle_t *zh, int type, int state, const char *path, void *context);
/* The next event of a node must be this one. */
void want_event(const char *name, int type, const char *path);
/* No event of a node is in the queue: what had to come has come before the last reply. */
void want_no_event(void);
/* Waits until the session of `zh` is in this state. */
void want_state(zhandle_t *zh, int state);

/* A session that is connected. `id` may be NULL. */
zhandle_t *connect_to(const char *servers, int timeout_ms, const clientid_t *id);
/* Creates or ends the program. */
void make(zhandle_t *zh, const char *path, const char *data);

/* Called at the end of every completion. */
void completed(void);
/* `call` has been sent with this result, which must be ZOK: waits for its completion. Prints nothing, as
 * the completion, in its own thread, may print before this one or after. */
void await_completion(const char *call, int sent);

/* Asks whoever runs this program for something, as a restart of the server, and waits until it is done. */
void ask(const char *what);

void run_calls(zhandle_t *zh);
void run_multi(zhandle_t *zh);
void run_async(zhandle_t *zh);
void run_async_reads(zhandle_t *zh);
void run_watches(zhandle_t *zh, zhandle_t *other);
void run_access(zhandle_t *zh, const char *servers);
void run_sessions(const char *servers);

#endif
