// As in a script, so in what a timer calls, a tick calls and a promise rejects with.
process.on('exit', (code) => { console.log('exit', code); process.exitCode = 0; });
setTimeout(() => console.log('never: later'), 5);
setTimeout(() => {
  console.log('timer');
  Promise.resolve().then(() => console.log('never: a promise'));
  process.nextTick(() => console.log('never: a tick'));
  setImmediate(() => console.log('never: at once'));
  throw new Error('in a timer');
}, 1);
Promise.resolve().then(() => console.log('a promise'));
process.nextTick(() => console.log('a tick'));
