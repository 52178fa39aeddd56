use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{bench_page, bench_text, show};
use crate::app;
use crate::backends::{Backend, BackendError, BackendName, Wasm};
use crate::bench::{Ask, BenchError, Comparison, Effort, Empty, Here, Part, Programs, Stage, begin_and_end};
use crate::config::{Overrides, own_program};

/// Compare what each fence of this machine costs with the same code without one
///
/// Each fence in its turn, warm and cold: what a start costs, a round trip, starts in a second, memory, and work of five kinds. It
/// takes some minutes; a machine that does nothing else gives figures that mean something.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  ringfence bench
  ringfence bench --quick
  ringfence bench --backend wasm --backend process --only start,throughput
  ringfence bench --seconds 10 --html comparison.html
  ringfence bench --json > comparison.json
  ringfence bench --guests ./programs --markdown

The programs that are measured are made by `make guests` in the source tree of Ringfence: bench.wasm and native/bench, of one source.
What `native` stands for is the same program as a child of ours with no fence at all, by fork and exec.")]
pub(super) struct BenchArgs {
    /// Only this backend; may be given again [default: all that there are]
    #[arg(long, value_name = "NAME")]
    backend: Vec<BackendName>,
    /// Only these parts: start, round-trip, throughput, memory, work
    #[arg(long, value_name = "PART,…", value_delimiter = ',', value_parser = Part::from_str)]
    only: Vec<Part>,
    /// Small work and few samples: whether all of it works, not what it costs
    #[arg(long)]
    quick: bool,
    /// How long each fence is measured for each line [default: 3, with --quick 0.1]
    #[arg(long, value_name = "S", value_parser = parse_seconds)]
    seconds: Option<f64>,
    /// Folder of the programs that are measured, as `make guests` makes it
    #[arg(long, value_name = "DIR", default_value = "guests/build")]
    guests: PathBuf,
    /// Answer with JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Answer with the tables of docs/performance.md
    #[arg(long)]
    markdown: bool,
    /// Also write a page with plots
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Start one thing and end: what a comparison measures of a new host process
    #[arg(long, value_name = "NAME", hide = true)]
    first_run: Option<BackendName>,
    /// The thing is the program of --guests
    #[arg(long, hide = true)]
    first_static: bool,
}

const MOST_SECONDS: f64 = 3_600.0;
/// Live sandboxes at one time, and some more.
const AT_ONCE: u32 = 1_000;

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.01..=MOST_SECONDS).contains(&seconds) => Ok(seconds),
        _ => Err(format!("write seconds from 0.01 to {MOST_SECONDS}, as 3 or 0.5")),
    }
}

pub(super) fn run(args: &BenchArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let programs = Programs::of(&args.guests)?;
    if let Some(name) = args.first_run {
        let empty = match (name, args.first_static) {
            (BackendName::Wasm, _) => Empty::Component,
            (_, true) => Empty::Static,
            (_, false) => Empty::True,
        };
        begin_and_end(Arc::from(app::backend(name, host)?), programs, empty)?;
        return Ok(ExitCode::SUCCESS);
    }
    // That it cannot be written is told before the minutes, not after.
    let page = args.html.as_ref().map(|file| Page::create(file.clone())).transpose()?;
    let parts = if args.only.is_empty() { Part::ALL.to_vec() } else { args.only.clone() };
    let ask = Ask { parts, effort: Effort::new(args.quick, args.seconds) };
    let progress = Progress::new();
    let compared = compare(args, host, programs, &ask, &progress);
    progress.end();
    let compared = compared?;
    if let Some(page) = page {
        page.write(&bench_page::page(&compared))?;
    }
    show::print(&match (args.json, args.markdown) {
        (true, _) => serde_json::to_string_pretty(&compared)? + "\n",
        (_, true) => bench_text::markdown(&compared),
        _ => bench_text::table(&compared),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn compare(
    args: &BenchArgs,
    host: &Overrides,
    programs: Programs,
    ask: &Ask,
    progress: &Progress,
) -> anyhow::Result<Comparison> {
    let mut here = Here {
        backends: Vec::new(),
        engine: None,
        programs,
        own: own_program()?,
        first_run: vec!["bench".to_owned(), "--guests".to_owned(), args.guests.display().to_string()],
    };
    for name in BackendName::ALL.into_iter().filter(|name| args.backend.is_empty() || args.backend.contains(name)) {
        let backend: Arc<dyn Backend> = if name == BackendName::Wasm {
            let engine = here.engine.insert(app::engine(host, AT_ONCE)?);
            Arc::new(Wasm::new(engine.clone()))
        } else {
            Arc::from(app::backend(name, host)?)
        };
        // One that was asked for by its name has to be there.
        if !args.backend.is_empty()
            && let Some(reason) = super::block_on(backend.standing())?.reason
        {
            return Err(BackendError::Unavailable { backend: name, reason }.into());
        }
        here.backends.push(backend);
    }
    let told = |what: &str| progress.tell(what);
    Ok(Stage::new(here, ask.effort, &told)?.compare(ask)?)
}

/// What is being measured, on standard error.
struct Progress(Option<ProgressBar>);

impl Progress {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("{spinner} measuring {msg}, {elapsed}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        // Seldom: what draws takes time of what is measured.
        bar.enable_steady_tick(Duration::from_secs(1));
        Self(Some(bar))
    }

    fn tell(&self, what: &str) {
        match &self.0 {
            Some(bar) => bar.set_message(what.to_owned()),
            None => show::complain(&format!("measuring {what}"), None),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

struct Page {
    file: PathBuf,
    open: File,
}

impl Page {
    fn create(file: PathBuf) -> Result<Self, BenchError> {
        match File::create(&file) {
            Ok(open) => Ok(Self { file, open }),
            Err(reason) => Err(BenchError::Page { file, reason }),
        }
    }

    fn write(mut self, text: &str) -> Result<(), BenchError> {
        self.open.write_all(text.as_bytes()).map_err(|reason| BenchError::Page { file: self.file, reason })
    }
}
