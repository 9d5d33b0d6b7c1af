//! From the socket to the client's packets.

use std::io::{self, Read};
use std::sync::atomic::Ordering::Relaxed;

use super::{Conn, End, READ, Scratch};
use crate::net::{Env, address};
use crate::server::front::Next;
use crate::server::reason::DisconnectReason;
use crate::server::request::Input;

impl Conn {
    /// Bytes that are not read for now still prove that the client is alive.
    pub(super) fn prove_alive(&self) {
        if let Some(session) = self.shared.session() {
            session.heard(self.touched);
        }
    }

    /// Whether the pipeline has room for more of this connection's requests. One that has nothing in
    /// flight always may, so that everyone gets on (`ZooKeeperServer.shouldThrottle`).
    pub(super) fn has_leave(&mut self, env: &Env) -> bool {
        if self.submitted == 0 {
            return true;
        }
        if self.shared.in_flight() == 0 {
            self.forget_submitted(env);
            return true;
        }
        self.submitted < env.settings.in_flight_of_one
            && env.in_flight.load(Relaxed) < env.settings.in_flight
    }

    pub(super) fn forget_submitted(&mut self, env: &Env) {
        env.in_flight.fetch_sub(self.submitted, Relaxed);
        self.submitted = 0;
    }

    /// Gives the client what is there, or what one read brings. True if it wants to be called again.
    pub(super) fn take_input(&mut self, env: &Env, scratch: &mut Scratch) -> Result<bool, End> {
        if !self.hungry {
            return self.feed_own(env, scratch);
        }
        if !self.readable {
            return Ok(false);
        }
        let kept = self.input.len();
        let buffer = &mut scratch.buffer;
        if kept > READ {
            let n = self.read(&mut buffer[..READ], env)?;
            self.input.extend_from_slice(&buffer[..n]);
            return self.feed_own(env, scratch);
        }
        buffer[..kept].copy_from_slice(&self.input);
        let n = self.read(&mut buffer[kept..kept + READ], env)?;
        if n == 0 {
            return Ok(false);
        }
        let Scratch { buffer, batch, answered } = scratch;
        let bytes = &buffer[..kept + n];
        let (consumed, next) = self.feed(env, bytes, batch, answered);
        self.input.clear();
        self.input.extend_from_slice(&bytes[consumed..]);
        self.heed(env, next)
    }

    /// Gives the client what is left of earlier reads.
    fn feed_own(&mut self, env: &Env, scratch: &mut Scratch) -> Result<bool, End> {
        let mut input = std::mem::take(&mut self.input);
        let Scratch { batch, answered, .. } = scratch;
        let (consumed, next) = self.feed(env, &input, batch, answered);
        input.drain(..consumed);
        self.input = input;
        self.heed(env, next)
    }

    fn feed(
        &mut self,
        env: &Env,
        bytes: &[u8],
        batch: &mut Vec<Input>,
        answered: &mut bool,
    ) -> (usize, Next) {
        let before = batch.len();
        let progress = self.client.on_bytes(&env.front, self.touched, bytes, batch);
        let submitted: usize = batch[before..].iter().map(size).sum();
        if submitted > 0 {
            self.submitted += submitted;
            env.in_flight.fetch_add(submitted, Relaxed);
        } else if progress.consumed > 0 {
            *answered = true;
        }
        (progress.consumed, progress.next)
    }

    fn heed(&mut self, env: &Env, next: Next) -> Result<bool, End> {
        self.hungry = next == Next::More;
        match next {
            Next::More => Ok(false),
            Next::Again => Ok(true),
            Next::Paused => {
                self.paused = true;
                Ok(false)
            }
            Next::Close(reason) => Err(End::AfterOutput(reason)),
            Next::Command(command) => {
                self.asked = true;
                env.desk.ask(&self.shared, command);
                Ok(false)
            }
        }
    }

    /// Reads once. 0 if there was nothing.
    fn read(&mut self, into: &mut [u8], env: &Env) -> Result<usize, End> {
        loop {
            match self.socket.read(into) {
                Ok(0) => return Err(self.stream_ended(env)),
                Ok(n) => {
                    self.readable = n == into.len() || self.ended;
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.readable = false;
                    return Ok(0);
                }
                Err(e) => return Err(self.failed(&e)),
            }
        }
    }

    fn stream_ended(&self, env: &Env) -> End {
        env.front.metrics.connection_drop_count.add(1);
        log::info!(
            "Unable to read additional data from client, it probably closed the socket: \
             address = {}, session = {}",
            address::remote(self.shared.remote),
            self.shared.session_id()
        );
        End::Now(DisconnectReason::UnableToReadFromClient)
    }
}

/// What an input takes up while it is in flight, in bytes.
fn size(input: &Input) -> usize {
    match input {
        Input::Request(request) => size_of::<Input>() + request.body.len(),
        Input::Connect(_) | Input::Disconnected(_) => size_of::<Input>(),
    }
}
