const items = [
  { name: "beta", size: 3, tag: "x" }, { name: "alpha", size: 3, tag: "y" }, { name: "Gamma", size: 1, tag: "x" },
  { name: "delta", size: 10 }, { name: "alpha", size: 1, tag: "y" },
];
const by = (...keys) => (a, b) => {
  for (const key of keys) {
    const [name, sign] = key.startsWith("-") ? [key.slice(1), -1] : [key, 1];
    if (a[name] !== b[name]) return (a[name] < b[name] ? -1 : 1) * sign;
  }
  return 0;
};
console.log([...items].sort(by("-size", "name")).map(({ name, size }) => name + size).join(" "));
const groups = items.reduce((found, item) => ({ ...found, [item.tag]: [...(found[item.tag] ?? []), item.name] }), {});
console.log(groups);
console.log([10, 9, 1, 100].sort(), [3, 1, 2].toSorted((a, b) => b - a), [undefined, 3, , 1].sort(), ["b", , "a"].length);
console.log(Object.entries({ b: 2, 10: "ten", a: 1, 2: "two" }), [..."hello"].sort().reverse().join(""));
console.table(items.slice(0, 2));
const stable = Array.from({ length: 200 }, (_, n) => ({ key: n % 3, n }));
stable.sort((a, b) => a.key - b.key);
console.log(stable.every((item, i) => i === 0 || stable[i - 1].key < item.key || stable[i - 1].n < item.n), items.findLast(({ size }) => size === 3)?.name);
console.log([1, [2, [3, [4]]]].flat(Infinity), [5, 1, 4].toSpliced(1, 1, "x", "y"), [1, 2, 3].with(1, "two"), items.map((item) => item.tag).lastIndexOf("x"));
