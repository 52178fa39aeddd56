const edges = [["a", "b", 4], ["a", "c", 2], ["c", "b", 1], ["b", "d", 5], ["c", "d", 8], ["d", "e", 3], ["f", "g", 1]];
const graph = {};
for (const [u, v, w] of edges) { (graph[u] ??= {})[v] = w; (graph[v] ??= {})[u] = w; }
class Heap {
  #items = [];
  push(item) { this.#items.push(item); let at = this.#items.length - 1; while (at && this.#less(at, (at - 1) >> 1)) at = this.#swap(at, (at - 1) >> 1); }
  pop() { const [top] = this.#items; const last = this.#items.pop(); if (this.#items.length) { this.#items[0] = last; for (let at = 0; ; ) { const kids = [2 * at + 1, 2 * at + 2].filter((k) => k < this.#items.length); const best = kids.reduce((x, y) => (x < 0 || this.#less(y, x) ? y : x), -1); if (best < 0 || !this.#less(best, at)) break; at = this.#swap(at, best); } } return top; }
  #less(a, b) { return this.#items[a][0] < this.#items[b][0]; }
  #swap(a, b) { [this.#items[a], this.#items[b]] = [this.#items[b], this.#items[a]]; return b; }
  get size() { return this.#items.length; }
}
const dijkstra = (start) => {
  const best = { [start]: 0 }, parent = {}, heap = new Heap();
  heap.push([0, start]);
  while (heap.size) {
    const [cost, node] = heap.pop();
    for (const [near, weight] of Object.entries(graph[node])) if (cost + weight < (best[near] ?? Infinity)) { best[near] = cost + weight; parent[near] = node; heap.push([best[near], near]); }
  }
  return [best, parent];
};
const [best, parent] = dijkstra("a");
const trail = ["e"];
while (parent[trail[0]]) trail.unshift(parent[trail[0]]);
console.log(best, trail.join("->"));
const tasks = { test: ["build"], build: ["fetch", "lint"], lint: ["fetch"], ship: ["test"], fetch: [] };
const sort = (graph) => { const done = [], state = {}; const visit = (node, path) => { if (state[node] === 2) return; if (state[node] === 1) throw new Error(`cycle: ${[...path, node].join(">")}`); state[node] = 1; graph[node].forEach((next) => visit(next, [...path, node])); state[node] = 2; done.push(node); }; Object.keys(graph).forEach((node) => visit(node, [])); return done; };
console.log(sort(tasks));
try { sort({ ...tasks, fetch: ["ship"] }); } catch (error) { console.log(error.message); }
const maze = ["S.#.....", "..#.###.", ".##.#...", "....#.#E"].map((row) => [...row]);
const queue = [[0, 0, 0]], seen = new Set(["0,0"]);
while (queue.length) { const [r, c, d] = queue.shift(); if (maze[r][c] === "E") { console.log("steps", d); break; } for (const [dr, dc] of [[0, 1], [1, 0], [0, -1], [-1, 0]]) { const k = `${r + dr},${c + dc}`; if (maze[r + dr]?.[c + dc] && maze[r + dr][c + dc] !== "#" && !seen.has(k)) { seen.add(k); queue.push([r + dr, c + dc, d + 1]); } } }
const find = (roots, x) => (roots[x] === x ? x : (roots[x] = find(roots, roots[x]))), roots = Object.fromEntries(Object.keys(graph).map((n) => [n, n]));
const spanning = edges.toSorted((x, y) => x[2] - y[2]).filter(([u, v]) => { const [a, b] = [find(roots, u), find(roots, v)]; roots[a] = b; return a !== b; });
console.log(spanning.map((e) => e.join("")), new Set(Object.keys(roots).map((n) => find(roots, n))).size);
