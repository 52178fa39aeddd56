;; E10: traps and exits while a call of the host into the guest is in flight.
(component
  (import "wasi:random/random@0.2.0" (instance $random
    (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (import "wasi:cli/exit@0.2.0" (instance $exit (export "exit" (func (param "status" (result))))))
  (core func $exit (canon lower (func $exit "exit")))
  (core module $mem
    (import "host" "exit" (func $exit (param i32)))
    (global $how (mut i32) (i32.const 0))
    (memory (export "memory") 1)
    (func (export "choose") (param i32) (global.set $how (local.get 0)))
    ;; The host calls this in the middle of a call of ours, and in the middle of passing an argument.
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (if (i32.eq (global.get $how) (i32.const 1)) (then unreachable))
      (if (i32.eq (global.get $how) (i32.const 2)) (then (call $exit (i32.const 1))))
      (i32.const 1024)))
  (core instance $mem (instantiate $mem (with "host" (instance (export "exit" (func $exit))))))
  (core func $random (canon lower (func $random "get-random-bytes") (memory $mem "memory")
    (realloc (func $mem "realloc"))))
  (core module $m
    (import "host" "choose" (func $choose (param i32)))
    (import "host" "random" (func $random (param i64 i32)))
    (func (export "in-a-host-call") (param i32) (call $choose (local.get 0)) (call $random (i64.const 8) (i32.const 8)))
    (func (export "after-the-return") (param i32) unreachable)
    (func (export "value") (result i32) (i32.const 0))
    (func (export "exit-after-the-return") (param i32) (call $choose (i32.const 2)) (call $random (i64.const 8) (i32.const 8))))
  (core instance $i (instantiate $m (with "host" (instance
    (export "choose" (func $mem "choose")) (export "random" (func $random))))))
  (func (export "in-a-host-call") (param "how" u32) (canon lift (core func $i "in-a-host-call")))
  (func (export "trap-after-the-return") (result string)
    (canon lift (core func $i "value") (memory $mem "memory") (post-return (func $i "after-the-return"))))
  (func (export "exit-after-the-return") (result string)
    (canon lift (core func $i "value") (memory $mem "memory") (post-return (func $i "exit-after-the-return")))))
