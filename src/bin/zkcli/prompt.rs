//! The prompt at a terminal: a line editor with history and completion. Watch events appear above
//! the line that is being typed.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use gamekeeper::tools::cli::{Failure, Flow, Invocation, Notify, Settings, Shell, candidates};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, ExternalPrinter, Helper};

use crate::{PROMPT_PATIENCE, console};

type Line = Editor<Live, DefaultHistory>;

/// Completion from the shell's own session.
struct Live(Rc<RefCell<Shell>>);

impl Completer for Live {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let (start, mut found) = candidates(&line[..pos], &self.0.borrow());
        if let [verb] = &mut found[..]
            && !verb.starts_with('/')
        {
            // Words follow a verb; a path may still go deeper.
            verb.push(' ');
        }
        Ok((start, found))
    }
}

impl Hinter for Live {
    type Hint = String;
}
impl Highlighter for Live {}
impl Validator for Live {}
impl Helper for Live {}

/// Reads and runs lines until the end; the result is the exit code.
pub(crate) fn run(invocation: Invocation, settings: Settings) -> Result<i32, Failure> {
    let config = Config::builder().completion_type(CompletionType::List).build();
    let mut editor = Line::with_config(config).map_err(unusable)?;
    let shell = Shell::start(invocation, settings, console(), above_the_line(&mut editor))?;
    let shell = Rc::new(RefCell::new(shell));
    editor.set_helper(Some(Live(Rc::clone(&shell))));
    loop {
        shell.borrow().wait_a_round(PROMPT_PATIENCE);
        let prompt = shell.borrow().prompt();
        match editor.readline(&prompt) {
            Ok(line) => {
                // A line that is not kept is only not there to be called back.
                let _ = editor.add_history_entry(&line);
                if shell.borrow_mut().run_line(&line) == Flow::Quit {
                    break;
                }
            }
            // Ctrl-C gives up the line, Ctrl-D the session.
            Err(ReadlineError::Interrupted) => {}
            Err(ReadlineError::Eof) => break,
            Err(e) => return Err(unusable(e)),
        }
    }
    let code = shell.borrow().exit_code();
    Ok(code)
}

fn unusable(e: ReadlineError) -> Failure {
    Failure::new(format!("cannot read from the terminal: {e}"))
}

/// Prints while a line is being typed: the editor redraws it below.
fn above_the_line(editor: &mut Line) -> Notify {
    match editor.create_external_printer() {
        Ok(printer) => {
            let printer = Mutex::new(printer);
            Arc::new(move |text| {
                let mut printer = printer.lock().unwrap_or_else(PoisonError::into_inner);
                // The editor is gone: so is the one who would read it.
                let _ = printer.print(text.to_owned());
            })
        }
        // A terminal that cannot move its cursor.
        Err(_) => Arc::new(|text| {
            let _ = io::stdout().write_all(text.as_bytes());
        }),
    }
}
