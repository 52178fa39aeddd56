//! One engine, one context, and how a snippet is run in it.

use std::cell::RefCell;

use rquickjs::context::EvalOptions;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Object, Persistent, Runtime, Value};

use crate::exports::ringfence::runtime::interpreter::{
    Answer, Ending, Failure, Form, Snippet, Start, Value as Shown,
};
use crate::{modules, world};

/// The engine measures only the stack that it keeps in memory; the host's, with the frames of compiled code, runs out many
/// times as fast (deep JSON is the worst). With 4 MiB of it this makes too deep a recursion an error and not a trap.
const STACK_BYTES: usize = 192 << 10;

/// What the driver's own code is called, so that its frames are known: nobody's file can be called so.
const OWN: &str = "ringfence:/driver.js";

thread_local! { static ENGINE: RefCell<Option<Engine>> = const { RefCell::new(None) }; }

pub struct Engine {
    context: Context,
    /// What `js/driver.js` gives back: functions that the snippet cannot reach.
    driver: Persistent<Object<'static>>,
    count: u32,
}

pub fn with<T>(use_it: impl FnOnce(&mut Engine) -> T) -> T {
    ENGINE.with(|engine| use_it(engine.borrow_mut().get_or_insert_with(Engine::new)))
}

impl Engine {
    fn new() -> Self {
        let runtime = Runtime::new().expect("an engine");
        runtime.set_max_stack_size(STACK_BYTES);
        let context = Context::full(&runtime).expect("a context");
        let driver = context.with(|ctx| {
            let driver = build_driver(&ctx).unwrap_or_else(|error| panic!("the driver: {error}"));
            Persistent::save(&ctx, driver)
        });
        runtime.set_loader(modules::Names(driver.clone()), modules::Sources(driver.clone()));
        runtime.set_host_promise_rejection_tracker(Some(Box::new({
            let driver = driver.clone();
            move |ctx, promise, reason, handled| {
                let tell = driver.clone().restore(&ctx).and_then(|driver| driver.get::<_, Function>("rejected"));
                let _ = tell.and_then(|tell| tell.call::<_, ()>((promise, reason, handled)));
            }
        })));
        Self { context, driver, count: 0 }
    }

    pub fn prepare(&mut self, start: &Start) {
        // Not before: while the image is made there is no host to ask. The engine asks once in 10,000 branches.
        self.context.runtime().set_interrupt_handler(Some(Box::new(world::interrupted)));
        self.context.with(|ctx| {
            let _ = self.driver.clone().restore(&ctx).and_then(|driver| begin(&driver, start));
        });
    }

    pub fn settle(&mut self) {
        self.count = 0;
        self.context.runtime().set_interrupt_handler(None);
        self.context.with(|ctx| ctx.run_gc());
    }

    pub fn execute(&mut self, snippet: Snippet) -> Answer {
        self.count += 1;
        world::go_on();
        let count = self.count;
        let filename = match (&*snippet.filename, count) {
            ("", 1) => "<snippet>".to_owned(),
            ("", _) => format!("<snippet {count}>"),
            (name, _) => name.to_owned(),
        };
        let (ending, value, shown) = self.context.with(|ctx| {
            let answer = self.driver.clone().restore(&ctx).and_then(|driver| run(&driver, &snippet, &filename));
            answer.catch(&ctx).unwrap_or_else(|error| (broken(&error), None, Vec::new()))
        });
        Answer { ending, value, shown, count }
    }
}

fn begin(driver: &Object, start: &Start) -> rquickjs::Result<()> {
    let environment = Object::new(driver.ctx().clone())?;
    for (name, value) in &start.environment {
        environment.set(name.as_str(), value.as_str())?;
    }
    driver.get::<_, Function>("prepare")?.call((environment, start.folder.as_str()))
}

fn build_driver<'js>(ctx: &Ctx<'js>) -> Result<Object<'js>, String> {
    let text = |error: CaughtError| error.to_string();
    let script = |name: &str, source: &str| ctx.eval_with_options::<Value, _>(source, named(name)).catch(ctx).map_err(text);
    let function = |name: &str, source: &str| script(name, source)?.into_function().ok_or_else(|| format!("{name} is not a function"));
    let doors = world::doors(ctx).catch(ctx).map_err(text)?;
    let inspect = script(OWN, modules::INSPECT)?;
    let kit: Object = function(OWN, modules::KIT)?.call((doors, inspect, OWN)).catch(ctx).map_err(text)?;
    for part in modules::PARTS {
        function(OWN, part)?.call::<_, ()>((kit.clone(),)).catch(ctx).map_err(text)?;
    }
    function(OWN, modules::DRIVER)?.call((kit,)).catch(ctx).map_err(text)
}

fn named(name: &str) -> EvalOptions {
    let mut options = EvalOptions::default();
    options.strict = false;
    options.backtrace_barrier = true;
    options.filename = Some(name.to_owned());
    options
}

type Told = (Ending, Option<Shown>, Vec<Shown>);

fn run<'js>(driver: &Object<'js>, snippet: &Snippet, filename: &str) -> rquickjs::Result<Told> {
    let execute: Function = driver.get("execute")?;
    let told: Object = execute.call((
        snippet.code.as_str(),
        filename,
        snippet.variables.as_str(),
        snippet.args.clone(),
        snippet.value_bytes,
    ))?;
    let ending = match told.get::<_, Option<Object>>("failure")? {
        Some(failure) => Ending::Failed(Failure {
            name: failure.get("name")?,
            message: failure.get("message")?,
            traceback: failure.get("traceback")?,
            line: failure.get("line")?,
        }),
        None => match told.get::<_, Option<u32>>("exited")? {
            Some(code) => Ending::Exited(code),
            None => Ending::Finished,
        },
    };
    let value = told.get::<_, Option<Object>>("value")?.map(|value| shown(&value)).transpose()?;
    let shown = told.get::<_, Vec<Object>>("shown")?.iter().map(shown).collect::<rquickjs::Result<_>>()?;
    Ok((ending, value, shown))
}

fn shown(value: &Object) -> rquickjs::Result<Shown> {
    let forms: Vec<Object> = value.get("forms")?;
    let form = |form: &Object| -> rquickjs::Result<Form> {
        Ok(Form { mime: form.get("mime")?, data: form.get("data")?, base64: form.get("base64")? })
    };
    Ok(Shown {
        json: value.get("json")?,
        text: value.get("text")?,
        cut: value.get("cut")?,
        forms: forms.iter().map(form).collect::<rquickjs::Result<_>>()?,
    })
}

/// The driver itself did not come to an end: the snippet exited, or memory or stack ran out.
fn broken(error: &CaughtError) -> Ending {
    // Nobody can catch an exit, the driver neither.
    if let Some(code) = world::exited() {
        return Ending::Exited(code);
    }
    let text = error.to_string();
    if text.contains("interrupted") {
        let message = "the caller ended it";
        return Ending::Failed(Failure { name: "Interrupted".into(), message: message.into(), traceback: format!("Interrupted: {message}\n"), line: None });
    }
    Ending::Failed(Failure { name: "InternalError".into(), message: text.clone(), traceback: text, line: None })
}
