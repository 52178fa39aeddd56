;; Fills and copies memory with one instruction: as a guest that means no harm, and as one that wants to be busy
;; where nothing can end it.
(component
  (core module $m
    (memory 32)
    (func $pattern (local $i i32)
      (loop $next
        (i32.store8 (local.get $i) (i32.shr_u (i32.mul (local.get $i) (i32.const -1640531535)) (i32.const 24)))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2097152)))))
    (func $sum (result i32) (local $i i32) (local $sum i32)
      (loop $next
        (local.set $sum
          (i32.add (i32.mul (local.get $sum) (i32.const 31)) (i32.load8_u (local.get $i))))
        (br_if $next (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 2097152))))
      (local.get $sum))
    (func (export "fill") (param i32 i32 i32) (result i32)
      (call $pattern)
      (memory.fill (local.get 0) (local.get 1) (local.get 2))
      (call $sum))
    (func (export "copy") (param i32 i32 i32) (result i32)
      (call $pattern)
      (memory.copy (local.get 0) (local.get 1) (local.get 2))
      (call $sum))
    (func (export "fill-all")
      (drop (memory.grow (i32.const 16352)))
      (memory.fill (i32.const 0) (i32.const 1) (i32.const 1073741824)))
    (func (export "copy-all") (param i32 i32)
      (drop (memory.grow (i32.const 16352)))
      (memory.copy (local.get 0) (local.get 1) (i32.const 1073610752))))
  (core instance $i (instantiate $m))
  (func (export "fill") (param "to" u32) (param "value" u32) (param "bytes" u32) (result u32)
    (canon lift (core func $i "fill")))
  (func (export "copy") (param "to" u32) (param "from" u32) (param "bytes" u32) (result u32)
    (canon lift (core func $i "copy")))
  (func (export "fill-all") (canon lift (core func $i "fill-all")))
  (func (export "copy-all") (param "to" u32) (param "from" u32) (canon lift (core func $i "copy-all"))))
