;; E06: asks the host for 4 GiB of randomness, returns strings and lists of enormous length, hands over a huge string.
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-bytes" (func (param "len" u64) (result (list u8))))))
  (core module $mem
    (memory (export "memory") 400)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 16)))
  (core instance $mem (instantiate $mem))
  (core func $random (canon lower (func $random "get-random-bytes") (memory $mem "memory") (realloc (func $mem "realloc"))))
  (core module $m
    (import "host" "memory" (memory 1))
    (import "host" "random" (func $random (param i64 i32)))
    (func (export "random") (param i64) (call $random (local.get 0) (i32.const 8)))
    (func $pair (param i32 i32) (result i32)
      (i32.store (i32.const 0) (local.get 0)) (i32.store (i32.const 4) (local.get 1)) (i32.const 0))
    (func (export "text") (param i32) (result i32) (call $pair (i32.const 1024) (local.get 0)))
    (func (export "lists") (result i32) (call $pair (i32.const 1024) (i32.const 3000000)))
    (func (export "bad-text") (result i32)
      (i32.store (i32.const 1024) (i32.const 0xffffffff)) (call $pair (i32.const 1024) (i32.const 4))))
  (core instance $i (instantiate $m (with "host" (instance (export "memory" (memory $mem "memory")) (export "random" (func $random))))))
  (func (export "random") (param "length" u64) (canon lift (core func $i "random")))
  (func (export "text") (param "length" u32) (result string) (canon lift (core func $i "text") (memory $mem "memory")))
  (func (export "lists") (result (list (list u8))) (canon lift (core func $i "lists") (memory $mem "memory")))
  (func (export "bad-text") (result string) (canon lift (core func $i "bad-text") (memory $mem "memory"))))
