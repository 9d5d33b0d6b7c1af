/* Every synchronous call, with what it answers when all is well and when it is not. */
#include "peer.h"

#include <string.h>

static char path[256];
static struct Stat stat;

static void creates(zhandle_t *zh) {
    const int n = sizeof path;
    want("create", ZOK, zoo_create(zh, "/c/a", "1", 1, OPEN, ZOO_PERSISTENT, path, n));
    want_text("path", "/c/a", path);
    want("create again", ZNODEEXISTS, zoo_create(zh, "/c/a", "1", 1, OPEN, ZOO_PERSISTENT, path, n));
    want("create orphan", ZNONODE, zoo_create(zh, "/c/x/y", "1", 1, OPEN, ZOO_PERSISTENT, path, n));
    want("create bad path", ZBADARGUMENTS, zoo_create(zh, "c", "1", 1, OPEN, ZOO_PERSISTENT, path, n));
    want("create ephemeral", ZOK, zoo_create(zh, "/c/e", NULL, -1, OPEN, ZOO_EPHEMERAL, path, n));
    want("create below it", ZNOCHILDRENFOREPHEMERALS,
         zoo_create(zh, "/c/e/x", NULL, -1, OPEN, ZOO_PERSISTENT, path, n));
    want("sequential", ZOK, zoo_create(zh, "/c/s-", NULL, -1, OPEN, ZOO_PERSISTENT_SEQUENTIAL, path, n));
    want_text("path", "/c/s-0000000002", path);
    want("ephemeral sequential", ZOK,
         zoo_create(zh, "/c/s-", NULL, -1, OPEN, ZOO_EPHEMERAL_SEQUENTIAL, path, n));
    want_text("path", "/c/s-0000000003", path);
    struct ACL_vector none = {0, NULL};
    want("no acl", ZINVALIDACL, zoo_create(zh, "/c/b", "1", 1, &none, ZOO_PERSISTENT, path, n));
    want("creator acl without auth", ZINVALIDACL,
         zoo_create(zh, "/c/b", "1", 1, &ZOO_CREATOR_ALL_ACL, ZOO_PERSISTENT, path, n));
    want("create2", ZOK, zoo_create2(zh, "/c/two", "22", 2, OPEN, ZOO_PERSISTENT, path, n, &stat));
    want_text("path", "/c/two", path);
    print_stat("create2", &stat);
    want("container", ZOK, zoo_create2(zh, "/c/box", "", 0, OPEN, ZOO_CONTAINER, path, n, &stat));
    print_stat("container", &stat);
    want("create_ttl", ZOK,
         zoo_create_ttl(zh, "/c/t", "t", 1, OPEN, ZOO_PERSISTENT_WITH_TTL, 100000, path, n));
    want("create2_ttl", ZOK,
         zoo_create2_ttl(zh, "/c/t-", "t", 1, OPEN, ZOO_PERSISTENT_SEQUENTIAL_WITH_TTL, 100000, path, n, &stat));
    want_text("path", "/c/t-0000000007", path);
    print_stat("create2_ttl", &stat);
}

static void reads(zhandle_t *zh) {
    char data[16];
    int length = sizeof data;
    struct String_vector names;
    want("exists", ZOK, zoo_exists(zh, "/c", 0, &stat));
    print_stat("exists", &stat);
    want("exists not", ZNONODE, zoo_exists(zh, "/c/none", 0, &stat));
    want("wexists", ZOK, zoo_wexists(zh, "/c/a", NULL, NULL, &stat));
    want("get", ZOK, zoo_get(zh, "/c/two", 0, data, &length, &stat));
    want("its length", 2, length);
    check(memcmp(data, "22", 2) == 0, "data");
    length = sizeof data;
    want("get null", ZOK, zoo_get(zh, "/c/e", 0, data, &length, &stat));
    want("its length", -1, length);
    print_stat("get", &stat);
    want("get not", ZNONODE, zoo_get(zh, "/c/none", 0, data, &length, &stat));
    length = sizeof data;
    want("wget", ZOK, zoo_wget(zh, "/c/a", NULL, NULL, data, &length, &stat));
    want("get_children", ZOK, zoo_get_children(zh, "/c", 0, &names));
    print_names("children", &names);
    deallocate_String_vector(&names);
    want("wget_children", ZOK, zoo_wget_children(zh, "/c/a", NULL, NULL, &names));
    want("its count", 0, names.count);
    deallocate_String_vector(&names);
    want("get_children2", ZOK, zoo_get_children2(zh, "/c", 0, &names, &stat));
    print_names("children2", &names);
    print_stat("children2", &stat);
    deallocate_String_vector(&names);
    want("wget_children2", ZOK, zoo_wget_children2(zh, "/c", NULL, NULL, &names, &stat));
    deallocate_String_vector(&names);
    want("get_children not", ZNONODE, zoo_get_children(zh, "/c/none", 0, &names));
    want("get_children2 not", ZNONODE, zoo_get_children2(zh, "/c/none", 0, &names, &stat));
}

static void sets(zhandle_t *zh) {
    want("set", ZOK, zoo_set(zh, "/c/a", "new", 3, 0));
    want("set wrong", ZBADVERSION, zoo_set(zh, "/c/a", "new", 3, 0));
    want("set not", ZNONODE, zoo_set(zh, "/c/none", "new", 3, -1));
    want("set2", ZOK, zoo_set2(zh, "/c/a", "newer", 5, 1, &stat));
    print_stat("set2", &stat);
    want("set2 null", ZOK, zoo_set2(zh, "/c/a", NULL, -1, -1, &stat));
    print_stat("set2 null", &stat);
    want("set2 wrong", ZBADVERSION, zoo_set2(zh, "/c/a", "x", 1, 77, &stat));
}

static void acls(zhandle_t *zh) {
    struct ACL entries[] = {{ZOO_PERM_ALL, {"world", "anyone"}}, {ZOO_PERM_READ, {"ip", "10.0.0.0/8"}}};
    struct ACL_vector two = {2, entries}, acl;
    struct ACL wrong[] = {{ZOO_PERM_ALL, {"nobody", "knows"}}};
    struct ACL_vector unknown = {1, wrong};
    want("get_acl", ZOK, zoo_get_acl(zh, "/c/a", &acl, &stat));
    print_acl("acl", &acl);
    deallocate_ACL_vector(&acl);
    want("set_acl", ZOK, zoo_set_acl(zh, "/c/a", 0, &two));
    want("get_acl", ZOK, zoo_get_acl(zh, "/c/a", &acl, &stat));
    print_acl("acl", &acl);
    print_stat("get_acl", &stat);
    deallocate_ACL_vector(&acl);
    want("set_acl wrong version", ZBADVERSION, zoo_set_acl(zh, "/c/a", 0, OPEN));
    want("set_acl wrong scheme", ZINVALIDACL, zoo_set_acl(zh, "/c/a", -1, &unknown));
    want("set_acl not", ZNONODE, zoo_set_acl(zh, "/c/none", -1, OPEN));
    want("get_acl not", ZNONODE, zoo_get_acl(zh, "/c/none", &acl, &stat));
}

static void configs(zhandle_t *zh) {
    char data[256];
    int length = sizeof data;
    want("getconfig", ZOK, zoo_getconfig(zh, 0, data, &length, &stat));
    printf("config of %d bytes\n", length);
    length = sizeof data;
    want("wgetconfig", ZOK, zoo_wgetconfig(zh, NULL, NULL, data, &length, &stat));
    length = sizeof data;
    want("reconfig", ZRECONFIGDISABLED,
         zoo_reconfig(zh, NULL, NULL, "server.1=127.0.0.1:1:2;3", -1, data, &length, &stat));
}

static void deletes(zhandle_t *zh) {
    want("delete wrong", ZBADVERSION, zoo_delete(zh, "/c/a", 0));
    want("delete not empty", ZNOTEMPTY, zoo_delete(zh, "/c", -1));
    want("delete", ZOK, zoo_delete(zh, "/c/a", 3));
    want("delete not", ZNONODE, zoo_delete(zh, "/c/a", -1));
    want("delete root", ZBADARGUMENTS, zoo_delete(zh, "/", -1));
    want("exists", ZOK, zoo_exists(zh, "/c", 0, &stat));
    print_stat("after delete", &stat);
}

void run_calls(zhandle_t *zh) {
    make(zh, "/c", "top");
    creates(zh);
    reads(zh);
    sets(zh);
    acls(zh);
    configs(zh);
    deletes(zh);
}

static void print_results(const zoo_op_result_t *results, int count) {
    for (int i = 0; i < count; i++) {
        printf("result %d: %d\n", i, results[i].err);
    }
}

static void good_multi(zhandle_t *zh) {
    char first[64], second[64];
    struct Stat set;
    zoo_op_t ops[6];
    zoo_op_result_t results[6];
    zoo_create_op_init(&ops[0], "/m/a", "1", 1, OPEN, ZOO_PERSISTENT, first, sizeof first);
    zoo_create_op_init(&ops[1], "/m/s-", NULL, -1, OPEN, ZOO_EPHEMERAL_SEQUENTIAL, second, sizeof second);
    zoo_set_op_init(&ops[2], "/m/a", "22", 2, 0, &set);
    zoo_check_op_init(&ops[3], "/m/a", 1);
    zoo_delete_op_init(&ops[4], "/m/a", 1);
    zoo_create_op_init(&ops[5], "/m/b", "b", 1, OPEN, ZOO_PERSISTENT, first, sizeof first);
    want("multi", ZOK, zoo_multi(zh, 6, ops, results));
    print_results(results, 6);
    want_text("created", "/m/b", results[5].value);
    want_text("sequential", "/m/s-0000000001", results[1].value);
    print_stat("set in multi", &set);
}

static void bad_multi(zhandle_t *zh) {
    char made[64];
    zoo_op_t ops[3];
    zoo_op_result_t results[3];
    zoo_create_op_init(&ops[0], "/m/c", NULL, -1, OPEN, ZOO_PERSISTENT, made, sizeof made);
    zoo_check_op_init(&ops[1], "/m/b", 7);
    zoo_delete_op_init(&ops[2], "/m/b", -1);
    want("multi with a wrong version", ZBADVERSION, zoo_multi(zh, 3, ops, results));
    print_results(results, 3);
    want("nothing is done", ZNONODE, zoo_exists(zh, "/m/c", 0, &stat));
    zoo_delete_op_init(&ops[0], "/m/none", -1);
    want("multi with no node", ZNONODE, zoo_multi(zh, 1, ops, results));
    print_results(results, 1);
    want("an empty multi", ZOK, zoo_multi(zh, 0, ops, results));
}

void run_multi(zhandle_t *zh) {
    make(zh, "/m", NULL);
    good_multi(zh);
    bad_multi(zh);
}
