const assert = require('assert');
const t = f => { try { f(); console.log('ok'); } catch (e) { console.log(e.name, e.code, '|', e.message); } };
t(() => assert.deepStrictEqual({ a: 1, b: [1, 2] }, { a: 1, b: [1, 2] }));
t(() => assert.deepStrictEqual({ a: 1, b: [1, 2] }, { a: 1, b: [1, 3] }));
t(() => assert.strictEqual(1, 2)); t(() => assert.strictEqual('a', 'b', 'mine')); t(() => assert.equal(1, '1')); t(() => assert(0, 'zero')); t(() => assert.ok(true));
t(() => assert.throws(() => { throw new TypeError('bad'); }, TypeError)); t(() => assert.throws(() => { throw new TypeError('bad'); }, /bad/)); t(() => assert.throws(() => { throw new TypeError('bad'); }, { name: 'TypeError', message: 'bad' })); t(() => assert.throws(() => {})); t(() => assert.throws(() => { throw new Error('x'); }, /y/));
t(() => assert.notStrictEqual(1, 1)); t(() => assert.match('abc', /x/)); t(() => assert.deepEqual(new Set([1]), new Set([1]))); t(() => assert.deepStrictEqual(new Map([[1, { a: 1 }]]), new Map([[1, { a: 1 }]]))); t(() => assert.deepStrictEqual([1, 2], [1, 2, 3])); t(() => assert.fail('f')); t(() => assert.ifError(null)); t(() => assert.deepStrictEqual(NaN, NaN)); t(() => assert.deepStrictEqual(new Date(0), new Date(0)));
assert.rejects(Promise.reject(new Error('r')), /r/).then(() => console.log('rejects ok'));
