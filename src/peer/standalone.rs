//! A server alone: a quorum of one. What its own disk has is committed.

use super::pipeline::{Parts, Pipeline};
use super::snapshots::SnapshotPolicy;
use super::{Effect, Event, Now, Status};

/// The server. See [`Event`] and [`Effect`] for its face.
#[derive(Debug)]
pub struct Standalone {
    pipeline: Pipeline,
    snapshots: SnapshotPolicy,
}

impl Standalone {
    /// A server at the zxid of its restored tree.
    pub fn new(parts: Parts, snapshots: SnapshotPolicy) -> Self {
        Self { pipeline: Pipeline::new(parts), snapshots }
    }

    /// What is in process.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// What operators are told.
    pub fn status(&self) -> Status {
        let sessions = self.pipeline.sessions().committed().len();
        Status { state: "standalone", sessions, ..Status::default() }
    }

    /// Takes in what happened; what is to be done is appended to `effects`.
    pub fn step(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        let mut batches = Vec::new();
        match event {
            Event::Inputs(inputs) => self.pipeline.on_inputs(now, inputs, &mut batches),
            Event::Durable(zxid) => self.pipeline.on_committed(now, zxid, &mut batches),
            Event::Tick { heard_until } => self.pipeline.on_tick(now, heard_until, &mut batches),
            // Of other servers, of which there are none.
            _ => {}
        }
        for mut batch in batches {
            let snapshot_due = self.snapshots.count(&mut batch);
            effects.push(Effect::Log(batch));
            if snapshot_due {
                effects.push(Effect::Snapshot);
            }
        }
    }
}
