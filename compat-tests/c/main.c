/*
 * Every call of the C client, sync and async, against a server. Ends with exit code 1 at the first answer
 * that Java's own server would not have given; prints what it got, so that two runs can be compared.
 * usage: every-call <host:port>. Wants extendedTypesEnabled=true and an empty server.
 */
#include "peer.h"

#include <stdlib.h>

static const int CODES[] = {
    ZOK, ZSYSTEMERROR, ZCONNECTIONLOSS, ZMARSHALLINGERROR, ZUNIMPLEMENTED, ZOPERATIONTIMEOUT, ZBADARGUMENTS,
    ZINVALIDSTATE, ZNONODE, ZNOAUTH, ZBADVERSION, ZNOCHILDRENFOREPHEMERALS, ZNODEEXISTS, ZNOTEMPTY,
    ZSESSIONEXPIRED, ZINVALIDACL, ZAUTHFAILED, ZSESSIONMOVED, ZNOWATCHER, ZRECONFIGDISABLED,
};

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    check(argc == 2, "usage: %s <host:port>", argv[0]);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zoo_set_log_stream(stderr);
    zoo_deterministic_conn_order(1);
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        check(zerror(CODES[i]) != NULL, "text of %d", CODES[i]);
    }
    zhandle_t *zh = connect_to(argv[1], 20000, NULL);
    zhandle_t *other = connect_to(argv[1], 20000, NULL);
    run_calls(zh);
    run_multi(zh);
    run_async(zh);
    run_async_reads(zh);
    run_watches(zh, other);
    run_access(zh, argv[1]);
    want("close", ZOK, zookeeper_close(other));
    want("close", ZOK, zookeeper_close(zh));
    run_sessions(argv[1]);
    printf("done\n");
    return EXIT_SUCCESS;
}
