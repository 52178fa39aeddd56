const people = JSON.parse(require("fs").readFileSync("people.json", "utf8"));
const zips = (list) => list.map((person) => person.address.zip.length);
console.log(zips(people.slice(0, 1)));
try { zips(people); } catch (error) { console.log("caught", error.name); }
throw new RangeError(`no zip for ${people[2].name}`);
