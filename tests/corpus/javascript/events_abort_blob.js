const EventEmitter = require('events'); const { once, on } = EventEmitter;
class M extends EventEmitter {}
const m = new M();
m.on('a', function (x) { console.log('a', x, this === m); }); m.prependListener('a', () => console.log('first')); m.once('a', () => console.log('once'));
console.log(m.emit('a', 1), m.emit('a', 2), m.emit('none'), m.listenerCount('a'), m.eventNames());
try { m.emit('error', new Error('unheard')); } catch (e) { console.log(e.message); }
try { m.emit('error', 'text'); } catch (e) { console.log(e.code, e.message); }
(async () => { setTimeout(() => m.emit('later', 42), 1); console.log(await once(m, 'later'));
const t = new EventTarget(); t.addEventListener('x', e => console.log(e.type, e.detail, e instanceof Event), { once: true }); console.log(t.dispatchEvent(new CustomEvent('x', { detail: 5 })), t.dispatchEvent(new Event('x')));
const ac = new AbortController(); ac.signal.addEventListener('abort', () => console.log('aborted', ac.signal.reason.name)); ac.abort(); console.log(ac.signal.aborted);
try { ac.signal.throwIfAborted(); } catch (e) { console.log(e.name, e.message); }
const { setTimeout: sleep } = require('timers/promises');
try { await sleep(1000, null, { signal: AbortSignal.timeout(2) }); } catch (e) { console.log(e.name, e.code); }
console.log(await sleep(1, 'v'), AbortSignal.abort('why').reason);
try { structuredClone(new Proxy({}, {})); } catch (e) { console.log(e.name, e.message); }
try { structuredClone({ f() {} }); } catch (e) { console.log(e.name, e.message); }
const sl = require('util').promisify(setTimeout); console.log(await sl(1, 'done'));
const b = new Blob(['ab', 'c'], { type: 'text/plain' }); console.log(b.size, await b.text(), b);
const h = new Headers({ 'Content-Type': 'x', A: '1' }); h.append('a', '2'); console.log([...h], h.get('A'));
})();
