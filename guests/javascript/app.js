// Sums up JSON lines: enough to show that a whole engine is at work.
export function total(lines) {
  return lines
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line))
    .reduce((sum, { amount }) => sum + amount, 0);
}
