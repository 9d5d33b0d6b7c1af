//! Records the corpus of the fuzz targets from traffic between Java and ours:
//! `cargo run -p compat-tests --bin fuzz_capture`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match compat_tests::fuzz::capture::all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fuzz_capture: {e}");
            ExitCode::FAILURE
        }
    }
}
