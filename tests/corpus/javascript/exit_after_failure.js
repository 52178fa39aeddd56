process.on('exit', (c) => console.log('code', c));
async function main() { throw new TypeError('bad'); }
main().catch(e => { console.error('fatal', e.message); process.exit(2); });
