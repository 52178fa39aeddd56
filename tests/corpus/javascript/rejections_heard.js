process.on('unhandledRejection', (r, p) => { console.log('UR', r.message, p instanceof Promise); process.exit(7); });
process.on('exit', c => console.log('exit', c)); setTimeout(() => console.log('no'), 50); (async () => { await null; throw new Error('boom'); })();
