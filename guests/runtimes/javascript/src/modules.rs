//! The parts that what a snippet sees is made of, and the modules that it may import.

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Function, Module, Object, Persistent, Value};

/// What all parts have in common, what they add to it, in this order, and what runs a snippet with all of it.
pub const KIT: &str = include_str!("js/kit.js");
pub const PARTS: [&str; 29] = [
    include_str!("js/console.js"),
    include_str!("js/text.js"),
    include_str!("js/buffer.js"),
    include_str!("js/url.js"),
    include_str!("js/timers.js"),
    include_str!("js/events.js"),
    include_str!("js/process.js"),
    include_str!("js/path.js"),
    include_str!("js/fs.js"),
    include_str!("js/util.js"),
    include_str!("js/crypto.js"),
    include_str!("js/streams.js"),
    include_str!("js/writables.js"),
    include_str!("js/pipes.js"),
    include_str!("js/readline.js"),
    include_str!("js/zlib.js"),
    include_str!("js/clone.js"),
    include_str!("js/web.js"),
    include_str!("js/modules.js"),
    include_str!("js/imports.js"),
    include_str!("js/tools.js"),
    include_str!("js/locales.js"),
    include_str!("js/numbers.js"),
    include_str!("js/dates.js"),
    include_str!("js/collation.js"),
    include_str!("js/intl.js"),
    include_str!("js/script.js"),
    include_str!("js/values.js"),
    include_str!("js/failures.js"),
];
pub const DRIVER: &str = include_str!("js/driver.js");
/// Node's own `util.inspect` (npm: node-inspect-extracted), as a module with what it looks for around it.
pub const INSPECT: &str = concat!(
    "(() => { const module = { exports: {} }, exports = module.exports; globalThis.Atomics = {};",
    include_str!("js/inspect.js"),
    "\n; delete globalThis.Atomics; return module.exports; })()"
);

/// What `js/imports.js` says that a name means, seen from the file that asks for it.
pub struct Names(pub Persistent<Object<'static>>);

impl Resolver for Names {
    fn resolve<'js>(&mut self, ctx: &Ctx<'js>, base: &str, name: &str, _: Option<ImportAttributes<'js>>) -> rquickjs::Result<String> {
        self.0.clone().restore(ctx)?.get::<_, Function>("resolve")?.call((base, name))
    }
}

/// The text that `js/imports.js` gives for a module, and what is in its `import.meta`.
pub struct Sources(pub Persistent<Object<'static>>);

impl Loader for Sources {
    fn load<'js>(&mut self, ctx: &Ctx<'js>, name: &str, attributes: Option<ImportAttributes<'js>>) -> rquickjs::Result<Module<'js, Declared>> {
        let mut asked = Vec::new();
        if let Some(attributes) = attributes {
            for key in attributes.keys() {
                let key = key?;
                asked.push(vec![key.clone(), attributes.get(&key)?.unwrap_or_default()]);
            }
        }
        let told: Object = self.0.clone().restore(ctx)?.get::<_, Function>("load")?.call((name, asked))?;
        let module = Module::declare(ctx.clone(), name, told.get::<_, String>("text")?)?;
        let meta = module.meta()?;
        for entry in told.get::<_, Object>("meta")?.props::<String, Value>() {
            let (key, value) = entry?;
            meta.set(key, value)?;
        }
        Ok(module)
    }
}
