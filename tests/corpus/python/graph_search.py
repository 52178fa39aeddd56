import heapq
from collections import defaultdict, deque

EDGES = [("a", "b", 4), ("a", "c", 2), ("c", "b", 1), ("b", "d", 5), ("c", "d", 8), ("d", "e", 3), ("f", "g", 1)]
graph = defaultdict(dict)
for u, v, w in EDGES:
    graph[u][v] = graph[v][u] = w


def dijkstra(start):
    best, parent, queue = {start: 0}, {}, [(0, start)]
    while queue:
        cost, node = heapq.heappop(queue)
        if cost > best[node]:
            continue
        for near, weight in graph[node].items():
            if cost + weight < best.get(near, float("inf")):
                best[near], parent[near] = cost + weight, node
                heapq.heappush(queue, (best[near], near))
    return best, parent


best, parent = dijkstra("a")
path = ["e"]
while path[-1] != "a":
    path.append(parent[path[-1]])
print(best, "->".join(reversed(path)))
seen, parts = set(), []
for node in sorted(graph):
    if node not in seen:
        queue, part = deque([node]), []
        seen.add(node)
        while queue:
            part.append(queue.popleft())
            for near in sorted(graph[part[-1]]):
                if near not in seen:
                    seen.add(near)
                    queue.append(near)
        parts.append(part)
print(parts)
from graphlib import CycleError, TopologicalSorter

tasks = {"test": {"build"}, "build": {"fetch", "lint"}, "lint": {"fetch"}, "ship": {"test"}}
print(list(TopologicalSorter(tasks).static_order()))
try:
    TopologicalSorter(tasks | {"fetch": {"ship"}}).prepare()
except CycleError as error:
    print("cycle", len(error.args[1]))
maze = ["S.#.....", "..#.###.", ".##.#...", "....#.#E"]
start, goal = (0, 0), (3, 7)
queue, dist = deque([start]), {start: 0}
while queue:
    r, c = queue.popleft()
    for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        cell = (r + dr, c + dc)
        if 0 <= cell[0] < 4 and 0 <= cell[1] < 8 and maze[cell[0]][cell[1]] != "#" and cell not in dist:
            dist[cell] = dist[r, c] + 1
            queue.append(cell)
print(dist[goal], len(dist))
