//! What is printed: a line for each row as soon as it is measured, and the same as JSON on demand.

use std::fmt::Write as _;
use std::fs;
use std::time::Duration;

use crate::server::Kind;

/// One target in one round of one row.
#[derive(Debug, Clone)]
pub struct Sample {
    /// Throughput.
    pub ops_per_second: f64,
    /// The latency that half of all did not exceed.
    pub p50: Duration,
    /// The latency that 99 % did not exceed.
    pub p99: Duration,
    /// CPU of the server for each operation, in microseconds.
    pub cpu_us: f64,
    /// CPU of the load's own process for each operation, in microseconds.
    pub client_us: f64,
    /// The server's resident memory afterwards, in bytes.
    pub resident: u64,
}

/// The rounds of one row.
#[derive(Debug, Default)]
pub struct Samples {
    /// Gamekeeper.
    pub ours: Vec<Sample>,
    /// Java.
    pub java: Vec<Sample>,
    /// The echo server.
    pub echo: Vec<Sample>,
    /// The echo server that syncs.
    pub durable: Vec<Sample>,
}

/// The round in the middle, by throughput.
fn median(samples: &mut [Sample]) -> Option<&Sample> {
    samples.sort_by(|a, b| a.ops_per_second.total_cmp(&b.ops_per_second));
    samples.get(samples.len() / 2)
}

/// Collects what was measured.
#[derive(Debug, Default)]
pub struct Report {
    json: Vec<String>,
    last_fact: Option<(String, Kind, f64)>,
}

/// Bytes in MiB.
pub fn mib(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

fn micros(latency: Duration) -> f64 {
    latency.as_secs_f64() * 1e6
}

/// Microseconds in nine columns: tenths only where they matter.
fn column(latency: Duration) -> String {
    let micros = micros(latency);
    if micros < 1000.0 { format!("{micros:9.1}") } else { format!("{micros:9.0}") }
}

impl Report {
    /// Prints the head of the table of rows.
    pub fn begin_rows(&self) {
        println!(
            "Latencies and CPU in microseconds, CPU of the server's process for each operation; \
             ratios are ours/Java."
        );
        let target = |name: &str| format!("{name:>8} op/s      p50      p99    cpu");
        println!(
            "{:29}|{}|{}| op/s   p50   p99   cpu|{}|{}|client",
            "row",
            target("ours"),
            target("java"),
            target("echo"),
            target("durable")
        );
    }

    /// Prints one row.
    pub fn row(&mut self, name: &str, mut samples: Samples) {
        let ours = median(&mut samples.ours);
        let java = median(&mut samples.java);
        let echo = median(&mut samples.echo);
        let durable = median(&mut samples.durable);
        let client = ours.or(java).map_or(0.0, |sample| sample.client_us);
        println!(
            "{name:29}|{}|{}|{}|{}|{}|{client:6.2}",
            columns(ours),
            columns(java),
            ratios(ours, java),
            columns(echo),
            columns(durable)
        );
        let targets = [("ours", ours), ("java", java), ("echo", echo), ("durable", durable)];
        for (target, sample) in targets {
            self.json.extend(sample.map(|sample| row_json(name, target, sample)));
        }
    }

    /// Prints one fact of one server. Ours comes first, Java's right behind it gets the ratio.
    pub fn fact(&mut self, row: &str, what: &str, kind: Kind, value: f64) {
        let mut line = format!("{row:10} {what:52} {kind:>10} {value:12.2}");
        let key = format!("{row} {what}");
        if let Some((last, Kind::Ours, ours)) = &self.last_fact
            && *last == key
            && kind == Kind::Java
        {
            let _ = write!(line, "   ours/java {:.3}", ours / value);
        }
        println!("{line}");
        self.last_fact = Some((key, kind, value));
        self.json.push(fact_json(row, what, kind, value));
    }

    /// Prints the head of a table whose rows are [`Report::beside`].
    pub fn begin_beside(&self, kinds: &[Kind]) {
        let mut line = format!("{:10} {:58}", "load", "figure");
        kinds.iter().for_each(|kind| line += &format!(" {:>14}", kind.to_string()));
        println!("{line}{}", if kinds.len() > 1 { "  ours/java" } else { "" });
    }

    /// Prints one fact of all servers beside each other, and the ratio of the first to the second.
    pub fn beside(&mut self, row: &str, what: &str, values: &[(Kind, Option<f64>)]) {
        let mut line = format!("{row:10} {what:58}");
        for (kind, value) in values {
            line += &value.map_or(format!(" {:>14}", "-"), |value| format!(" {value:14.2}"));
            self.json.extend(value.map(|value| fact_json(row, what, *kind, value)));
        }
        if let [(_, Some(first)), (_, Some(second)), ..] = values
            && *first > 0.0
            && *second > 0.0
        {
            let _ = write!(line, " {:10.3}", first / second);
        }
        println!("{line}");
    }

    /// All that was measured, as one JSON array.
    pub fn json(&self) -> String {
        format!("[\n{}\n]\n", self.json.join(",\n"))
    }
}

/// Prints what the figures were measured on.
pub fn print_machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = model.map_or("unknown CPU", |(_, name)| name);
    println!("{cores} cores, {model}, Linux {}", kernel.trim());
}

fn columns(sample: Option<&Sample>) -> String {
    let Some(sample) = sample else { return format!("{:38}", "") };
    format!(
        "{:13.0}{}{}{:7.2}",
        sample.ops_per_second,
        column(sample.p50),
        column(sample.p99),
        sample.cpu_us
    )
}

fn ratios(ours: Option<&Sample>, java: Option<&Sample>) -> String {
    let (Some(ours), Some(java)) = (ours, java) else { return format!("{:23}", "") };
    format!(
        "{:5.1}{:6.2}{:6.2}{:6.3}",
        ours.ops_per_second / java.ops_per_second,
        micros(ours.p50) / micros(java.p50),
        micros(ours.p99) / micros(java.p99),
        ours.cpu_us / java.cpu_us
    )
}

fn fact_json(row: &str, what: &str, kind: Kind, value: f64) -> String {
    format!("{{\"row\":\"{row}\",\"what\":\"{what}\",\"target\":\"{kind}\",\"value\":{value:.3}}}")
}

fn row_json(row: &str, target: &str, sample: &Sample) -> String {
    format!(
        "{{\"row\":\"{row}\",\"target\":\"{target}\",\"ops_per_second\":{:.0},\"p50_us\":{:.1},\
         \"p99_us\":{:.1},\"server_cpu_us_per_op\":{:.3},\"client_cpu_us_per_op\":{:.3},\
         \"resident_bytes\":{}}}",
        sample.ops_per_second,
        micros(sample.p50),
        micros(sample.p99),
        sample.cpu_us,
        sample.client_us,
        sample.resident
    )
}
