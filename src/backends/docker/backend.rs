use std::sync::Arc;
use std::time::{Duration, Instant};

use bollard::Docker as Api;
use bollard::container::AttachContainerResults;
use tokio::sync::OnceCell;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;

use super::super::backend::{Backend, BackendName, Pending, Program, Run};
use super::super::checks::{check_input, check_places, check_words, never_started, required};
use super::super::claims::Standing;
use super::super::copies::{Back, Folder};
use super::super::error::BackendError;
use super::super::failure::Failure;
use super::super::streams::{Hit, length};
use super::claims;
use super::container::{Container, Programs, let_go};
use super::engine::Engine;
use super::going::{Given, Gone, attach, go};
use super::image::{self, Image};
use super::leftovers::{HostId, Whose, containers, copies};
use super::outcome::{self, End};
use super::plan::{Guest, Plan};
use super::room::{Room, apart};
use super::settings::DockerSettings;
use super::worker::Worker;
use crate::engine::{Mount, Stdin};
use crate::model::{Captured, Limits, Outcome, Report, Usage};

/// Native commands, each in a container of an engine of this machine.
pub struct Docker {
    settings: DockerSettings,
    found: OnceCell<Arc<Found>>,
    programs: Programs,
    worker: Worker,
}

/// What there is to run in, once it was there.
struct Found {
    engine: Engine,
    host: HostId,
}

fn unavailable(reason: String) -> BackendError {
    BackendError::Unavailable { backend: BackendName::Docker, reason }
}

fn internal(error: impl std::fmt::Display) -> BackendError {
    BackendError::Internal(error.to_string())
}

fn told(failure: Failure) -> BackendError {
    failure.told(BackendName::Docker)
}

impl Docker {
    pub fn new(settings: DockerSettings) -> Self {
        Self { settings, found: OnceCell::new(), programs: Programs::default(), worker: Worker::default() }
    }

    /// The engine, and nothing left in it of hosts that are dead. Where it is not there, it is looked for again later.
    async fn found(&self) -> Result<Arc<Found>, String> {
        let finding = async {
            self.settings.check().map_err(|reason| format!("backends.docker.{reason}"))?;
            let found = Found {
                engine: Engine::find(&self.settings).await?,
                host: HostId::own().map_err(|error| error.to_string())?,
            };
            self.clean_up(&found).await?;
            Ok(Arc::new(found))
        };
        self.found.get_or_try_init(|| finding).await.cloned()
    }

    async fn clean_up(&self, found: &Found) -> Result<(), String> {
        let removed = containers(&found.engine.api()?, &Whose::Dead(&found.host)).await?;
        if removed > 0 {
            tracing::warn!("{removed} containers were left by hosts that died, and are removed");
        }
        let (dir, host) = (self.settings.copies_dir.clone(), found.host.clone());
        apart(move || copies(&dir, &Whose::Dead(&host))).await.map_err(|error| error.to_string())
    }

    async fn stand(&self) -> Result<Arc<Found>, String> {
        let found = self.found().await?;
        image::check(&found.engine.api()?, &self.settings).await?;
        Ok(found)
    }

    async fn fenced(&self, run: Run) -> Result<Report, BackendError> {
        let start = Instant::now();
        run.limits.check()?;
        let Program::Command(program) = &run.program else {
            return Err(BackendError::WrongProgram {
                backend: BackendName::Docker,
                runs: "commands of an image, not WebAssembly; write the command after `--`",
            });
        };
        self.standing().await.check(&required(&run), &run.chosen)?;
        if let Err(hit) = check_input(program, &run, &run.limits) {
            return Ok(never_started(hit, start));
        }
        let words = std::iter::once(program).chain(&run.grants.args).cloned().collect::<Vec<_>>();
        check_words(&words, &run.grants.env)?;
        Plan::check(&words, &run.grants.env, &run.limits)?;
        check_places(&run.mounts)?;
        let found = self.found().await.map_err(unavailable)?;
        let api = found.engine.api().map_err(unavailable)?;
        let image = image::get(&api, &self.settings).await.map_err(unavailable)?;
        self.worker.start(&self.settings, &found.host).map_err(internal)?;
        // Fetching an image is nobody's time but the host's.
        let clock = Clock::new(&run);
        let (program, limits) = (program.clone(), run.limits.clone());
        match self.one(api, &found, &image, &program, run, &clock).await? {
            Ok(report) => Ok(report),
            Err(end) => Ok(clock.report(end, &limits)),
        }
    }

    /// `Err` within is an end that came before the command began.
    async fn one(
        &self,
        api: Api,
        found: &Found,
        image: &Image,
        program: &str,
        run: Run,
        clock: &Clock,
    ) -> Result<Result<Report, End>, BackendError> {
        let guest = Guest::new(found.engine.facts.users, !run.mounts.is_empty())?;
        let name = found.host.run();
        let room = match self.room(&name, &run.mounts, guest, clock).await? {
            Ok(room) => room,
            Err(end) => return Ok(Err(end)),
        };
        let shown = room.as_ref().map(Room::shown).transpose().map_err(told)?.unwrap_or_default();
        let live_input = !matches!(run.stdin, Stdin::Empty);
        let (limits, host) = (&run.limits, found.host.text());
        let plan = Plan {
            settings: &self.settings,
            facts: &found.engine.facts,
            image,
            limits,
            env: &run.grants.env,
            args: &run.grants.args,
            folder: run.mounts.first().map_or("/tmp", |mount| mount.guest.as_str()),
            shown: &shown,
            guest,
            live_input,
            host: &host,
            name: &name,
        };
        let looks = room.as_ref().map(|room| (room.looker(), room.first()));
        let mut container = Container::new(api, name.clone(), &self.settings, room);
        let streams = match self.begin(&mut container, program, &plan, clock).await? {
            Ok(streams) => streams,
            Err(end) => {
                end_early(container).await?;
                return Ok(Err(end));
            }
        };
        let given = Given {
            stdin: run.stdin,
            listener: run.listener,
            limits,
            cancel: &clock.cancel,
            deadline: clock.deadline,
            looks,
        };
        let gone = go(&container, streams, given).await?;
        let wall = clock.begin.elapsed();
        container.remove().await?;
        let back = match container.room.take() {
            Some(room) => {
                let limits = limits.clone();
                let copied_in = room.bytes();
                let back = apart(move || room.bring_back(&limits)).await.map_err(internal)?.map_err(told)?;
                Some((copied_in, back))
            }
            None => None,
        };
        Ok(Ok(report(gone, back, limits, wall)))
    }

    async fn room(
        &self,
        name: &str,
        mounts: &[Mount],
        guest: Guest,
        clock: &Clock,
    ) -> Result<Result<Option<Room>, End>, BackendError> {
        if mounts.is_empty() {
            return Ok(Ok(None));
        }
        let (settings, name, folders) = (self.settings.clone(), name.to_owned(), Folder::of(mounts));
        let deadline = clock.deadline;
        let filling = apart(move || Room::fill(&settings, &name, folders, guest, deadline));
        tokio::select! {
            room = filling => room.map_err(internal)?.map(|room| Ok(Some(room))).map_err(told),
            () = clock.cancel.cancelled() => Ok(Err(End::Cancelled)),
        }
    }

    async fn begin(
        &self,
        container: &mut Container,
        program: &str,
        plan: &Plan<'_>,
        clock: &Clock,
    ) -> Result<Result<AttachContainerResults, End>, BackendError> {
        let beginning = async {
            container.make(program, &self.programs, |program| plan.container(program)).await?;
            let streams = attach(container, plan.live_input).await?;
            container.start().await?;
            Ok::<_, BackendError>(streams)
        };
        tokio::select! {
            streams = beginning => streams.map(Ok),
            end = clock.over() => Ok(Err(end)),
        }
    }
}

/// Nothing of it has run, or it was only about to.
async fn end_early(mut container: Container) -> Result<(), BackendError> {
    container.remove().await?;
    if let Some(room) = container.room.take() {
        let_go(room).await;
    }
    Ok(())
}

/// The time of one run, and who may end it before.
struct Clock {
    begin: Instant,
    deadline: Instant,
    cancel: CancellationToken,
}

impl Clock {
    fn new(run: &Run) -> Self {
        let begin = Instant::now();
        let deadline = begin + Duration::from_millis(run.limits.deadline_ms);
        Self { begin, deadline, cancel: run.cancel.clone().unwrap_or_default() }
    }

    async fn over(&self) -> End {
        tokio::select! {
            () = sleep_until(self.deadline.into()) => End::Deadline,
            () = self.cancel.cancelled() => End::Cancelled,
        }
    }

    /// Of a run that had not begun.
    fn report(&self, end: End, limits: &Limits) -> Report {
        let nothing = Gone {
            end,
            code: 0,
            stdout: Captured::default(),
            stderr: Captured::default(),
            taken: 0,
            spent: Default::default(),
        };
        report(nothing, None, limits, self.begin.elapsed())
    }
}

fn report(gone: Gone, back: Option<(u64, Result<Back, Hit>)>, limits: &Limits, wall: Duration) -> Report {
    let written = length(&gone.stdout.bytes).saturating_add(length(&gone.stderr.bytes));
    let wall_us = u64::try_from(wall.as_micros()).unwrap_or(u64::MAX);
    let ended = match gone.end {
        End::Itself => outcome::of(gone.code, limits),
        End::Deadline => Outcome::DeadlineExceeded { limit_ms: limits.deadline_ms, used_ms: wall_us.div_ceil(1_000) },
        End::Cancelled => Outcome::Cancelled,
        End::Memory => outcome::out_of_memory(limits, gone.spent.peak_bytes),
        End::Limit(hit) => outcome::hit(hit),
    };
    let (copied_in, back) = back.unwrap_or((0, Ok(Back::default())));
    let (ended, back) = match back {
        Ok(back) => (ended, back),
        // More than may be brought back, whatever else it came to.
        Err(hit) => (outcome::hit(hit), Back::default()),
    };
    let usage = Usage {
        wall_us,
        cpu_us: gone.spent.cpu_us,
        peak_memory_bytes: gone.spent.peak_bytes,
        bytes_in: gone.taken.saturating_add(copied_in),
        bytes_out: written.saturating_add(back.bytes),
        files_created: back.created,
        ..Usage::default()
    };
    Report { outcome: ended, usage, stdout: gone.stdout, stderr: gone.stderr, denials: back.denials }
}

impl Backend for Docker {
    fn name(&self) -> BackendName {
        BackendName::Docker
    }

    fn standing(&self) -> Pending<'_, Standing> {
        Box::pin(async {
            match self.stand().await {
                Ok(found) => Standing::of(BackendName::Docker, claims::of(&found.engine.facts, &self.settings)),
                Err(reason) => Standing::missing(BackendName::Docker, reason),
            }
        })
    }

    fn run(&self, run: Run) -> Pending<'_, Result<Report, BackendError>> {
        Box::pin(self.fenced(run))
    }
}
