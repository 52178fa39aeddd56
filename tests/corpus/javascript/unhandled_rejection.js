async function load(name) {
  await new Promise((done) => setTimeout(done, 1));
  if (name === "b") throw new Error(`cannot load ${name}`);
  return name.toUpperCase();
}
(async () => {
  for (const name of ["a", "b", "c"]) console.log(await load(name));
})();
console.log("started");
