process.on('exit', (c) => console.log('exit with', c));
console.log('before');
function deep() { throw new TypeError('it broke'); }
deep();
