//! Modules that a snippet may import: those of `js/`, by name, and files of its own.

use rquickjs::loader::{ImportAttributes, Loader, Resolver};
use rquickjs::module::Declared;
use rquickjs::{Ctx, Error, Module};

/// What all parts have in common, what they add to it, in this order, and what runs a snippet with all of it.
pub const KIT: &str = include_str!("js/kit.js");
pub const PARTS: [&str; 25] = [
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
    include_str!("js/zlib.js"),
    include_str!("js/clone.js"),
    include_str!("js/web.js"),
    include_str!("js/modules.js"),
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

/// The part of a name after `node:`, which is ours to serve.
pub struct Names;

impl Resolver for Names {
    fn resolve<'js>(&mut self, _: &Ctx<'js>, base: &str, name: &str, _: Option<ImportAttributes<'js>>) -> rquickjs::Result<String> {
        if !name.starts_with('.') && !name.starts_with('/') {
            return Ok(format!("builtin:{}", name.trim_start_matches("node:")));
        }
        let folder = base.rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(if name.starts_with('/') { name.to_owned() } else { format!("{folder}/{}", name.trim_start_matches("./")) })
    }
}

/// A module of ours is what `require` gives, as its default export and by its names.
pub struct Sources;

impl Loader for Sources {
    fn load<'js>(&mut self, ctx: &Ctx<'js>, name: &str, _: Option<ImportAttributes<'js>>) -> rquickjs::Result<Module<'js, Declared>> {
        let Some(builtin) = name.strip_prefix("builtin:") else {
            let path = name.trim_start_matches("./");
            let source = std::fs::read(path).map_err(|error| Error::new_loading_message(name, error.to_string()))?;
            if let Some(at) = source.iter().position(|&byte| byte == 0) {
                return Err(Error::new_loading_message(name, nul(&source[..at])));
            }
            return Module::declare(ctx.clone(), name, source);
        };
        let require: rquickjs::Function = ctx.globals().get("require")?;
        let exports: rquickjs::Object = require.call((builtin,))?;
        let names: Vec<String> = exports.keys::<String>().filter_map(Result::ok).filter(|key| is_name(key)).collect();
        let source = format!(
            "const it = require({builtin:?}); export default it; export const {{ {} }} = it;",
            names.join(", ")
        );
        Module::declare(ctx.clone(), name, source)
    }
}

/// Where it is: `rquickjs` takes the text of a module to end there.
fn nul(before: &[u8]) -> String {
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    let column = 1 + before.iter().rev().take_while(|&&byte| byte != b'\n').count();
    format!("a NUL byte at line {line}, column {column}, which a file that is imported may not have: write \\0 in a string")
}

fn is_name(key: &str) -> bool {
    key != "default" && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$') && !key.starts_with(|c: char| c.is_ascii_digit())
}
