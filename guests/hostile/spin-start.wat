;; E01: an endless loop before anything was called.
(component
  (core module $m (func $s (loop $again (br $again))) (start $s) (func (export "f")))
  (core instance $i (instantiate $m))
  (func (export "f") (canon lift (core func $i "f"))))
