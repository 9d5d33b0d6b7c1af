/* Authentication and who may do what. */
#include "peer.h"

#include <string.h>

static struct Stat stat;

static void on_auth(int rc, const void *data) {
    want(data, ZOK, rc);
    completed();
}

static void on_refused(int rc, const void *data) {
    want(data, ZAUTHFAILED, rc);
    completed();
}

static void log_in(zhandle_t *zh, const char *secret) {
    await_completion("add_auth", zoo_add_auth(zh, "digest", secret, (int)strlen(secret), on_auth, "digest"));
}

static void strangers(zhandle_t *other) {
    char data[16];
    int length = sizeof data;
    struct String_vector names;
    struct ACL_vector acl;
    want("get", ZNOAUTH, zoo_get(other, "/p/own", 0, data, &length, &stat));
    want("set", ZNOAUTH, zoo_set(other, "/p/own", "2", 1, -1));
    want("create", ZNOAUTH, zoo_create(other, "/p/own/x", NULL, -1, OPEN, ZOO_PERSISTENT, NULL, 0));
    want("get_children", ZNOAUTH, zoo_get_children(other, "/p/own", 0, &names));
    want("set_acl", ZNOAUTH, zoo_set_acl(other, "/p/own", -1, OPEN));
    want("get_acl", ZNOAUTH, zoo_get_acl(other, "/p/own", &acl, &stat));
    want("exists", ZNOAUTH, zoo_exists(other, "/p/own", 0, &stat));
    want("a watch", ZNOAUTH, zoo_wexists(other, "/p/own", watcher, "stranger", &stat));
}

static void owner(zhandle_t *zh) {
    struct ACL entries[] = {{ZOO_PERM_READ | ZOO_PERM_ADMIN, {"auth", ""}}};
    struct ACL_vector mine = {1, entries}, acl;
    want("set", ZOK, zoo_set(zh, "/p/own", "2", 1, -1));
    want("get_acl", ZOK, zoo_get_acl(zh, "/p/own", &acl, &stat));
    print_acl("acl", &acl);
    deallocate_ACL_vector(&acl);
    want("set_acl", ZOK, zoo_set_acl(zh, "/p/own", 0, &mine));
    want("set", ZNOAUTH, zoo_set(zh, "/p/own", "3", 1, -1));
    want("get_acl", ZOK, zoo_get_acl(zh, "/p/own", &acl, &stat));
    print_acl("acl", &acl);
    deallocate_ACL_vector(&acl);
}

void run_access(zhandle_t *zh, const char *servers) {
    zhandle_t *other = connect_to(servers, 20000, NULL);
    zhandle_t *wrong = connect_to(servers, 20000, NULL);
    make(zh, "/p", NULL);
    log_in(zh, "user:secret");
    want("create", ZOK,
         zoo_create(zh, "/p/own", "1", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, NULL, 0));
    strangers(other);
    owner(zh);
    log_in(other, "user:secret");
    struct ACL_vector acl;
    want("the same user", ZOK, zoo_get_acl(other, "/p/own", &acl, &stat));
    deallocate_ACL_vector(&acl);
    await_completion("add_auth", zoo_add_auth(wrong, "nobody", "x", 1, on_refused, "unknown scheme"));
    want("unrecoverable", ZINVALIDSTATE, is_unrecoverable(wrong));
    check(zoo_state(wrong) == ZOO_AUTH_FAILED_STATE, "state %d", zoo_state(wrong));
    zookeeper_close(wrong);
    zookeeper_close(other);
}
