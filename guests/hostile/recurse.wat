;; E05: recursion without end, also with a call to the host at the bottom of every frame.
(component
  (import "wasi:random/random@0.2.0" (instance $random (export "get-random-u64" (func (result u64)))))
  (core func $random (canon lower (func $random "get-random-u64")))
  (core module $m
    (import "host" "random" (func $random (result i64)))
    (func $deep (param i64) (result i64) (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (i64.const 1)))
    (func $deep-host (param i64) (result i64)
      (i64.add (call $deep-host (call $random)) (i64.add (call $random) (local.get 0))))
    (func (export "deep") (result i64) (call $deep (i64.const 0)))
    (func (export "deep-host") (result i64) (call $deep-host (i64.const 0))))
  (core instance $i (instantiate $m (with "host" (instance (export "random" (func $random))))))
  (func (export "deep") (result u64) (canon lift (core func $i "deep")))
  (func (export "deep-host") (result u64) (canon lift (core func $i "deep-host"))))
