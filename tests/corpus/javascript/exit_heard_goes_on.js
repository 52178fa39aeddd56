// Where somebody listens for errors, all that waits is run.
process.on('uncaughtException', (error) => console.log('heard', error.message));
process.on('exit', (code) => console.log('exit', code));
Promise.resolve().then(() => console.log('a promise'));
process.nextTick(() => console.log('a tick'));
setTimeout(() => { process.nextTick(() => console.log('its tick')); throw new Error('in a timer'); }, 1);
setTimeout(() => console.log('a timer'), 20);
throw new Error('sync');
