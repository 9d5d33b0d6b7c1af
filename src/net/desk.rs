//! Where four-letter words are answered. Most are answered by a thread of their own: a `dump` of a
//! million sessions, or a look at the pipeline's state, must not hold up a selector's other clients.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::spawn;
use crate::server::conn::ConnShared;
use crate::server::front::Command;
use crate::server::reason::DisconnectReason;

/// Who knows the answers.
pub trait Words: Send + Sync {
    /// Whether the answer is at hand: no lock that others may hold for long, no file, no other thread.
    fn is_instant(&self, command: &Command) -> bool;

    /// The text for `command`, asked over `asker`. None: the connection is closed without a word.
    fn answer(&self, command: &Command, asker: &ConnShared) -> Option<String>;
}

enum Question {
    Word(Arc<ConnShared>, Command),
    Stop,
}

/// The way to the answers.
pub(super) struct Desk {
    words: Arc<dyn Words>,
    questions: Sender<Question>,
}

impl Desk {
    /// The desk, and the thread behind it.
    pub(super) fn open(words: Arc<dyn Words>) -> io::Result<(Self, JoinHandle<()>)> {
        let (questions, received) = channel();
        let answering = Arc::clone(&words);
        let thread = spawn("CommandThread", move || answer_all(&*answering, &received))?;
        Ok((Self { words, questions }, thread))
    }

    /// Takes a word from a client. The answer goes into the connection's output, and the connection
    /// ends after it.
    pub(super) fn ask(&self, conn: &Arc<ConnShared>, command: Command) {
        if self.words.is_instant(&command) {
            answer(&*self.words, conn, &command);
        } else if self.questions.send(Question::Word(Arc::clone(conn), command)).is_err() {
            conn.close_after_output(DisconnectReason::ServerShutdown);
        }
    }

    /// Ends the thread once it has answered what was asked before.
    pub(super) fn close(&self) {
        let _ = self.questions.send(Question::Stop);
    }
}

fn answer_all(words: &dyn Words, questions: &Receiver<Question>) {
    while let Ok(Question::Word(conn, command)) = questions.recv() {
        answer(words, &conn, &command);
        conn.notify();
    }
}

fn answer(words: &dyn Words, conn: &ConnShared, command: &Command) {
    if let Some(text) = words.answer(command, conn) {
        conn.lock_output().extend_from_slice(text.as_bytes());
    }
    conn.close_after_output(DisconnectReason::CloseConnectionCommand);
}
