use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use crate::app;
use crate::config::Overrides;
use crate::engine::{Build, Entry, RunRequest};
use crate::model::{Grants, Mode, Outcome, Preset};

/// A loop of additions, multiplications, loads and stores: the mix that fuel is meant to measure.
const LOOP: &str = r#"(component
  (core module $m
    (memory 1)
    (func (export "spin")
      (local $i i32)
      (loop $again
        (i32.store (i32.and (local.get $i) (i32.const 65532))
          (i32.add (i32.load (i32.and (i32.mul (local.get $i) (i32.const 40503)) (i32.const 65532))) (local.get $i)))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $again))))
  (core instance $i (instantiate $m))
  (func (export "spin") (canon lift (core func $i "spin"))))"#;

const FUEL: u64 = 1_000_000_000;
const ROUNDS: usize = 5;

/// Say what a second of this machine is in fuel, and what the presets come to
#[derive(Debug, Args)]
#[command(after_help = "\
Fuel counts work, not time: about one unit per WebAssembly instruction, one per byte moved by a bulk
instruction, and more for each call to the host by what it costs the host. The same run spends the same fuel on
every machine; how long that takes depends on the machine.

Example:
  ringfence calibrate --json")]
pub(super) struct CalibrateArgs {
    /// Answer with JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CalibrateArgs, host: &Overrides) -> anyhow::Result<ExitCode> {
    let engine = app::engine(host, 1)?;
    let mut limits = Preset::Large.limits();
    limits.fuel = FUEL;
    let per_second = super::block_on(async {
        let program = engine.load(LOOP.as_bytes().to_vec(), Build::of(&limits, Mode::Ordinary)).await?;
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let entry = Entry::Call { function: "spin".into(), args: json!([]) };
            let report = engine.run(&program, RunRequest::new(entry, limits.clone(), Grants::default())).await?;
            anyhow::ensure!(
                matches!(report.outcome, Outcome::OutOfFuel { .. }),
                "the loop ended as {:?}",
                report.outcome
            );
            rates.push(u128::from(FUEL) * 1_000_000 / u128::from(report.usage.cpu_us.max(1)));
        }
        rates.sort_unstable();
        Ok(rates.get(ROUNDS / 2).copied().unwrap_or(0))
    })??;
    let per_second = u64::try_from(per_second)?.max(1);
    let mut lines =
        vec![format!("one second of this machine is about {} million units of fuel", per_second / 1_000_000)];
    let mut presets = serde_json::Map::new();
    for preset in Preset::ALL {
        let limits = preset.limits();
        let ms = limits.fuel.saturating_mul(1_000) / per_second;
        lines.push(format!(
            "  {:<7} {:>15} units, about {ms} ms of computing; deadline {} ms",
            preset.as_str(),
            limits.fuel,
            limits.deadline_ms
        ));
        presets.insert(
            preset.as_str().into(),
            json!({"fuel": limits.fuel, "about_ms": ms, "deadline_ms": limits.deadline_ms}),
        );
    }
    let text = if args.json {
        json!({"fuel_per_second": per_second, "presets": presets}).to_string()
    } else {
        lines.join("\n")
    };
    writeln!(std::io::stdout(), "{text}")?;
    Ok(ExitCode::SUCCESS)
}
