;; E21: shows the bits of a NaN that an operation made from two different ones.
(component
  (core module $m
    (func (export "bits") (param f32 f32) (result i32)
      (i32.reinterpret_f32 (f32.add (local.get 0) (f32.div (local.get 1) (local.get 1))))))
  (core instance $i (instantiate $m))
  (func (export "bits") (param "a" f32) (param "b" f32) (result u32) (canon lift (core func $i "bits"))))
