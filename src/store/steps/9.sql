-- What fenced a run. Until then it was WebAssembly, each of a component; a command of the machine has none, which is ''.
ALTER TABLE runs ADD COLUMN backend TEXT NOT NULL DEFAULT 'wasm';
