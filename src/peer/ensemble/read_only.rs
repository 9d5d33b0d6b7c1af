//! A member that finds no leader for longer than an election takes: it serves what it has, to clients
//! that are content with that (`readonlymode.enabled`).
//!
//! Nothing is written, so sessions can only be local; those of the ensemble are not taken up, for
//! whether they live is not known here. With the election's end all clients go.
//! Java: `ReadOnlyZooKeeperServer`, `ReadOnlyRequestProcessor`, `QuorumPeer.run`.

use log::{info, warn};

use super::{Ensemble, Role, Status};
use crate::ids::{Millis, SessionId};
use crate::op::{Code, op};
use crate::peer::Now;
use crate::peer::pipeline::close_request;
use crate::server::apply;
use crate::server::connect;
use crate::server::front::Serving;
use crate::server::reason::DisconnectReason;
use crate::server::request::{Connect, Input, Request};
use crate::server::sessions::{LocalSessions, SessionTracker};
use crate::server::upgrade;

/// A member is taken for cut off after a tick without a leader, and not before this many ms.
const GRACE_MIN: Millis = 2000;

/// A member without a leader.
#[derive(Debug, Default)]
pub(super) struct Looking {
    /// When the election began; none before.
    since: Option<Millis>,
    /// Who is served, once it is taken for cut off.
    serving: Option<Box<SessionTracker>>,
    /// Nobody is to see the tree.
    withheld: bool,
    /// When the election is to begin.
    look_at: Option<Millis>,
}

impl Looking {
    pub(super) fn since(now: Millis) -> Self {
        Self { since: Some(now), ..Self::default() }
    }

    /// The election is to begin then.
    pub(super) fn later(look_at: Millis) -> Self {
        Self { look_at: Some(look_at), ..Self::default() }
    }

    pub(super) fn look_at(&self) -> Option<Millis> {
        self.look_at
    }

    /// How long the election has lasted.
    pub(super) fn time(&self, now: Millis) -> Option<Millis> {
        self.since.map(|since| now - since)
    }

    pub(super) fn status(&self) -> Status {
        match &self.serving {
            None => {
                Status { state: "looking", peer_state: "looking".to_owned(), ..Status::default() }
            }
            Some(sessions) => Status {
                state: "read-only",
                sessions: sessions.committed().len(),
                local_sessions: sessions.local_len(),
                ..Status::default()
            },
        }
    }

    pub(super) fn dump_sessions(&self, now: Millis, now_wall: Millis) -> String {
        self.serving.as_ref().map(|sessions| sessions.dump(now, now_wall)).unwrap_or_default()
    }
}

impl Ensemble {
    /// Begins to serve reads when it is time; local sessions expire.
    pub(super) fn look_tick(&mut self, now: Now, heard_until: Millis) {
        let grace = self.settings.tick_time.max(GRACE_MIN);
        let Role::Looking(Looking { since, serving, withheld, .. }) = &mut self.role else {
            return;
        };
        if let Some(sessions) = serving {
            for id in sessions.expired(heard_until) {
                info!("Expiring local session {id}");
                self.read_only_request(now, &close_request(id, now.mono));
            }
        } else if self.settings.read_only_mode && since.is_some_and(|at| now.mono - at >= grace) {
            // A stale state is what clients of this mode accept, one that never was is not.
            if !self.replica.front.db.read_tree().is_of_no_moment() {
                self.serve_read_only(now);
            } else if !std::mem::replace(withheld, true) {
                warn!("No reads here without a leader: the snapshot is ahead of the log");
            }
        }
    }

    fn serve_read_only(&mut self, now: Now) {
        let s = &self.settings;
        let mut sessions = SessionTracker::new(s.my_id.0, s.tick_time as i32, now.wall)
            .of_learner(s.local_sessions);
        for (id, timeout) in &self.replica.sessions {
            sessions.restore(*id, *timeout, now.mono);
        }
        if let Role::Looking(looking) = &mut self.role {
            looking.serving = Some(Box::new(sessions));
        }
        self.replica.front.set_serving(Serving::ReadOnly);
        info!("Read-only server started");
    }

    /// The election is over: whoever was served goes.
    pub(super) fn stop_read_only(&mut self) {
        if let Role::Looking(looking) = &mut self.role
            && looking.serving.take().is_some()
        {
            self.replica.stop_serving();
            info!("Read-only server stopped");
        }
    }

    pub(super) fn look_inputs(&mut self, now: Now, inputs: Vec<Input>) {
        for input in inputs {
            match input {
                Input::Request(request) => self.read_only_request(now, &request),
                Input::Connect(connect) if connect.session == SessionId::NONE => {
                    self.read_only_session(now, &connect);
                }
                Input::Connect(connect) => self.read_only_reopen(now, &connect),
                Input::Disconnected(_) => {}
            }
        }
    }

    /// A request that the connection's thread could not answer itself.
    fn read_only_request(&mut self, now: Now, request: &Request) {
        let front = &self.replica.front;
        let Role::Looking(Looking { serving: Some(sessions), .. }) = &mut self.role else {
            // Nobody is served: it came over a connection that is being closed.
            return self.replica.applier.drop_request(front, request);
        };
        let begins_or_ends = matches!(request.op, op::CREATE_SESSION | op::CLOSE_SESSION);
        let is_local = upgrade::is_local(request, sessions);
        let error = (begins_or_ends && !is_local).then_some(Code::NotReadOnly);
        let tree = front.db.read_tree();
        let at = apply::Now { monotonic: now.mono, wall: now.wall };
        self.replica.applier.answer(front, &tree, request, error, at);
        if is_local && request.op == op::CLOSE_SESSION {
            sessions.remove(request.session);
        }
    }

    /// Without local sessions nobody gets one, and hears so in a reply that is no ConnectResponse.
    fn read_only_session(&mut self, now: Now, connect: &Connect) {
        let Role::Looking(Looking { serving: Some(sessions), .. }) = &mut self.role else { return };
        let session = sessions.create(now.mono, connect.timeout_ms);
        let is_local = session.is_local();
        let request = connect::create_session(&self.replica.front, connect, session);
        if !is_local {
            warn!("No session for {}: a read-only server has none to give", connect.conn.remote);
        }
        self.read_only_request(now, &request);
        if !is_local {
            connect.conn.close_after_output(DisconnectReason::ClientClosedConnection);
        }
    }

    fn read_only_reopen(&mut self, now: Now, connect: &Connect) {
        let Role::Looking(Looking { serving: Some(sessions), .. }) = &mut self.role else { return };
        let (id, front) = (connect.session, &self.replica.front);
        if sessions.committed().contains_key(&id) {
            info!("Refusing global session reconnection in RO mode {}", connect.conn.remote);
            return connect.conn.close_now(DisconnectReason::RenewGlobalSessionInRoMode);
        }
        let session = match sessions.local_sessions() {
            // Nothing is known of it here, and nothing can be found out.
            LocalSessions::Off => Some(sessions.track(id, connect.timeout_ms, now.mono)),
            _ => sessions.get(id).filter(|s| s.renew(connect.timeout_ms, now.mono)).cloned(),
        };
        connect::reopen(front, &connect.conn, session);
        self.replica.applier.touch(&connect.conn);
    }
}
