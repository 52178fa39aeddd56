;; E16: marks its memory, globals and table, and tells what it finds of an earlier mark.
(component
  (core module $m
    (memory 16) (table $t 16 funcref) (global $g (mut i32) (i32.const 0))
    (func $f) (elem declare func $f)
    (func (export "look-and-mark") (result i32) (local $i i32) (local $found i32)
      (local.set $found (global.get $g))
      (if (i32.eqz (ref.is_null (table.get $t (i32.const 3)))) (then (local.set $found (i32.const 2))))
      (loop $again
        (local.set $found (i32.or (local.get $found) (i32.load (local.get $i))))
        (i32.store (local.get $i) (i32.const 0x5ec2e7))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $again (i32.lt_u (local.get $i) (i32.const 1048576))))
      (table.set $t (i32.const 3) (ref.func $f))
      (global.set $g (i32.const 1))
      (local.get $found)))
  (core instance $i (instantiate $m))
  (func (export "look-and-mark") (result u32) (canon lift (core func $i "look-and-mark"))))
