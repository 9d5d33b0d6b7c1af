/* Every asynchronous call; completions print what they got. */
#include "peer.h"

#include <string.h>

static int expected;

/* Sends one call and waits for its completion, which wants the code `code`. */
#define SEND(code, call) (expected = (code), await_completion(#call, call))

static void on_void(int rc, const void *data) {
    want(data, expected, rc);
    completed();
}

static void on_stat(int rc, const struct Stat *stat, const void *data) {
    want(data, expected, rc);
    if (rc == ZOK) {
        print_stat(data, stat);
    }
    completed();
}

static void on_data(int rc, const char *value, int length, const struct Stat *stat, const void *data) {
    want(data, expected, rc);
    if (rc == ZOK) {
        printf("%d bytes: %.*s\n", length, length < 0 ? 0 : length, value ? value : "");
        print_stat(data, stat);
    }
    completed();
}

static void print_path(int rc, const char *value, const void *data) {
    want(data, expected, rc);
    printf("path %s\n", rc == ZOK ? value : "none");
}

static void on_string(int rc, const char *value, const void *data) {
    print_path(rc, value, data);
    completed();
}

static void on_string_stat(int rc, const char *value, const struct Stat *stat, const void *data) {
    print_path(rc, value, data);
    if (rc == ZOK) {
        print_stat(data, stat);
    }
    completed();
}

static void on_strings(int rc, const struct String_vector *names, const void *data) {
    want(data, expected, rc);
    if (rc == ZOK) {
        print_names(data, names);
    }
    completed();
}

static void on_strings_stat(int rc, const struct String_vector *names, const struct Stat *stat,
                            const void *data) {
    want(data, expected, rc);
    if (rc == ZOK) {
        print_names(data, names);
        print_stat(data, stat);
    }
    completed();
}

static void on_acl(int rc, struct ACL_vector *acl, struct Stat *stat, const void *data) {
    want(data, expected, rc);
    if (rc == ZOK) {
        print_acl(data, acl);
        print_stat(data, stat);
    }
    completed();
}

static void writes(zhandle_t *zh) {
    SEND(ZOK, zoo_acreate(zh, "/a/a", "1", 1, OPEN, ZOO_PERSISTENT, on_string, "acreate"));
    SEND(ZNODEEXISTS, zoo_acreate(zh, "/a/a", "1", 1, OPEN, ZOO_PERSISTENT, on_string, "acreate again"));
    SEND(ZNONODE, zoo_acreate(zh, "/a/x/y", "1", 1, OPEN, ZOO_EPHEMERAL, on_string, "acreate orphan"));
    SEND(ZOK, zoo_acreate2(zh, "/a/two", "2", 1, OPEN, ZOO_PERSISTENT_SEQUENTIAL, on_string_stat, "acreate2"));
    SEND(ZOK, zoo_acreate2(zh, "/a/box", "", 0, OPEN, ZOO_CONTAINER, on_string_stat, "acreate2 container"));
    SEND(ZOK, zoo_acreate_ttl(zh, "/a/t", "t", 1, OPEN, ZOO_PERSISTENT_WITH_TTL, 100000, on_string,
                              "acreate_ttl"));
    SEND(ZOK, zoo_acreate2_ttl(zh, "/a/t-", "t", 1, OPEN, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 100000,
                               on_string_stat, "acreate2_ttl"));
    SEND(ZOK, zoo_aset(zh, "/a/a", "new", 3, 0, on_stat, "aset"));
    SEND(ZBADVERSION, zoo_aset(zh, "/a/a", "new", 3, 0, on_stat, "aset wrong"));
    SEND(ZOK, zoo_aset_acl(zh, "/a/a", 0, &ZOO_READ_ACL_UNSAFE, on_void, "aset_acl"));
    SEND(ZOK, zoo_aget_acl(zh, "/a/a", on_acl, "aget_acl"));
    SEND(ZNONODE, zoo_aget_acl(zh, "/a/none", on_acl, "aget_acl not"));
    SEND(ZNOAUTH, zoo_aset(zh, "/a/a", "new", 3, -1, on_stat, "aset without the right"));
    SEND(ZOK, zoo_adelete(zh, "/a/a", 1, on_void, "adelete"));
    SEND(ZNONODE, zoo_adelete(zh, "/a/a", -1, on_void, "adelete not"));
    SEND(ZNOTEMPTY, zoo_adelete(zh, "/a", -1, on_void, "adelete not empty"));
    SEND(ZOK, zoo_async(zh, "/a", on_string, "async"));
}

static void multi(zhandle_t *zh) {
    char path[64];
    struct Stat stat;
    zoo_op_t ops[3];
    zoo_op_result_t results[3];
    zoo_create_op_init(&ops[0], "/a/m", "1", 1, OPEN, ZOO_PERSISTENT, path, sizeof path);
    zoo_set_op_init(&ops[1], "/a/m", "2", 1, 0, &stat);
    zoo_delete_op_init(&ops[2], "/a/m", 1);
    SEND(ZOK, zoo_amulti(zh, 3, ops, results, on_void, "amulti"));
    want_text("created", "/a/m", results[0].value);
    zoo_check_op_init(&ops[1], "/a/m", 1);
    SEND(ZBADVERSION, zoo_amulti(zh, 3, ops, results, on_void, "amulti wrong"));
    for (int i = 0; i < 3; i++) {
        printf("result %d: %d\n", i, results[i].err);
    }
}

void run_async(zhandle_t *zh) {
    make(zh, "/a", "top");
    writes(zh);
    multi(zh);
}

void run_async_reads(zhandle_t *zh) {
    SEND(ZOK, zoo_aexists(zh, "/a", 0, on_stat, "aexists"));
    SEND(ZNONODE, zoo_aexists(zh, "/a/none", 0, on_stat, "aexists not"));
    SEND(ZNONODE, zoo_awexists(zh, "/a/w", watcher, "awexists", on_stat, "awexists"));
    make(zh, "/a/w", "w");
    want_event("awexists", ZOO_CREATED_EVENT, "/a/w");
    SEND(ZOK, zoo_aget(zh, "/a/w", 0, on_data, "aget"));
    SEND(ZNONODE, zoo_aget(zh, "/a/none", 0, on_data, "aget not"));
    SEND(ZOK, zoo_awget(zh, "/a/w", watcher, "awget", on_data, "awget"));
    SEND(ZOK, zoo_aset(zh, "/a/w", "ww", 2, -1, on_stat, "aset"));
    want_event("awget", ZOO_CHANGED_EVENT, "/a/w");
    SEND(ZOK, zoo_aget_children(zh, "/a", 0, on_strings, "aget_children"));
    SEND(ZOK, zoo_awget_children(zh, "/a", watcher, "awget_children", on_strings, "awget_children"));
    SEND(ZOK, zoo_aget_children2(zh, "/a", 0, on_strings_stat, "aget_children2"));
    SEND(ZOK, zoo_awget_children2(zh, "/a/w", watcher, "awget_children2", on_strings_stat, "awget_children2"));
    make(zh, "/a/w/x", NULL);
    want_event("awget_children2", ZOO_CHILD_EVENT, "/a/w");
    make(zh, "/a/x", NULL);
    want_event("awget_children", ZOO_CHILD_EVENT, "/a");
    SEND(ZNONODE, zoo_aget_children(zh, "/a/none", 0, on_strings, "aget_children not"));
    SEND(ZNONODE, zoo_aget_children2(zh, "/a/none", 0, on_strings_stat, "aget_children2 not"));
    SEND(ZOK, zoo_agetconfig(zh, 0, on_data, "agetconfig"));
    SEND(ZOK, zoo_awgetconfig(zh, watcher, "awgetconfig", on_data, "awgetconfig"));
    SEND(ZRECONFIGDISABLED, zoo_areconfig(zh, NULL, NULL, "server.1=127.0.0.1:1:2;3", -1, on_data, "areconfig"));
}
