console.log("1 start");
setTimeout(() => console.log("8 timeout 0"), 0);
setTimeout(() => console.log("10 timeout 5"), 5);
setTimeout(() => { console.log("9 timeout 1"); Promise.resolve().then(() => console.log("9b after timeout")); }, 1);
(async () => {
  console.log("2 async body");
  await null;
  console.log("5 after await");
  try { await Promise.reject(new Error("x")); } catch (error) { console.log("7 caught", error.message); }
})();
new Promise((done) => { console.log("3 executor"); done(); }).then(() => console.log("6 then"));
process.nextTick(console.log, "4b tick");
console.log("4 end");
let ticks = 0;
const timer = setInterval(() => { if (++ticks === 3) { clearInterval(timer); console.log("ticked", ticks); } }, 8);
const cancelled = setTimeout(() => console.log("never"), 1);
clearTimeout(cancelled);
