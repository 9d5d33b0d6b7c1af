/* Sessions and the handle itself: taking one up again, expiry, lists of servers, a restart of the server. */
#include "peer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct Stat stat;

static void on_log(const char *message) {
    check(strstr(message, "ZOO_") != NULL, "a line of the log: %s", message);
}

/* What can be asked of and told to a handle without a request. */
static void handle(const char *servers) {
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    char context[] = "context";
    zhandle_t *zh = zookeeper_init2(servers, watcher, 12345, NULL, context, 0, on_log);
    check(zh != NULL, "zookeeper_init2");
    check(zoo_get_log_callback(zh) == on_log, "log callback");
    want_state(zh, ZOO_CONNECTED_STATE);
    zoo_set_log_callback(zh, NULL);
    want("timeout", 12345, zoo_recv_timeout(zh));
    want_text("context", context, zoo_get_context(zh));
    zoo_set_context(zh, NULL);
    check(zoo_get_context(zh) == NULL, "context");
    check(zoo_set_watcher(zh, watcher) == watcher, "watcher");
    check(zoo_client_id(zh)->client_id != 0, "client id");
    want("unrecoverable", ZOK, is_unrecoverable(zh));
    check(zookeeper_get_connected_host(zh, (struct sockaddr *)&address, &length) != NULL, "address");
    check(strcmp(servers, zoo_get_current_server(zh)) == 0, "server %s", zoo_get_current_server(zh));
    check(strchr(servers, ':') && ntohs(((struct sockaddr_in *)&address)->sin_port) ==
          atoi(strchr(servers, ':') + 1), "port");
    want("resolution delay", ZOK, zoo_set_servers_resolution_delay(zh, 1000));
    want("set_servers", ZOK, zoo_set_servers(zh, servers));
    zoo_cycle_next_server(zh);
    want("close", ZOK, zookeeper_close(zh));
}

/* The server holds what is asked for between 2 and 20 of its ticks of 2 seconds. */
static void timeouts(const char *servers) {
    zhandle_t *zh = connect_to(servers, 3000, NULL);
    want("short timeout", 4000, zoo_recv_timeout(zh));
    zookeeper_close(zh);
    zh = connect_to(servers, 1000000, NULL);
    want("long timeout", 40000, zoo_recv_timeout(zh));
    zookeeper_close(zh);
}

/* Waits for one of two states, or until so many seconds are over; says whether it is the first of them. */
static int reaches(zhandle_t *zh, int state, int other, int seconds) {
    for (int i = 0; i < seconds * 500 && zoo_state(zh) != state && zoo_state(zh) != other; i++) {
        usleep(2000);
    }
    return zoo_state(zh) == state;
}

/* A second handle with a session asks for its ephemeral and closes it. 1 if it has seen the node. */
static int take_over(const char *servers, const clientid_t *id) {
    int rc = ZCONNECTIONLOSS;
    zhandle_t *second = zookeeper_init(servers, watcher, 20000, id, NULL, 0);
    check(second != NULL, "zookeeper_init");
    while (rc == ZCONNECTIONLOSS && reaches(second, ZOO_CONNECTED_STATE, ZOO_EXPIRED_SESSION_STATE, PATIENCE)) {
        check(zoo_client_id(second)->client_id == id->client_id, "the same session");
        rc = zoo_exists(second, "/s/e", 0, &stat);
    }
    check(rc != ZOK || stat.ephemeralOwner == id->client_id, "its ephemeral");
    zookeeper_close(second);
    return rc == ZOK;
}

/* A session that another handle takes over and closes. Who is cut off comes back and cuts off the other,
 * at times before that one has closed the session: then it is taken over again. */
static void taken_over(const char *servers) {
    int seen = 0;
    time_t deadline = time(NULL) + PATIENCE;
    zhandle_t *first = connect_to(servers, 20000, NULL);
    clientid_t id = *zoo_client_id(first);
    want("ephemeral", ZOK, zoo_create(first, "/s/e", NULL, -1, OPEN, ZOO_EPHEMERAL, NULL, 0));
    do {
        check(time(NULL) < deadline, "the session cannot be closed");
        seen |= take_over(servers, &id);
    } while (!reaches(first, ZOO_EXPIRED_SESSION_STATE, ZOO_EXPIRED_SESSION_STATE, 3));
    check(seen, "the ephemeral was not there");
    want("a call of it", ZINVALIDSTATE, zoo_exists(first, "/s", 0, &stat));
    want("unrecoverable", ZINVALIDSTATE, is_unrecoverable(first));
    zookeeper_close(first);
    zhandle_t *other = connect_to(servers, 20000, NULL);
    want("its ephemeral is gone", ZNONODE, zoo_exists(other, "/s/e", 0, &stat));
    clientid_t wrong = *zoo_client_id(other);
    wrong.passwd[0]++;
    zhandle_t *thief = zookeeper_init(servers, watcher, 20000, &wrong, NULL, 0);
    want_state(thief, ZOO_EXPIRED_SESSION_STATE);
    zookeeper_close(thief);
    zookeeper_close(other);
}

static void prepare(zhandle_t *zh) {
    char data[16];
    int length = sizeof data;
    struct String_vector names;
    make(zh, "/s/r", "1");
    want("ephemeral", ZOK, zoo_create(zh, "/s/r/e", NULL, -1, OPEN, ZOO_EPHEMERAL, NULL, 0));
    want("sequential", ZOK, zoo_create(zh, "/s/r/q-", NULL, -1, OPEN, ZOO_PERSISTENT_SEQUENTIAL, NULL, 0));
    want("wget", ZOK, zoo_wget(zh, "/s/r", watcher, "data", data, &length, &stat));
    want("wexists", ZNONODE, zoo_wexists(zh, "/s/r/new", watcher, "exists", &stat));
    want("wget_children", ZOK, zoo_wget_children(zh, "/s/r", watcher, "children", &names));
    deallocate_String_vector(&names);
}

static void go_on(zhandle_t *zh) {
    char path[64];
    want("ephemeral is there", ZOK, zoo_exists(zh, "/s/r/e", 0, &stat));
    check(stat.ephemeralOwner == zoo_client_id(zh)->client_id, "its owner");
    want_no_event();
    want("set", ZOK, zoo_set(zh, "/s/r", "2", 1, 0));
    want_event("data", ZOO_CHANGED_EVENT, "/s/r");
    make(zh, "/s/r/new", NULL);
    want_event("exists", ZOO_CREATED_EVENT, "/s/r/new");
    want_event("children", ZOO_CHILD_EVENT, "/s/r");
    want("sequential", ZOK,
         zoo_create(zh, "/s/r/q-", NULL, -1, OPEN, ZOO_PERSISTENT_SEQUENTIAL, path, sizeof path));
    want_text("path", "/s/r/q-0000000003", path);
    want("the number", ZOK, zoo_exists(zh, "/s/r", 0, &stat));
    print_stat("after the restart", &stat);
}

/* The connection breaks, the session does not: watches and rights are given to the new server again. */
static void restarts(const char *servers) {
    zhandle_t *zh = connect_to(servers, 40000, NULL);
    int64_t id = zoo_client_id(zh)->client_id;
    prepare(zh);
    ask("restart");
    want_state(zh, ZOO_CONNECTED_STATE);
    int rc;
    while ((rc = zoo_exists(zh, "/s/r", 0, &stat)) == ZCONNECTIONLOSS) {
        usleep(2000);
    }
    want("first call after the restart", ZOK, rc);
    check(zoo_client_id(zh)->client_id == id, "another session");
    go_on(zh);
    zookeeper_close(zh);
}

void run_sessions(const char *servers) {
    zhandle_t *zh = connect_to(servers, 20000, NULL);
    make(zh, "/s", NULL);
    handle(servers);
    timeouts(servers);
    taken_over(servers);
    restarts(servers);
    want("close", ZOK, zookeeper_close(zh));
}
