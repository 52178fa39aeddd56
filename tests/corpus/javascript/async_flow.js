const wait = (ms, value, fail) => new Promise((done, not) => setTimeout(() => (fail ? not(new Error(fail)) : done(value)), ms));

async function pool(tasks, size) {
  const results = [], running = new Set();
  for (const [index, task] of tasks.entries()) {
    const one = task().then((value) => { results[index] = value; running.delete(one); });
    running.add(one);
    if (running.size >= size) await Promise.race(running);
  }
  await Promise.all(running);
  return results;
}

async function retry(act, times, log = []) {
  for (let attempt = 1; ; attempt++)
    try { return [await act(attempt), log]; } catch (error) { log.push(`${attempt}: ${error.message}`); if (attempt >= times) throw new AggregateError([error], "gave up", { cause: log }); }
}

async function* pages() { for (let page = 1; page <= 3; page++) { await wait(2); yield { page, items: ["a", "b"].map((x) => x + page) }; } }

async function main() {
  console.log((await Promise.allSettled([wait(3, "x"), wait(1, 0, "down"), 7])).map((one) => one.reason?.message ?? one));
  console.log(await Promise.any([wait(5, "slow"), wait(1, 0, "no"), wait(2, "quick")]), await Promise.race([wait(9, "a"), wait(1, "b")]));
  console.log(await pool([30, 5, 10].map((ms, n) => () => wait(ms, n * n)), 2));
  console.log(await retry((n) => (n < 3 ? wait(1, 0, "flaky") : wait(1, "ok")), 5));
  try { await retry(() => wait(1, 0, "never"), 2); } catch (error) { console.log(error.name, error.message, error.errors.length, error.cause); }
  for await (const { page, items } of pages()) console.log(page, items);
  const order = [];
  setTimeout(() => order.push("timeout"), 0);
  Promise.resolve().then(() => order.push("promise")).finally(() => order.push("finally"));
  queueMicrotask(() => order.push("microtask"));
  process.nextTick(() => order.push("tick"));
  order.push("sync");
  await wait(10);
  console.log(order);
  console.log(wait(1), Promise.resolve(3), (async () => {})());
}
main().catch((error) => { console.error(error); process.exitCode = 1; }).finally(() => console.log("end"));
