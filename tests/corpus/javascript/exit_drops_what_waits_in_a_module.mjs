// A module is run among promises: what was ready before it failed is run, ticks and timers are not.
import process from 'node:process';
process.on('exit', (code) => console.log('exit', code));
setTimeout(() => console.log('never: a timer'), 1);
process.nextTick(() => console.log('never: a tick'));
Promise.resolve().then(() => console.log('a promise'));
throw new Error('in a module');
