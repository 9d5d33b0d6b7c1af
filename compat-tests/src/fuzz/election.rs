//! A peer that says anything on the election port: initial message, then votes.

use std::sync::{Arc, OnceLock};

use gamekeeper::config::ConfigOptions;
use gamekeeper::ids::{Millis, Sid, Zxid};
use gamekeeper::zab::LinkId;
use gamekeeper::zab::election::cnx::{self, QuorumCnxManager};
use gamekeeper::zab::election::fle::{self, FastLeaderElection};
use gamekeeper::zab::election::initial::ElectionAddr;
use gamekeeper::zab::quorum::{QuorumVerifier, Quorums};

use super::Input;

/// The peer is called instead of calling: its bytes come over the connection that was asked for.
const CALLED: u8 = 1;
/// This server follows a leader already.
const SETTLED: u8 = 2;
/// A newer configuration in a vote is taken over.
const RECONFIG: u8 = 4;

const MY_ID: Sid = Sid(2);
/// Beyond every pause of the election.
const LONG: Millis = 200_000;
/// Turns after which a round must have come to rest.
const TURNS_MAX: usize = 10_000;

struct Server {
    fle: FastLeaderElection,
    cnx: QuorumCnxManager,
    now: Millis,
    next_link: u64,
    /// The connections that are open, by what this server knows.
    open: Vec<LinkId>,
    decided: u32,
}

enum Work {
    Fle(fle::Effect),
    Cnx(cnx::Effect),
}

fn quorums() -> Quorums {
    static QUORUMS: OnceLock<Quorums> = OnceLock::new();
    let quorums = QUORUMS.get_or_init(|| {
        let text = "server.1=127.0.0.1:2888:3888\nserver.2=127.0.0.1:2889:3889\n\
                    server.3=127.0.0.1:2890:3890\nserver.4=127.0.0.1:2891:3891:observer";
        let options = ConfigOptions { standalone: false, ..ConfigOptions::default() };
        Quorums::new(Arc::new(QuorumVerifier::parse(text, options).expect("well formed")))
    });
    quorums.clone()
}

impl Server {
    fn new(reconfig_enabled: bool) -> Self {
        let settings = fle::Settings { reconfig_enabled, ..fle::Settings::new(MY_ID) };
        let fle = FastLeaderElection::new(settings, quorums(), Zxid(5), 0);
        let settings = cnx::Settings {
            my_id: MY_ID,
            addresses: vec![ElectionAddr { host: "127.0.0.1".to_owned(), port: 3889 }],
            multi_address: true,
            greeting_timeout: 5_000,
            max_strangers: 256,
            fault_ebcdic: false,
        };
        let cnx = QuorumCnxManager::new(settings, quorums());
        Self { fle, cnx, now: 1_000, next_link: 1, open: Vec::new(), decided: 0 }
    }

    fn accept(&mut self) -> LinkId {
        let link = self.link();
        self.tell_cnx(cnx::Event::Accepted { link });
        link
    }

    fn link(&mut self) -> LinkId {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.open.push(link);
        link
    }

    fn tell_fle(&mut self, event: fle::Event<'_>) {
        let mut out = Vec::new();
        self.fle.step(self.now, event, &mut out);
        self.carry_out(out.into_iter().map(Work::Fle).collect());
    }

    fn tell_cnx(&mut self, event: cnx::Event<'_>) {
        let mut out = Vec::new();
        self.cnx.step(self.now, event, &mut out);
        self.carry_out(out.into_iter().map(Work::Cnx).collect());
    }

    fn carry_out(&mut self, mut work: std::collections::VecDeque<Work>) {
        let mut turns = 0;
        while let Some(next) = work.pop_front() {
            turns += 1;
            assert!(turns < TURNS_MAX, "the two machines talk to each other for ever");
            let (mut fle, mut cnx) = (Vec::new(), Vec::new());
            match next {
                Work::Fle(fle::Effect::Send { to, bytes }) => {
                    self.cnx.step(self.now, cnx::Event::Send { to, bytes }, &mut cnx);
                }
                Work::Fle(fle::Effect::ConnectAll) => {
                    self.cnx.step(self.now, cnx::Event::ConnectAll, &mut cnx);
                }
                Work::Fle(fle::Effect::Decided { .. }) => self.decided += 1,
                Work::Cnx(cnx::Effect::Deliver { from, bytes }) => {
                    let event = fle::Event::Message { from, bytes: &bytes };
                    self.fle.step(self.now, event, &mut fle);
                }
                Work::Cnx(cnx::Effect::Connect { sid, .. }) => {
                    self.cnx.step(self.now, cnx::Event::ConnectFailed { sid }, &mut cnx);
                }
                Work::Cnx(cnx::Effect::Write { link, bytes }) => {
                    assert!(self.open.contains(&link), "writes to a closed connection");
                    assert!(!bytes.is_empty());
                    self.cnx.step(self.now, cnx::Event::Flushed { link }, &mut cnx);
                }
                Work::Cnx(cnx::Effect::Close { link, .. }) => {
                    assert!(self.open.contains(&link), "closes what is closed");
                    self.open.retain(|open| *open != link);
                }
                _ => {}
            }
            work.extend(fle.into_iter().map(Work::Fle));
            work.extend(cnx.into_iter().map(Work::Cnx));
        }
    }

    /// Time goes by; whoever is silent is dropped and votes are sent again.
    fn wait(&mut self, time: Millis) {
        let end = self.now + time;
        for _ in 0..100 {
            let deadlines = [self.fle.deadline(), self.cnx.deadline()];
            let Some(at) = deadlines.into_iter().flatten().min().filter(|at| *at <= end) else {
                break;
            };
            self.now = self.now.max(at);
            let have_delivered = self.cnx.have_delivered();
            self.tell_fle(fle::Event::Timer { have_delivered });
            self.tell_cnx(cnx::Event::Timer);
        }
        self.now = end;
    }
}

/// Any bytes on the election port, before and after this server's own first round; then an honest
/// peer must still be able to elect with it.
pub(super) fn election(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let mut server = Server::new(input.has(RECONFIG));
    if input.has(SETTLED) {
        server.tell_fle(fle::Event::Look { zxid: Zxid(5), peer_epoch: 0 });
    }
    let link = if input.has(CALLED) {
        let link = server.link();
        server.tell_cnx(cnx::Event::Connected { sid: Sid(1), link });
        link
    } else {
        server.accept()
    };
    for (n, piece) in input.pieces().enumerate() {
        if server.open.contains(&link) {
            server.tell_cnx(cnx::Event::Bytes { link, bytes: piece });
        }
        if n == 0 && !input.has(SETTLED) {
            server.tell_fle(fle::Event::Look { zxid: Zxid(5), peer_epoch: 0 });
        }
    }
    server.wait(LONG);
    server.tell_cnx(cnx::Event::Closed { link });
    server.open.retain(|open| *open != link);
    if !input.has(RECONFIG) {
        elect_with_honest_peer(&mut server);
    }
}

/// Server 3 calls and votes for itself, in whatever round this server is.
fn elect_with_honest_peer(server: &mut Server) {
    use gamekeeper::zab::ServerState;
    use gamekeeper::zab::election::initial::InitialMessage;
    use gamekeeper::zab::election::notification::encode;
    use gamekeeper::zab::election::vote::{Candidate, Vote};
    server.tell_fle(fle::Event::Look { zxid: Zxid(5), peer_epoch: 0 });
    let before = server.decided;
    let link = server.accept();
    let hello = InitialMessage { sid: Sid(3), addresses: vec![] }.encode(true);
    // An empty list of addresses is not written by anyone; a caller has one at least.
    let hello = if hello.len() > 20 { hello } else { greeting() };
    server.tell_cnx(cnx::Event::Bytes { link, bytes: &hello });
    let candidate = Candidate { leader: Sid(3), zxid: Zxid(i64::MAX), peer_epoch: i64::MAX };
    let round = server.fle.logical_clock();
    let vote = Vote { election_epoch: round, ..Vote::looking(candidate, round) };
    let vote = Vote { state: ServerState::Looking, ..vote };
    let mut message = Vec::new();
    jute::Write::put_buffer(&mut message, Some(&encode(&vote, b"")));
    server.tell_cnx(cnx::Event::Bytes { link, bytes: &message });
    server.wait(LONG);
    assert!(server.decided > before, "no election with an honest peer any more");
}

fn greeting() -> Vec<u8> {
    use gamekeeper::zab::election::initial::InitialMessage;
    let addresses = vec![ElectionAddr { host: "127.0.0.1".to_owned(), port: 3890 }];
    InitialMessage { sid: Sid(3), addresses }.encode(true)
}
