//! Throttles of connections and requests (`BlueThrottle`, `RequestThrottler`, `ZooKeeperServer`).

use super::{INT, Key, Kind, Range, at_least, property};

const BLUE: &str = "BlueThrottle";
const REQUESTS: &str = "RequestThrottler";
const TLS: &str = "TLS comes with a later version";

/// -1 or more than 0.
const THRESHOLD: Kind = Kind::Int(Range { min: -1, max: i64::MAX, instead: Some(-1) });

pub(super) const KEYS: &[Key] = &[
    property("connection_throttle_tokens", INT, "0")
        .does(BLUE, "connections that may come at once; 0 for any number"),
    property("connection_throttle_fill_time", INT, "1")
        .unit("ms")
        .does(BLUE, "time between refills"),
    property("connection_throttle_fill_count", INT, "1").does(BLUE, "tokens in a refill"),
    property("connection_throttle_freeze_time", INT, "-1")
        .unit("ms")
        .does(BLUE, "time between changes of the chance to be dropped; negative for no dropping"),
    property("connection_throttle_drop_increase", Kind::StrictReal, "0.02")
        .does(BLUE, "added to that chance when tokens run out"),
    property("connection_throttle_drop_decrease", Kind::StrictReal, "0.002")
        .does(BLUE, "taken from that chance when they do not"),
    property("connection_throttle_decrease_ratio", Kind::StrictReal, "0")
        .does(BLUE, "part of the tokens that must be left for the chance to fall"),
    property("connection_throttle_weight_enabled", Kind::Bool, "false")
        .does(BLUE, "tokens by kind of connect"),
    property("connection_throttle_global_session_weight", at_least(1, 3), "3")
        .does(BLUE, "tokens for a new session"),
    property("connection_throttle_local_session_weight", at_least(1, 1), "1")
        .does(BLUE, "tokens for a new local session"),
    property("connection_throttle_renew_session_weight", at_least(1, 2), "2")
        .does(BLUE, "tokens for a session that comes back"),
    property("request_throttle_max_requests", INT, "0")
        .does(REQUESTS, "requests in process before others wait; 0 for any number"),
    property("request_throttle_stall_time", INT, "100")
        .unit("ms")
        .does(REQUESTS, "longest wait before another look"),
    property("request_throttle_drop_stale", Kind::Bool, "true")
        .does(REQUESTS, "drop requests that grew stale while they waited"),
    property("request_stale_latency_check", Kind::Bool, "false")
        .does("Request", "stale is what waited longer than its session's timeout"),
    property("request_stale_connection_check", Kind::Bool, "true")
        .does("Request", "stale is what has lost its connection"),
    property("request_throttler.shutdownTimeout", INT, "10000")
        .unit("ms")
        .does(REQUESTS, "wait for requests in process at the end"),
    property("throttled_op_wait_time", INT, "0")
        .unit("ms")
        .does("ZooKeeperServer", "a request that waited longer is refused with -127; 0: none is"),
    property("largeRequestMaxBytes", at_least(1, 100 * 1024 * 1024), "104857600")
        .unit("bytes")
        .does("ZooKeeperServer", "large requests in process"),
    property("largeRequestThreshold", THRESHOLD, "-1")
        .unit("bytes")
        .does("ZooKeeperServer", "a longer request is large; -1: none is"),
    property("netty.server.outstandingHandshake.limit", INT, "-1")
        .does("NettyServerCnxnFactory", "TLS handshakes at a time")
        .not_yet(TLS),
    property("netty.server.earlyDropSecureConnectionHandshakes", Kind::Bool, "false")
        .does("NettyServerCnxnFactory", "refuse connections before their handshake")
        .not_yet(TLS),
    property("netty.advancedFlowControl.enabled", Kind::Bool, "false")
        .does("NettyServerCnxnFactory", "stop reading where requests pile up")
        .jvm_only("reading always stops where requests pile up"),
];
