;; E08: floods standard output, then standard error with empty writes; what it says would clear a terminal.
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 64) "\1b[2J\1b]0;owned\07\ff\fe harmless? ")
  (func (export "_start")
    (drop (call $sizes (i32.const 32) (i32.const 36)))
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 29))
    (if (i32.eq (i32.load (i32.const 32)) (i32.const 1))
      (then (loop $again (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16))) (br $again))))
    (i32.store (i32.const 4) (i32.const 0))
    (loop $again (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 16))) (br $again))))
