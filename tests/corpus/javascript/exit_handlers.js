process.on('exit', (c) => { console.log('bye', c); process.exitCode = 9; });
setTimeout(() => console.log('never'), 100);
setTimeout(() => process.exit(4), 1);
