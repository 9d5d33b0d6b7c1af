mod cnx;
mod codec;
mod ensemble;
mod rules;

use std::sync::Arc;

use super::fle::{Effect, FastLeaderElection, Settings};
use crate::config::ConfigOptions;
use crate::ids::{Sid, Zxid};
use crate::zab::quorum::{QuorumVerifier, Quorums};

fn quorums(voters: i64, observers: i64) -> Quorums {
    let line = |id: i64| {
        let role = if id > voters { "observer" } else { "participant" };
        format!("server.{id}=h{id}:2888:3888:{role}\n")
    };
    let text: String = (1..=voters + observers).map(line).collect();
    let options = ConfigOptions { standalone: false, ..ConfigOptions::default() };
    Quorums::new(Arc::new(QuorumVerifier::parse(&text, options).unwrap()))
}

fn machine(id: i64, voters: i64) -> FastLeaderElection {
    FastLeaderElection::new(Settings::new(Sid(id)), quorums(voters, 0), Zxid(0), 0)
}

/// What a notification says, in one line.
fn text(bytes: &[u8]) -> String {
    let n = super::notification::Notification::parse(bytes).unwrap();
    let c = n.candidate;
    let state = n.state.map_or("?".to_owned(), |s| format!("{s:?}").to_uppercase());
    format!(
        "{state} leader={} zxid={} epoch={} round={}",
        c.leader, c.zxid, c.peer_epoch, n.election_epoch
    )
}

fn effect_text(effect: &Effect) -> String {
    match effect {
        Effect::Send { to, bytes } => format!("send {to}: {}", text(bytes)),
        Effect::Decided { vote, state } => {
            format!("decided: {state:?} {vote} round={}", vote.election_epoch)
        }
        Effect::AdoptConfig(config) => format!("adopt version {:x}", config.version()),
        other => format!("{other:?}"),
    }
}
