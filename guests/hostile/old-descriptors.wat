;; E16: tries the first thousand descriptors; exits with 1 if one of them is a file or a folder.
(module
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_filestat_get" (func $filestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func (export "_start") (local $fd i32)
    (local.set $fd (i32.const 3))
    (loop $next
      (if (i32.eqz (call $prestat (local.get $fd) (i32.const 64))) (then (call $exit (i32.const 1))))
      (if (i32.eqz (call $filestat (local.get $fd) (i32.const 64))) (then (call $exit (i32.const 1))))
      (if (i32.eqz (call $seek (local.get $fd) (i64.const 0) (i32.const 1) (i32.const 64)))
        (then (call $exit (i32.const 1))))
      (br_if $next
        (i32.lt_u (local.tee $fd (i32.add (local.get $fd) (i32.const 1))) (i32.const 1000))))))
