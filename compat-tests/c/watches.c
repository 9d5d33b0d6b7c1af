/* Watches of every kind, what fires them, and their removal. */
#include "peer.h"

static struct Stat stat;

static void fired(zhandle_t *zh, zhandle_t *other) {
    char data[16];
    int length = sizeof data;
    struct String_vector names;
    want("exists of nothing", ZNONODE, zoo_wexists(zh, "/w/a", watcher, "wexists", &stat));
    make(other, "/w/a", "1");
    want_event("wexists", ZOO_CREATED_EVENT, "/w/a");
    want("wget", ZOK, zoo_wget(zh, "/w/a", watcher, "wget", data, &length, &stat));
    want("the default watcher", ZOK, zoo_exists(zh, "/w/a", 1, &stat));
    want("set", ZOK, zoo_set(other, "/w/a", "2", 1, -1));
    /* The order in which the client calls several watchers of one node is its own. */
    want_event("wget", ZOO_CHANGED_EVENT, "/w/a");
    want_event("default", ZOO_CHANGED_EVENT, "/w/a");
    want("set", ZOK, zoo_set(other, "/w/a", "3", 1, -1));
    want("exists", ZOK, zoo_exists(zh, "/w/a", 0, &stat));
    want_no_event();
    want("wget_children", ZOK, zoo_wget_children(zh, "/w", watcher, "wget_children", &names));
    deallocate_String_vector(&names);
    want("delete", ZOK, zoo_delete(other, "/w/a", -1));
    want_event("wget_children", ZOO_CHILD_EVENT, "/w");
    want("wget_children2", ZOK, zoo_wget_children2(zh, "/w", watcher, "wget_children2", &names, &stat));
    deallocate_String_vector(&names);
    make(other, "/w/b", NULL);
    want_event("wget_children2", ZOO_CHILD_EVENT, "/w");
    length = sizeof data;
    want("wgetconfig", ZOK, zoo_wgetconfig(zh, watcher, "wgetconfig", data, &length, &stat));
    want("wexists", ZOK, zoo_wexists(zh, "/w/b", watcher, "deleted", &stat));
    want("delete", ZOK, zoo_delete(other, "/w/b", -1));
    want_event("deleted", ZOO_DELETED_EVENT, "/w/b");
}

static void defaults(zhandle_t *zh, zhandle_t *other) {
    char data[16];
    int length = sizeof data;
    struct String_vector names;
    make(other, "/w/d", "1");
    want("get", ZOK, zoo_get(zh, "/w/d", 1, data, &length, &stat));
    want("set", ZOK, zoo_set(other, "/w/d", NULL, -1, -1));
    want_event("default", ZOO_CHANGED_EVENT, "/w/d");
    want("get_children", ZOK, zoo_get_children(zh, "/w/d", 1, &names));
    make(other, "/w/d/x", NULL);
    want_event("default", ZOO_CHILD_EVENT, "/w/d");
    want("get_children2", ZOK, zoo_get_children2(zh, "/w/d/x", 1, &names, &stat));
    want("delete", ZOK, zoo_delete(other, "/w/d/x", -1));
    want_event("default", ZOO_DELETED_EVENT, "/w/d/x");
    length = sizeof data;
    want("getconfig", ZOK, zoo_getconfig(zh, 1, data, &length, &stat));
    want_no_event();
}

static void on_removed(int rc, const void *data) {
    want(data, ZOK, rc);
    completed();
}

/* The header asks for a pointer to a completion, and the library calls what it is given. */
#define REMOVED ((void_completion_t *)on_removed)

static void removed(zhandle_t *zh, zhandle_t *other) {
    char data[16];
    int length = sizeof data;
    struct String_vector names;
    make(other, "/w/r", "1");
    want("wget", ZOK, zoo_wget(zh, "/w/r", watcher, "one", data, &length, &stat));
    want("wexists", ZOK, zoo_wexists(zh, "/w/r", watcher, "two", &stat));
    want("wget_children", ZOK, zoo_wget_children(zh, "/w/r", watcher, "three", &names));
    want("remove", ZOK, zoo_remove_watches(zh, "/w/r", ZWATCHTYPE_DATA, watcher, "one", 0));
    want("remove again", ZNOWATCHER, zoo_remove_watches(zh, "/w/r", ZWATCHTYPE_DATA, watcher, "one", 0));
    want("remove children's", ZOK, zoo_remove_all_watches(zh, "/w/r", ZWATCHTYPE_CHILD, 0));
    want("set", ZOK, zoo_set(other, "/w/r", "2", 1, -1));
    want_event("two", ZOO_CHANGED_EVENT, "/w/r");
    make(other, "/w/r/x", NULL);
    want("exists", ZOK, zoo_wexists(zh, "/w/r", watcher, "four", &stat));
    await_completion("aremove", zoo_aremove_watches(zh, "/w/r", ZWATCHTYPE_DATA, watcher, "four", 0, REMOVED,
                                                    "aremove_watches"));
    want("exists", ZOK, zoo_wexists(zh, "/w/r", watcher, "five", &stat));
    await_completion("aremove all", zoo_aremove_all_watches(zh, "/w/r", ZWATCHTYPE_DATA, 0, REMOVED,
                                                            "aremove_all_watches"));
    want("nothing to remove", ZNOWATCHER, zoo_remove_all_watches(zh, "/w/none", ZWATCHTYPE_DATA, 0));
    want("set", ZOK, zoo_set(other, "/w/r", "3", 1, -1));
    want("exists", ZOK, zoo_exists(zh, "/w/r", 0, &stat));
    want_no_event();
}

void run_watches(zhandle_t *zh, zhandle_t *other) {
    make(other, "/w", NULL);
    fired(zh, other);
    defaults(zh, other);
    removed(zh, other);
}
