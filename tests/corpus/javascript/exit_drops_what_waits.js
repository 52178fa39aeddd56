// After an error that nobody catches nothing of what waits is run, and a listener of the end says the code.
process.on('exit', (code) => { console.log('exit', code, process.exitCode); Promise.resolve().then(() => console.log('never: after the end')); process.exitCode = 9; });
process.exitCode = 5;
Promise.resolve().then(() => console.log('never: a promise'));
queueMicrotask(() => console.log('never: a microtask'));
process.nextTick(() => console.log('never: a tick'));
setTimeout(() => console.log('never: a timer'), 1);
setImmediate(() => console.log('never: at once'));
throw new Error('sync');
